"""Training M1, the byte-level model whose probabilities drive the coders (`equalinfo train-m1`)."""

import math
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import cut_examples
from equalinfo.errors import EqualInfoError
from equalinfo.fields import Fields, read_fields
from equalinfo.files import MANIFEST, json_bytes, read_manifest, sha256_bytes, write_manifest
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.config import RuntimeConfig
from equalinfo.model.decoder import Decoder
from equalinfo.model.paper import PaperLayer
from equalinfo.model.scoring import bits_at_precision, cut_sequences, total_nats
from equalinfo.model.storage import file_tensors, load_decoder, save_tensors
from equalinfo.model.train_loop import TrainingData
from equalinfo.predict.base import PRECISION, distribution_bits
from equalinfo.predict.quantise import quantise
from equalinfo.score.metrics import bits_per_byte
from equalinfo.sizes import size_by_name
from equalinfo.train.config import M1Config
from equalinfo.train.frame import Training

KIND = "m1"
WEIGHTS = "model.safetensors"
VALIDATION_EXAMPLES = 20  # 200 kB: enough for the third digit
EXACT_SEQUENCES = 100


@dataclass(frozen=True)
class M1Figures:
    """What was measured on held-out text.

    Args:
        exact_over_float: bits of the exact model over those of the float one.
        exact_over_float_at_14_bits: the same with the float model's probabilities cut to 14 bits, which any coder of
            the paper's precision pays.
        exact_identity: the exact model's fingerprint.
        seconds: spent on training.
    """

    validation_bits_per_byte: float
    exact_over_float: float
    exact_over_float_at_14_bits: float
    exact_identity: str
    seconds: float


def train_m1(
    corpus: Corpus, config: M1Config, out: Path, progress: Progress, runtime: RuntimeConfig | None = None
) -> M1Figures | None:
    r"""Trains M1 on the corpus's training documents and writes an M1 directory.

    Args:
        out: M1 directory: config.json, model.safetensors, the exact model, log.jsonl.

    Returns:
        validation figures; None in other processes than the first.

    Raises:
        EqualInfoError: too little text, or OUT holds something else than an M1.

    Examples:
        >>> from equalinfo.progress import progress_bar
        >>> _ = Path("notes.jsonl").write_text("".join(f'{{"text": "note {n} of many"}}\n' for n in range(200)))
        >>> config = M1Config(size="65k", context=32, batch_size=4, steps=2)
        >>> with progress_bar(quiet=True) as progress:
        ...     figures = train_m1(Corpus("notes.jsonl"), config, Path("m1"), progress, RuntimeConfig(device="cpu"))
        >>> figures.validation_bits_per_byte < 9
        True
        >>> load_float_m1(Path("m1")).vocab
        256
    """
    return _M1Training(corpus, config, runtime).run(out, progress)


class _M1Training(Training[M1Figures]):
    kind = KIND

    def __init__(self, corpus: Corpus, config: M1Config, runtime: RuntimeConfig | None) -> None:
        super().__init__(config, runtime, corpus.inputs)
        self.corpus, self.m1, self.title = corpus, config, f"M1 {config.size}"

    def prepare(self, is_main: bool) -> tuple[Decoder, TrainingData]:
        context, batch = self.m1.context, self.m1.batch_size
        text = b"".join(example.data for example in cut_examples(self.corpus.documents("train")))
        if len(text) < context:
            raise EqualInfoError(
                f"{self.corpus.source} has {len(text)} bytes to train on; M1 needs {context} or more"
            )
        sequences = np.frombuffer(text, np.uint8)[: len(text) // context * context].reshape(-1, context)
        count = self.runtime.validation_examples or VALIDATION_EXAMPLES
        examples = list(islice(cut_examples(self.corpus.documents("validation")), count))
        self.source_bytes = sum(example.source_bytes for example in examples)
        self.held_out = [
            ids for e in examples for ids in cut_sequences(np.frombuffer(e.data, np.uint8), context)
        ]
        validation = None
        if self.runtime.validate_every:
            whole = [ids for ids in self.held_out if len(ids) == context]
            validation = SequenceBatches(np.array(whole), batch, 0, "validation")
        batches = SequenceBatches(sequences, batch, self.m1.seed)
        fingerprint = f"{sha256_bytes(text)} {context}"
        data = TrainingData(
            batches, fingerprint, lambda nats: bits_per_byte(nats, 1, 1), validation, _prefer_near
        )
        return Decoder(size_by_name(self.m1.size), 256), data

    def finish(self, model: Decoder, seconds: float, directory: Path, progress: Progress) -> M1Figures:
        size, tensors = size_by_name(self.m1.size), file_tensors(model)
        exact = quantise(size, {name: tensor.numpy() for name, tensor in tensors.items()})
        nats = total_nats(model, self.held_out)
        # The exact model is slower, so the two are compared on a sample.
        sample = self.held_out[:: max(1, len(self.held_out) // EXACT_SEQUENCES)]
        exact_bits = sum(distribution_bits(exact.frequencies(ids.tobytes()), ids.tobytes()) for ids in sample)
        figures = M1Figures(
            validation_bits_per_byte=bits_per_byte(
                nats / self.source_bytes, self.source_bytes, self.source_bytes
            ),
            exact_over_float=exact_bits / (total_nats(model, sample) / math.log(2)),
            exact_over_float_at_14_bits=exact_bits
            / sum(bits_at_precision(model, ids, PRECISION) for ids in sample),
            exact_identity=exact.fingerprint,
            seconds=seconds,
        )
        save_tensors(directory / WEIGHTS, tensors)
        exact.save(directory)
        config = {
            "size": self.m1.size,
            "dimensions": asdict(size),
            "vocab": 256,
            "context": self.m1.context,
            "plan": self.m1.record(),
            "corpus": self.corpus.source,
            "figures": asdict(figures),
        }
        (directory / "config.json").write_bytes(json_bytes(config))
        write_manifest(directory, KIND, identity=exact.fingerprint)
        return figures


def _prefer_near(model: Decoder) -> None:
    for layer in model.layers:
        if isinstance(layer, PaperLayer):
            layer.prefer_near()


def load_float_m1(path: Path) -> Decoder:
    """The model that was trained, of an M1 directory; the exact one is `predict.exact_files.load_m1`'s.

    Raises:
        EqualInfoError: the directory has no float weights, as those that ship.
    """
    weights = path / WEIGHTS
    if (path / MANIFEST).is_file() and not weights.is_file():
        raise EqualInfoError(f"{path.name} has no float weights; train an M1 by train-m1")
    return load_decoder(weights, size_by_name(m1_config(path)["size"]), 256)


class M1Fields(Fields):
    """What is read of an M1's config.json again."""

    size: str
    figures: dict[str, float | str]


def m1_config(path: Path) -> dict[str, Any]:
    """config.json of an M1 directory, checked."""
    read_manifest(path, KIND)
    return read_fields(path / "config.json", M1Fields)
