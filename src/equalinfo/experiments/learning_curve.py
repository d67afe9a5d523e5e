"""One M2 scored along its way: held-out bits/byte against steps, the same text for every method."""

import math
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import Example, ShuffledExamples, cut_examples
from equalinfo.experiments.statistics import ratio_error
from equalinfo.experiments.workspace import read_examples
from equalinfo.files import read_json, write_json
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.scoring import cut_sequences, nats_of_ids
from equalinfo.model.train_loop import Trainer, TrainingData
from equalinfo.predict.base import Predictor, distribution_bits
from equalinfo.runs.run import fingerprint_of
from equalinfo.score import metrics
from equalinfo.shards.format import read_split, tokens_manifest
from equalinfo.sizes import size_by_name
from equalinfo.train.config import M2Config

SCORED = 32  # held-out examples, spread over all of them so that every source is among them


@dataclass(frozen=True)
class Point:
    """What an M2 knows after some steps.

    Args:
        source_bytes: of training text read so far.
        seconds: of training, scoring left out.
        bits: what each held-out example costs, in bits.
        sizes: source bytes of each.
        tokens: of each.
    """

    step: int
    source_bytes: float
    seconds: float
    bits: list[float]
    sizes: list[int]
    tokens: list[int]

    @property
    def bits_per_byte(self) -> float:
        tokens = sum(self.tokens)
        return metrics.bits_per_byte(sum(self.bits) * math.log(2) / tokens, tokens, sum(self.sizes))

    @property
    def error(self) -> float | None:
        """The standard error of `bits_per_byte` over the examples."""
        return ratio_error(self.bits, self.sizes)


def spread(count: int, most: int = SCORED) -> list[int]:
    """Numbers of at most `most` of `count` things, evenly spread.

    Examples:
        >>> spread(10, 3), spread(2, 3)
        ([0, 3, 6], [0, 1])
    """
    return [number * count // min(most, count) for number in range(min(most, count))]


def scored_examples(corpus: Corpus, example_bytes: int, most: int = SCORED) -> list[Example]:
    """The held-out examples that models are scored on."""
    held_out = list(cut_examples(corpus.documents("validation"), example_bytes))
    return [held_out[number] for number in spread(len(held_out), most)]


def drawn(documents: Iterable[bytes], example_bytes: int, most: int, seed: int = 0) -> list[Example]:
    """The first of the training examples in their random order, of `most` bytes together."""
    examples = ShuffledExamples(cut_examples(documents, example_bytes))
    return list(islice(examples.iterate(seed), min(len(examples), most // example_bytes)))


def predictor_point(model: Predictor, examples: Sequence[Example], length: int | None = None) -> Point:
    """What a predictor makes of held-out examples; its tokens are bytes.

    Args:
        length: it reads them in sequences of so many bytes; default: each whole.
    """
    bits = []
    for one in examples:
        parts = cut_sequences(np.frombuffer(one.data, np.uint8), length or len(one.data))
        texts = [part.tobytes() for part in parts]
        bits.append(sum(distribution_bits(model.frequencies(text), text) for text in texts))
    sizes = [one.source_bytes for one in examples]
    return Point(0, 0.0, 0.0, bits, sizes, sizes)


def points_of(steps: int, fewest: int = 150) -> list[int]:
    """Steps at which to look, twice an octave; the last is the end.

    Examples:
        >>> points_of(1000, fewest=200)
        [250, 354, 500, 707, 1000]
    """
    octaves = int(2 * math.log2(max(1.0, steps / fewest)))
    return [round(steps * 2 ** (-half / 2)) for half in range(octaves, -1, -1)]


@dataclass(frozen=True)
class Course:
    """A training whose model is scored along its way.

    Args:
        about: what decides the weights and the scores.
        trainer: makes the trainer, of a folder for checkpoints and a fingerprint.
        bits: what each held-out example costs a model, in bits.
        sizes, tokens: source bytes and tokens of each of them.
        bytes_per_step: source bytes of training text that a step reads.
    """

    about: tuple[object, ...]
    trainer: Callable[[Path, str], Trainer]
    bits: Callable[[Decoder], list[float]]
    sizes: list[int]
    tokens: list[int]
    bytes_per_step: float


def learning_curve(course: Course, points: Sequence[int], out: Path, progress: Progress) -> list[Point]:
    """Trains a model and scores it after each of `points` steps; what is done is kept under `out`.

    A killed training resumes where it was; a finished one is read.

    Args:
        points: steps in ascending order, the last the config's.

    Raises:
        EqualInfoError: as a training of `train.m2`.
    """
    key = fingerprint_of(*course.about, list(points))
    folder = out / key
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "curve.json"
    done = [Point(**point) for point in read_json(file)] if file.is_file() else []
    if len(done) == len(points):
        return done
    trainer = course.trainer(folder, key)
    seconds = done[-1].seconds if done else 0.0
    for step in points[len(done) :]:
        before = time.monotonic()
        trainer.run(progress, until=step)
        seconds += time.monotonic() - before
        bits = course.bits(trainer.model)
        done.append(Point(step, step * course.bytes_per_step, seconds, bits, course.sizes, course.tokens))
        write_json(file, [asdict(point) for point in done])
    for checkpoint in folder.glob("step-*"):
        shutil.rmtree(checkpoint)
    return done


def token_course(tokens: Path, config: M2Config, most: int = SCORED) -> Course:
    """Of an M2 on a tokens directory, scored on so many of its held-out examples."""
    manifest = tokens_manifest(tokens, verify=False)
    training, held_out = read_split(tokens, "train"), read_examples(tokens, "validation")
    scored = [held_out[number] for number in spread(len(held_out), most)]
    length = config.sequence_length

    def trainer(folder: Path, key: str) -> Trainer:
        batches = SequenceBatches(training.sequences(length), config.batch_size, config.seed)
        data = TrainingData(
            batches, key, lambda nats: metrics.bits_per_byte(nats, training.tokens, training.source_bytes)
        )
        model = Decoder(size_by_name(config.size), manifest["vocab"], config.preset)
        return Trainer(model, data, config, folder, title=manifest["spec"])

    def bits(model: Decoder) -> list[float]:
        return [float(nats_of_ids(model, ids, length, length).sum()) / math.log(2) for ids, _ in scored]

    about: tuple[object, ...] = (manifest["tokenizer"], manifest["splits"]["train"]["text"], config.plan())
    about += (most,) if most != SCORED else ()
    sizes, counts = [size for _, size in scored], [len(ids) for ids, _ in scored]
    ratio = metrics.bytes_per_token(training.source_bytes, training.tokens)
    return Course(about, trainer, bits, sizes, counts, config.sequences_per_step * length * ratio)


def training_flops(vocab: int, config: M2Config, tokens: int) -> float:
    """FLOPs of training on so many tokens: three times the forward's, with attention and the output table.

    A multiply-add counts as two. The input table is looked up and costs nothing.
    """
    size = size_by_name(config.size)
    # Each position reads half a sequence on average: scores and sums, over all heads.
    attention = size.n_layers * 2 * size.n_heads * size.d_head * config.sequence_length / 2
    return 6.0 * tokens * (size.parameters + attention + vocab * size.d_model)
