"""Training and scoring M2, the language model over tokens (`equalinfo train-m2`, `equalinfo evaluate`)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.examples import cut_examples
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import (
    atomic_directory,
    json_bytes,
    read_json,
    read_manifest,
    refuse_foreign_directory,
    write_manifest,
)
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.decoder import Decoder
from equalinfo.model.scoring import cut_sequences, total_nats
from equalinfo.model.sizes import size_by_name
from equalinfo.model.storage import load_weights, save_tensors
from equalinfo.model.training import TrainingPlan, train
from equalinfo.pipeline.corpora import Corpus
from equalinfo.pipeline.tokenizing import TokenizedSplit, read_split, tokens_manifest
from equalinfo.score import metrics
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.directory import load_tokenizer, save_tokenizer

KIND = "m2"


@dataclass(frozen=True)
class M2Plan:
    """What decides M2, besides its tokens.

    Args:
        size: by name.
        sequence_length: tokens per sequence (the paper: 512).
        first_only: train on the first sequence of each example only, as the paper does; otherwise on
            every whole sequence, which suits small corpora.
        training: steps, batch size, seed, optimizer.
    """

    size: str
    sequence_length: int
    training: TrainingPlan
    first_only: bool = False


def train_m2(tokens: Path, plan: M2Plan, out: Path, progress: Progress) -> dict[str, Any]:
    """Trains M2 on a tokens directory, scores it on the validation shards, writes an M2 directory.

    Returns:
        the measured fields of a results row (`score.results.Result`).
    """
    refuse_foreign_directory(out)
    manifest = tokens_manifest(tokens)
    tokenizer = load_tokenizer(tokens / "tokenizer")
    size = size_by_name(plan.size)
    training, validation = read_split(tokens, "train"), read_split(tokens, "validation")
    length = plan.sequence_length
    cut = [ids[:length] for ids in training.ids] if plan.first_only else training.ids
    whole = [np.asarray(ids[: len(ids) // length * length]).reshape(-1, length) for ids in cut]
    sequences = np.concatenate(whole) if whole else np.empty((0, length), np.uint16)
    model = Decoder(size, tokenizer.vocab)
    state, log = out.with_name(out.name + ".training"), out.with_name(out.name + ".log.part")
    out.parent.mkdir(parents=True, exist_ok=True)
    seconds = train(
        model,
        SequenceBatches(sequences, plan.training.batch_size, plan.training.seed),
        plan.training,
        state,
        log,
        f"{manifest['tokenizer']} {manifest['splits']['train']['text']} {length} {plan.first_only}",
        lambda nats: metrics.bits_per_byte(nats, training.tokens, training.source_bytes),
        progress,
        f"M2 {tokenizer.spec}",
    )
    model.cpu()
    measured = measure(
        model,
        tokenizer,
        validation,
        length,
        size.nominal,
        progress,
        plan.first_only,
        training.counts(tokenizer.vocab),
    )
    measured |= {
        "size": plan.size,
        "parameters": size.parameters,
        "sequence_length": length,
        "steps": plan.training.steps,
        "batch_size": plan.training.batch_size,
        "seed": plan.training.seed,
        "train_tokens": plan.training.steps * plan.training.batch_size * length,
        "windows_changed": manifest["windows_changed"],
        "wall_seconds": seconds,
    }
    with atomic_directory(out) as directory:
        save_tensors(directory / "model.safetensors", dict(model.state_dict()))
        save_tokenizer(tokenizer, directory / "tokenizer")
        (directory / "log.jsonl").write_bytes(log.read_bytes())
        config = {
            "size": plan.size,
            "dimensions": asdict(size),
            "vocab": tokenizer.vocab,
            "sequence_length": length,
            "plan": asdict(plan),
            "measured": measured,
        }
        (directory / "config.json").write_bytes(json_bytes(config))
        write_manifest(directory, KIND, tokenizer=tokenizer.identity, spec=str(tokenizer.spec))
    state.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    return measured


def measure(
    model: Decoder,
    tokenizer: Tokenizer,
    text: TokenizedSplit,
    sequence_length: int,
    nominal_parameters: int,
    progress: Progress,
    first_only: bool = False,
    training_counts: np.ndarray | None = None,
) -> dict[str, Any]:
    """Scores the tokens of `text`, in sequences from an empty context; fields as in `score.results.Result`.

    bits/byte is (tokens / source bytes) x nats per token / ln 2 (paper, section 4), with all tokens of
    the text scored, so that the bytes are exactly those of the source. With `first_only`, the paper's way,
    only each example's first sequence is scored and the ratio is that of the whole examples.
    """
    parts = (cut_sequences(ids, sequence_length) for ids in text.ids)
    sequences = [part for cut in parts for part in (cut[:1] if first_only else cut)]
    scored = sum(map(len, sequences))
    task = progress.add_task(f"evaluate {tokenizer.spec}", total=len(sequences), note="")
    loss = total_nats(model, sequences, lambda count: progress.advance(task, count)) / scored
    ratio = metrics.bytes_per_token(text.source_bytes, text.tokens)
    unigram = None
    if training_counts is not None:
        unigram = metrics.unigram_bits_per_byte(
            training_counts, text.counts(tokenizer.vocab), text.source_bytes
        )
    return {
        "method": str(tokenizer.spec),
        "vocab": tokenizer.vocab,
        "bits_per_byte": metrics.bits_per_byte(loss, text.tokens, text.source_bytes),
        "loss_nats": loss,
        "eval_tokens": scored,
        "eval_source_bytes": round(scored * ratio),
        "bytes_per_token": ratio,
        "bit_ratio": metrics.bit_ratio(text.source_bytes, text.tokens, tokenizer.vocab),
        "uniform_bits_per_byte": metrics.uniform_bits_per_byte(tokenizer.vocab, ratio),
        "unigram_bits_per_byte": unigram,
        "flops_per_byte": metrics.flops_per_byte(nominal_parameters, ratio, tokenizer.m1_parameters),
        "m1_parameters": tokenizer.m1_parameters,
    }


def load_m2(path: Path) -> tuple[Decoder, Tokenizer, dict[str, Any]]:
    """Model, tokenizer and config.json of an M2 directory."""
    read_manifest(path, KIND)
    config = read_json(path / "config.json")
    try:
        model = Decoder(size_by_name(config["size"]), config["vocab"])
    except (KeyError, TypeError) as error:
        raise DamagedArtifact(f"{path / 'config.json'} is damaged; train M2 again") from error
    load_weights(model, path / "model.safetensors")
    return model.eval(), load_tokenizer(path / "tokenizer"), config


def evaluate(
    path: Path,
    corpus: Corpus,
    split: Any,
    max_examples: int,
    progress: Progress,
) -> dict[str, Any]:
    """Bits/byte of an M2 directory on documents of a corpus; fields as `measure`."""
    model, tokenizer, config = load_m2(path)
    examples = list(islice(cut_examples(corpus.documents(split)), max_examples or None))
    task = progress.add_task(f"tokenize {tokenizer.spec}", total=sum(len(e.data) for e in examples), note="")
    advance: Callable[[int], None] = lambda count: progress.advance(task, count)  # noqa: E731
    ids = tokenizer.encode_batch([example.data for example in examples], advance)
    text = TokenizedSplit(ids, sum(example.source_bytes for example in examples))
    if text.tokens == 0 or text.source_bytes == 0:
        raise EqualInfoError(f"{corpus.source} has no bytes to score; give a corpus with text")
    size = size_by_name(config["size"])
    first_only = bool(config["plan"]["first_only"])
    return measure(model, tokenizer, text, config["sequence_length"], size.nominal, progress, first_only)
