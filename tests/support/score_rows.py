"""Made-up rows for the tests of this room."""

from typing import Any

from equalinfo.score import metrics
from equalinfo.score.results import Result


def row(method: str = "EqualInfo[v=4k]", seed: int = 0, **changes: Any) -> Result:
    ratio, vocab = changes.pop("bytes_per_token", 2.9), changes.get("vocab", 4096)
    size, parameters = changes.pop("size", "1m"), changes.pop("parameters", 1_000_000)
    bits = changes.pop("bits_per_byte", 2.5)
    fields: dict[str, Any] = {
        "method": method,
        "cell": f"{method}/{size}/{seed}/{changes.get('steps')}",
        "corpus": "demo",
        "size": size,
        "parameters": parameters,
        "vocab": vocab,
        "sequence_length": 256,
        "steps": 1000,
        "batch_size": 16,
        "seed": seed,
        "train_tokens": 4_096_000,
        "bits_per_byte": bits,
        "loss_nats": bits * ratio * 0.693147,
        "eval_tokens": 10_000,
        "eval_source_bytes": round(10_000 * ratio),
        "bytes_per_token": ratio,
        "bit_ratio": metrics.bit_ratio(round(10_000 * ratio), 10_000, vocab),
        "uniform_bits_per_byte": metrics.uniform_bits_per_byte(vocab, ratio),
        "unigram_bits_per_byte": metrics.uniform_bits_per_byte(vocab, ratio) * 0.9,
        "flops_per_byte": metrics.flops_per_byte(parameters, ratio, changes.get("m1_parameters", 0)),
        "wall_seconds": 321.0,
        "machine": "A CPU, 2 cores",
        "versions": {"python": "3.12.1", "numpy": "2.1.0"},
        "created": "2025-01-01T00:00:00+00:00",
    }
    return Result(**(fields | changes))


def ten_rows() -> list[Result]:
    m1 = {"m1": "ab12cd34", "m1_parameters": 250_000}
    return [
        row("Bytes", bits_per_byte=2.55, bytes_per_token=1.0, vocab=256),
        row("SentencePiece[v=4k]", bits_per_byte=2.32, bytes_per_token=3.06),
        row("SentencePiece[v=4k]", bits_per_byte=2.15, bytes_per_token=3.06, size="3m", parameters=3_150_000),
        row("AC[v=256]", bits_per_byte=2.31, bytes_per_token=3.46, vocab=256, **m1),
        row(
            "EqualInfoAC[b=16,v=256]",
            bits_per_byte=3.01,
            bytes_per_token=2.1,
            vocab=256,
            windows_changed=0.19,
            **m1,
        ),
        row("EqualInfo[v=4k,fewest,words]", bits_per_byte=2.23, bytes_per_token=3.32),
        row("EqualInfo[v=4k,fewest,words]", bits_per_byte=2.25, bytes_per_token=3.32, seed=1),
        row("EqualInfo[v=4k,fewest,words]", bits_per_byte=2.21, bytes_per_token=3.32, seed=2),
        row(
            "EqualInfo[v=4k,fewest,words]",
            bits_per_byte=2.05,
            bytes_per_token=3.32,
            size="3m",
            parameters=3_150_000,
        ),
        row("GZip[v=256]", bits_per_byte=3.4, bytes_per_token=2.1, vocab=256, unigram_bits_per_byte=None),
    ]
