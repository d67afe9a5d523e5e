"""Training and scoring M2, the language model over tokens (`equalinfo train-m2`)."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from rich.progress import Progress

from equalinfo.errors import DamagedArtifact
from equalinfo.fields import Fields, check_fields
from equalinfo.files import read_manifest, write_manifest
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.config import RuntimeConfig
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import device_of
from equalinfo.model.scoring import cut_windows, total_nats
from equalinfo.model.train_loop import TrainingData
from equalinfo.score import metrics
from equalinfo.score.results import M2Figures, Scores
from equalinfo.shards.format import TokenShards, TokensInMemory, read_split, tokens_manifest
from equalinfo.shards.tokenize_sample import tokenizer_of
from equalinfo.sizes import size_by_name
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.config import M2Config
from equalinfo.train.frame import Training
from equalinfo.train.m2_directory import CONFIG, SHARED, load_model, read_config, save_model
from equalinfo.train.spelled_tables import spell_tables, texts_of_ids

KIND = "m2"


def train_m2(
    tokens: Path,
    config: M2Config,
    out: Path,
    progress: Progress,
    runtime: RuntimeConfig | None = None,
    spelled_tables: bool = False,
) -> M2Figures | None:
    r"""Trains M2 on a tokens directory, scores it on the validation shards, writes an M2 directory.

    Started by torchrun, all processes train it together, and the first one scores and writes.

    Args:
        spelled_tables: tokens that are spelled alike start alike.

    Raises:
        EqualInfoError: `spelled_tables` with ids that have no text of their own; OUT holds something else than an M2.

    Returns:
        what was measured; None in other processes than the first.

    Examples:
        >>> from equalinfo.corpus.corpus import Corpus
        >>> from equalinfo.progress import progress_bar
        >>> from equalinfo.shards.tokenize_sample import TokenizeConfig, tokenize
        >>> _ = Path("notes.jsonl").write_text("".join(f'{{"text": "note {n} of many"}}\n' for n in range(200)))
        >>> tokenizer = Tokenizer.from_pretrained("english-4k-exact")
        >>> config = M2Config(size="65k", sequence_length=16, batch_size=4, steps=2)
        >>> with progress_bar(quiet=True) as progress:
        ...     _ = tokenize(tokenizer, Corpus("notes.jsonl"), TokenizeConfig(), Path("tokens"), progress)
        ...     figures = train_m2(Path("tokens"), config, Path("m2"), progress)
        >>> figures.method, figures.vocab, figures.steps
        ('EqualInfo[b=12,v=4k]', 4096, 2)
        >>> model, tokenizer, settings = load_m2(Path("m2"))
        >>> settings["size"], model.vocab
        ('65k', 4096)
    """
    return _M2Training(tokens, config, runtime, spelled_tables).run(out, progress)


class _M2Training(Training[M2Figures]):
    kind = KIND

    def __init__(
        self, tokens: Path, config: M2Config, runtime: RuntimeConfig | None, spelled_tables: bool
    ) -> None:
        super().__init__(config, runtime, [tokens])
        self.tokens, self.m2, self.spelled_tables = tokens, config, spelled_tables

    def prepare(self, is_main: bool) -> tuple[Decoder, TrainingData]:
        config = self.m2
        manifest = self.manifest = tokens_manifest(self.tokens, verify=is_main)
        self.tokenizer = tokenizer_of(self.tokens, manifest)
        self.title = f"M2 {self.tokenizer.spec}"
        training = self.training = read_split(self.tokens, "train")
        self.validation = read_split(self.tokens, "validation", self.runtime.validation_examples)
        if is_main:
            training.check(self.tokenizer.vocab)
            self.validation.check(self.tokenizer.vocab)
        length, first_only = config.sequence_length, config.first_only
        self.batches = SequenceBatches(training.sequences(length, first_only), config.batch_size, config.seed)
        held_out = None
        if self.runtime.validate_every:
            whole = self.validation.sequences(length, first_only)
            held_out = SequenceBatches(whole, config.batch_size, 0, "validation")
        spell = partial(spell_tables, texts_of_ids(self.tokenizer)) if self.spelled_tables else None
        data = TrainingData(
            self.batches,
            f"{manifest['tokenizer']} {manifest['splits']['train']['text']} {length} {first_only}"
            + (" tables from spelling" if spell else "")
            + ("" if manifest.get("eos") is None else " EOS"),
            lambda nats: metrics.bits_per_byte(nats, training.tokens, training.source_bytes),
            held_out,
            spell,
        )
        return Decoder(size_by_name(config.size), self.tokenizer.vocab, config.preset), data

    def finish(self, model: Decoder, seconds: float, directory: Path, progress: Progress) -> M2Figures:
        config, tokenizer = self.m2, self.tokenizer
        model.to(device_of(self.runtime.device))
        scoring = Scoring(config.sequence_length, config.first_only)
        counts = self.training.counts(tokenizer.vocab)
        scores = measure(model, tokenizer, self.validation, scoring, progress, counts)
        sequences = config.steps * config.sequences_per_step
        figures = M2Figures(
            **scores.model_dump(),
            size=config.size,
            parameters=model.size.parameters,
            sequence_length=config.sequence_length,
            steps=config.steps,
            batch_size=config.sequences_per_step,
            seed=config.seed,
            train_tokens=sequences * config.sequence_length,
            windows_changed=self.manifest["windows_changed"],
            wall_seconds=seconds,
        )
        tokenizer.save_pretrained(directory / "tokenizer")
        about = {
            "size": config.size,
            "dimensions": asdict(model.size),
            "sequence_length": config.sequence_length,
            "plan": config.plan(),
            "epochs": sequences / len(self.batches.sequences),
            "measured": figures.model_dump(),
            "eos": self.manifest.get("eos"),
        }
        if self.spelled_tables:
            about["spelled_tables"] = True
        ours = save_model(directory, model, tokenizer, about)
        spec = str(tokenizer.spec)
        write_manifest(directory, KIND, tokenizer=tokenizer.fingerprint, spec=spec, config=ours)
        return figures


@dataclass(frozen=True)
class Scoring:
    """In which sequences a text is scored.

    Args:
        length: tokens of a sequence.
        first_only: only each example's first sequence, the paper's way.
        stride: tokens from one sequence to the next, fewer than `length` where they overlap: each then scores only the
            tokens that the one before it does not hold. Default: none overlap.
    """

    length: int
    first_only: bool = False
    stride: int | None = None

    def cut(self, ids: np.ndarray) -> list[tuple[np.ndarray, int]]:
        """An example's ids in sequences, and how many of each are only read."""
        windows = cut_windows(ids, self.length, self.stride or self.length)
        return windows[:1] if self.first_only else windows


def measure(
    model: Decoder,
    tokenizer: Tokenizer,
    text: TokenShards | TokensInMemory,
    scoring: Scoring,
    progress: Progress,
    training_counts: np.ndarray | None = None,
) -> Scores:
    """Scores the tokens of `text`, in sequences from an empty context.

    bits/byte is (tokens / source bytes) x nats per token / ln 2 (paper, section 4), with all tokens of
    the text scored, so that the bytes are exactly those of the source. With `first_only`, the ratio is that of the
    whole examples.

    Args:
        training_counts: how often each id occurs in training, for the unigram model; None: not known.
    """
    windows = [window for ids in text.ids for window in scoring.cut(ids)]
    sequences, read_only = [ids for ids, _ in windows], [read for _, read in windows]
    scored = sum(map(len, sequences)) - sum(read_only)
    task = progress.add_task(f"evaluate {tokenizer.spec}", total=len(sequences), note="")
    loss = total_nats(model, sequences, lambda count: progress.advance(task, count), read_only) / scored
    ratio, vocab = metrics.bytes_per_token(text.source_bytes, text.tokens), tokenizer.vocab
    unigram = None
    if training_counts is not None:
        unigram = metrics.unigram_bits_per_byte(training_counts, text.counts(vocab), text.source_bytes)
    return Scores(
        method=str(tokenizer.spec),
        vocab=vocab,
        bits_per_byte=metrics.bits_per_byte(loss, text.tokens, text.source_bytes),
        loss_nats=loss,
        eval_tokens=scored,
        eval_source_bytes=round(scored * ratio),
        bytes_per_token=ratio,
        bit_ratio=metrics.bit_ratio(text.source_bytes, text.tokens, vocab),
        uniform_bits_per_byte=metrics.uniform_bits_per_byte(vocab, ratio),
        unigram_bits_per_byte=unigram,
        flops_per_byte=metrics.flops_per_byte(model.size.nominal, ratio, tokenizer.m1_parameters),
        m1_parameters=tokenizer.m1_parameters,
    )


class TrainingFields(Fields):
    """Of a `TrainingConfig`."""

    seed: int


class PlanFields(Fields):
    """Of an `M2Config`."""

    first_only: bool
    training: TrainingFields


class M2Fields(Fields):
    """What is read of an M2's config.json again."""

    size: str
    preset: str = "paper"
    vocab: int
    sequence_length: int = Field(gt=0)
    plan: PlanFields


def load_m2(path: Path) -> tuple[Decoder, Tokenizer, dict[str, Any]]:
    """Model, tokenizer and config.json of an M2 directory.

    Raises:
        EqualInfoError: there is none.
        DamagedArtifact: its files are not what was written, or do not fit each other.
    """
    manifest = read_manifest(path, KIND, shared=SHARED)
    config = check_fields(read_config(path, manifest), M2Fields, path / CONFIG)
    tokenizer = Tokenizer.from_pretrained(path / "tokenizer")
    if manifest.get("tokenizer") != tokenizer.fingerprint or config["vocab"] != tokenizer.vocab:
        raise DamagedArtifact(f"{path / 'tokenizer'} is not the tokenizer that M2 was trained on")
    tokenizer.check_export(path, manifest)
    return load_model(path, config), tokenizer, config
