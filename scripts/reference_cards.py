"""Measurements of reference artifacts on held-out text, and the cards that hold them.

Figures come by source, by domain and over all, rounded to 4 digits after the point. A source without a validation
document has none.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.corpus.examples import cut_examples
from equalinfo.errors import EqualInfoError
from equalinfo.model.scoring import cut_sequences
from equalinfo.parallel import worker_threads
from equalinfo.predict.base import distribution_bits
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_files import load_m1
from equalinfo.score.metrics import bits_per_byte, bytes_per_token
from equalinfo.sizes import size_by_name
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m1 import m1_config
from scripts.reference_sources import Survey

DIGITS = 4
Advance = Callable[[], None]
Measured = list[tuple[Survey, dict[str, float]]]  # sums of each source's held-out text
Formula = Callable[[dict[str, float]], dict[str, float]]


def m1_card(path: Path, surveys: list[Survey], command: str, advance: Advance) -> dict[str, Any]:
    """The card of an M1 directory: how it was trained, and bits/byte of the exact model."""
    config, exact = m1_config(path), load_m1(path)
    size, context = size_by_name(config["size"]), config["context"]
    measured: Measured = []
    for survey in surveys:
        examples = list(cut_examples(survey.held_out))
        texts = [np.frombuffer(example.data, np.uint8) for example in examples]
        parts = [part for text in texts for part in cut_sequences(text, context)]
        bits = _exact_bits(exact, [part.tobytes() for part in parts])
        sums = {
            "bytes": sum(example.source_bytes for example in examples),
            "symbols": sum(map(len, parts)),
            "nats": bits * math.log(2),
        }
        measured.append((survey, sums))
        advance()
    rows = _rows(measured, _bits_per_byte)
    return {
        "kind": "m1",
        "spec": f"M1, {config['size']}",
        "identity": exact.fingerprint,
        "parameters": size.parameters,
        "training": {
            "command": _training_command(config),
            "context": context,
            "bytes_seen": config["plan"]["steps"] * _sequences_per_step(config) * context,
            "exact_over_float": config["figures"]["exact_over_float"],
        },
        "sources": [survey.row() for survey in surveys],
        "held_out": rows,
        "bits_per_byte": rows[-1]["bits_per_byte"],
        "command": command,
    }


def _exact_bits(model: ExactModel, parts: list[bytes]) -> float:
    """Bits of all sequences; on all cores, each with a single-threaded BLAS, five times faster than BLAS's threads."""
    with worker_threads() as workers:
        return sum(workers.map(lambda part: distribution_bits(model.frequencies(part), part), parts))


def tokenizer_card(
    tokenizer: Tokenizer,
    m1: str | None,
    surveys: list[Survey],
    held_out: list[Survey],
    command: str,
    advance: Advance,
) -> dict[str, Any]:
    """The card of a compiled tokenizer: bytes/token.

    Args:
        m1: identity of the exact M1 it was compiled from; None if strings were counted instead.
        surveys: what it was made from.
        held_out: what is measured; the sources again, or languages.

    Raises:
        EqualInfoError: it does not read a text back.
    """
    measured: Measured = []
    for survey in held_out:
        ids = tokenizer.encode_batch(survey.held_out)
        if tokenizer.decode_batch(ids) != survey.held_out:
            raise EqualInfoError(f"{tokenizer.spec} does not read back {survey.source.name}")
        sums: dict[str, float] = {"bytes": sum(map(len, survey.held_out)), "tokens": sum(map(len, ids))}
        measured.append((survey, sums))
        advance()
    rows = _rows(measured, _bytes_per_token)
    return {
        "kind": "tokenizer",
        "spec": str(tokenizer.spec),
        "vocab": tokenizer.vocab,
        "identity": tokenizer.fingerprint,
        "m1": m1,
        "unicode": unicodedata.unidata_version,  # decides what a word is
        "sources": [survey.row() for survey in surveys],
        "held_out": rows,
        "bytes_per_token": rows[-1]["bytes_per_token"],
        "command": command,
    }


def _bits_per_byte(sums: dict[str, float]) -> dict[str, float]:
    symbols, size = int(sums["symbols"]), int(sums["bytes"])
    return {"bits_per_byte": round(bits_per_byte(sums["nats"] / symbols, symbols, size), DIGITS)}


def _bytes_per_token(sums: dict[str, float]) -> dict[str, float]:
    ratio = bytes_per_token(int(sums["bytes"]), int(sums["tokens"]))
    return {"tokens": int(sums["tokens"]), "bytes_per_token": round(ratio, DIGITS)}


def _rows(measured: Measured, formula: Formula) -> list[dict[str, Any]]:
    """A row for each source with held-out text, for each domain of several of them, and, last, for all."""
    measured = [(survey, sums) for survey, sums in measured if sums["bytes"]]
    if not measured:
        raise EqualInfoError("no source has a validation document; give more text")
    rows = [
        {"source": survey.source.name, "domain": survey.source.domain, **_row(own, formula)}
        for survey, own in measured
    ]
    for domain in dict.fromkeys(survey.source.domain for survey, _ in measured):
        group = [sums for survey, sums in measured if survey.source.domain == domain]
        if len(group) > 1:
            rows.append({"domain": domain, **_row(_total(group), formula)})
    return [*rows, _row(_total(sums for _, sums in measured), formula)]


def _row(sums: dict[str, float], formula: Formula) -> dict[str, Any]:
    return {"bytes": int(sums["bytes"]), **formula(sums)}


def _total(group: Iterable[dict[str, float]]) -> dict[str, float]:
    listed = list(group)
    return {name: sum(sums[name] for sums in listed) for name in listed[0]}


def _sequences_per_step(config: dict[str, Any]) -> int:
    plan = config["plan"]
    return int(plan["batch_size"] * plan["accumulate"])


def _training_command(config: dict[str, Any]) -> str:
    """The command that trained an M1, the corpus and what stands at its default left out."""
    plan = config["plan"]
    words = f"equalinfo train-m1 CORPUS --size {config['size']} --context {config['context']}"
    words += f" --batch {plan['batch_size']} --steps {plan['steps']} --seed {plan['seed']}"
    words += f" --optimizer {plan['optimizer']} --precision {plan['precision']} --threads {plan['threads']}"
    if plan["learning_rate"] is not None:
        words += f" --learning-rate {plan['learning_rate']}"
    if plan["accumulate"] != 1:
        words += f" --accumulate {plan['accumulate']}"
    if plan["compile"]:
        words += " --compile"
    return f"{words} --out M1"
