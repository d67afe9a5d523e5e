"""Training and scoring M2, the language model over tokens (`equalinfo train-m2`)."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from rich.progress import Progress

from equalinfo.errors import DamagedArtifact
from equalinfo.fields import Fields, check_fields
from equalinfo.files import read_manifest, write_manifest
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.checkpoint import training_output
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import distributed_context as joined
from equalinfo.model.scoring import cut_windows, total_nats
from equalinfo.model.train_loop import RuntimeConfig, TrainingConfig, train
from equalinfo.outputs import Reserved
from equalinfo.score import metrics
from equalinfo.shards.format import TokenShards, TokensInMemory, read_split, tokens_manifest
from equalinfo.shards.tokenize_sample import tokenizer_of
from equalinfo.sizes import size_by_name
from equalinfo.tokens.build import check_export, load_tokenizer
from equalinfo.tokens.tokenizer import Tokenizer, save_tokenizer
from equalinfo.train.m2_directory import CONFIG, SHARED, load_model, read_config, save_model
from equalinfo.train.table_init import SPELLING, TableStart

KIND = "m2"


@dataclass(frozen=True)
class M2Config:
    """What decides M2, besides its tokens.

    Args:
        size: by name.
        sequence_length: tokens per sequence (the paper: 512).
        first_only: train on the first sequence of each example only, as the paper does; otherwise on
            every whole sequence, which suits small corpora.
        training: steps, batch size, seed, optimizer.
        preset: the layers: "paper", or "llama", which is written as a Hugging Face model directory.
    """

    size: str
    sequence_length: int
    training: TrainingConfig
    first_only: bool = False
    preset: str = "paper"


def train_m2(
    tokens: Path,
    plan: M2Config,
    out: Path,
    progress: Progress,
    execution: RuntimeConfig | None = None,
    tables_from: str | None = None,
) -> dict[str, Any] | None:
    """Trains M2 on a tokens directory, scores it on the validation shards, writes an M2 directory.

    Started by torchrun, all processes train it together, and the first one scores and writes.

    Args:
        tables_from: what M2's tables start from (`train.table_init`).

    Raises:
        EqualInfoError: `tables_from` with ids that have no text of their own, or without float weights; OUT holds
            something else than an M2.

    Returns:
        the measured fields of a results row (`score.results.Result`); None in other processes than the first.
    """
    inputs: list[str | Path] = [tokens, *([tables_from] if tables_from and tables_from != SPELLING else [])]
    with training_output(out, KIND, inputs) as (output, state):
        return _train(tokens, plan, output, state, progress, execution or RuntimeConfig(), tables_from)


def _train(
    tokens: Path,
    plan: M2Config,
    output: Reserved | None,
    state: Path,
    progress: Progress,
    execution: RuntimeConfig,
    tables_from: str | None,
) -> dict[str, Any] | None:
    size, length = size_by_name(plan.size), plan.sequence_length
    with joined(execution.strategy, execution.device) as processes:
        manifest = tokens_manifest(tokens, verify=processes.is_main)
        tokenizer = tokenizer_of(tokens, manifest)
        training = read_split(tokens, "train")
        validation = read_split(tokens, "validation", execution.validation_examples)
        if processes.is_main:
            training.check(tokenizer.vocab)
            validation.check(tokenizer.vocab)
        batch = plan.training.batch_size
        batches = SequenceBatches(training.sequences(length, plan.first_only), batch, plan.training.seed)
        held_out = None
        if execution.validate_every:
            held_out = SequenceBatches(validation.sequences(length, plan.first_only), batch, 0, "validation")
        model = Decoder(size, tokenizer.vocab, plan.preset)
        start = TableStart.of(tables_from, tokenizer, size.d_model) if tables_from else None
        seconds = train(
            model,
            batches,
            plan.training,
            state,
            output.new / "log.jsonl" if output else None,
            f"{manifest['tokenizer']} {manifest['splits']['train']['text']} {length} {plan.first_only}"
            + (f" tables from {start.fingerprint}" if start else ""),
            lambda nats: metrics.bits_per_byte(nats, training.tokens, training.source_bytes),
            progress,
            f"M2 {tokenizer.spec}",
            processes,
            execution,
            held_out,
            start.put_into if start else None,
        )
        model = processes.full_model(model)
    if not output:
        return None
    model.to(processes.device)
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
    sequences = plan.training.steps * plan.training.sequences_per_step
    measured |= {
        "size": plan.size,
        "parameters": size.parameters,
        "sequence_length": length,
        "steps": plan.training.steps,
        "batch_size": plan.training.sequences_per_step,
        "seed": plan.training.seed,
        "train_tokens": sequences * length,
        "windows_changed": manifest["windows_changed"],
        "wall_seconds": seconds,
    }
    save_tokenizer(tokenizer, output.new / "tokenizer")
    config = {
        "size": plan.size,
        "dimensions": asdict(size),
        "sequence_length": length,
        "plan": asdict(plan),
        "epochs": sequences / len(batches.sequences),
        "measured": measured,
    }
    if start:
        config["tables_from"] = start.fingerprint
    ours = save_model(output.new, model, tokenizer, config)
    write_manifest(output.new, KIND, tokenizer=tokenizer.fingerprint, spec=str(tokenizer.spec), config=ours)
    output.put()
    shutil.rmtree(state, ignore_errors=True)
    return measured


def measure(
    model: Decoder,
    tokenizer: Tokenizer,
    text: TokenShards | TokensInMemory,
    sequence_length: int,
    nominal_parameters: int,
    progress: Progress,
    first_only: bool = False,
    training_counts: np.ndarray | None = None,
    stride: int | None = None,
) -> dict[str, Any]:
    """Scores the tokens of `text`, in sequences from an empty context; fields as in `score.results.Result`.

    bits/byte is (tokens / source bytes) x nats per token / ln 2 (paper, section 4), with all tokens of
    the text scored, so that the bytes are exactly those of the source. With `first_only`, the paper's way,
    only each example's first sequence is scored and the ratio is that of the whole examples.

    Args:
        stride: tokens from one sequence to the next, fewer than `sequence_length` where they overlap: each then
            scores only the tokens that the one before it does not hold. Default: none overlap.
    """
    parts = (cut_windows(ids, sequence_length, stride or sequence_length) for ids in text.ids)
    windows = [part for cut in parts for part in (cut[:1] if first_only else cut)]
    sequences, read_only = [ids for ids, _ in windows], [read for _, read in windows]
    scored = sum(map(len, sequences)) - sum(read_only)
    task = progress.add_task(f"evaluate {tokenizer.spec}", total=len(sequences), note="")
    loss = total_nats(model, sequences, lambda count: progress.advance(task, count), read_only) / scored
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
    tokenizer = load_tokenizer(path / "tokenizer")
    if manifest.get("tokenizer") != tokenizer.fingerprint or config["vocab"] != tokenizer.vocab:
        raise DamagedArtifact(f"{path / 'tokenizer'} is not the tokenizer that M2 was trained on")
    check_export(tokenizer, path, manifest)
    return load_model(path, config), tokenizer, config
