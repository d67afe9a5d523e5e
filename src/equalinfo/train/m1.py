"""Training M1, the byte-level model whose probabilities drive the coders (`equalinfo train-m1`)."""

import math
import shutil
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import cut_examples
from equalinfo.errors import EqualInfoError
from equalinfo.fields import Fields, read_fields
from equalinfo.files import (
    MANIFEST,
    json_bytes,
    read_manifest,
    sha256_bytes,
    write_manifest,
)
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.checkpoint import training_output
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import distributed_context as joined
from equalinfo.model.scoring import bits_at_precision, cut_sequences, total_nats
from equalinfo.model.storage import load_decoder, save_tensors
from equalinfo.model.train_loop import RuntimeConfig, TrainingConfig, train
from equalinfo.outputs import Reserved
from equalinfo.predict.base import PRECISION, distribution_bits
from equalinfo.predict.exact_files import save_exact
from equalinfo.predict.quantise import quantise
from equalinfo.score.metrics import bits_per_byte
from equalinfo.sizes import size_by_name

KIND = "m1"
VALIDATION_EXAMPLES = 20  # 200 kB: enough for the third digit
EXACT_SEQUENCES = 100


def train_m1(
    corpus: Corpus,
    size_name: str,
    context: int,
    plan: TrainingConfig,
    out: Path,
    progress: Progress,
    execution: RuntimeConfig | None = None,
) -> dict[str, float | str] | None:
    """Trains M1 on the corpus's training documents and writes an M1 directory.

    Args:
        context: bytes per training sequence (the paper's M1: 1,024).
        out: M1 directory: config.json, model.safetensors, the exact model, log.jsonl.

    Returns:
        validation figures: bits/byte of the float model, bits/byte of the exact one, its identity; None in other
        processes than the first.

    Raises:
        EqualInfoError: too little text, or OUT holds something else than an M1.
    """
    with training_output(out, KIND, corpus.inputs) as (output, state):
        return _train(corpus, size_name, context, plan, output, state, progress, execution or RuntimeConfig())


def _train(
    corpus: Corpus,
    size_name: str,
    context: int,
    plan: TrainingConfig,
    output: Reserved | None,
    state: Path,
    progress: Progress,
    execution: RuntimeConfig,
) -> dict[str, float | str] | None:
    size = size_by_name(size_name)
    text = b"".join(example.data for example in cut_examples(corpus.documents("train")))
    if len(text) < context:
        raise EqualInfoError(f"{corpus.source} has {len(text)} bytes to train on; M1 needs {context} or more")
    sequences = np.frombuffer(text, np.uint8)[: len(text) // context * context].reshape(-1, context)
    model = Decoder(size, 256)
    held_out_examples = execution.validation_examples or VALIDATION_EXAMPLES
    examples = list(islice(cut_examples(corpus.documents("validation")), held_out_examples))
    parts = [part for e in examples for part in cut_sequences(np.frombuffer(e.data, np.uint8), context)]
    held_out = None
    if execution.validate_every:
        whole = [part for part in parts if len(part) == context]
        held_out = SequenceBatches(np.array(whole), plan.batch_size, 0, "validation")
    with joined(execution.strategy, execution.device) as processes:
        seconds = train(
            model,
            SequenceBatches(sequences, plan.batch_size, plan.seed),
            plan,
            state,
            output.new / "log.jsonl" if output else None,
            sha256_bytes(text) + f" {context}",
            lambda nats: bits_per_byte(nats, 1, 1),
            progress,
            f"M1 {size_name}",
            processes,
            execution,
            held_out,
        )
        model = processes.full_model(model)
    if not output:
        return None
    exact = quantise(size, {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    source_bytes = sum(example.source_bytes for example in examples)
    nats = total_nats(model, parts)
    # The exact model is slower, so the two are compared on a sample.
    sample = parts[:: max(1, len(parts) // EXACT_SEQUENCES)]
    exact_bits = sum(distribution_bits(exact.frequencies(part.tobytes()), part.tobytes()) for part in sample)
    sample_bits = total_nats(model, sample) / math.log(2)
    figures: dict[str, float | str] = {
        "validation_bits_per_byte": bits_per_byte(nats / source_bytes, source_bytes, source_bytes),
        "exact_over_float": exact_bits / sample_bits,
        # The same with the float model's probabilities cut to 14 bits, which any coder of the paper's precision pays.
        "exact_over_float_at_14_bits": exact_bits
        / sum(bits_at_precision(model, part, PRECISION) for part in sample),
        "exact_identity": exact.fingerprint,
        "seconds": seconds,
    }
    save_tensors(output.new / "model.safetensors", dict(model.state_dict()))
    save_exact(exact, output.new)
    config = {
        "size": size_name,
        "dimensions": asdict(size),
        "vocab": 256,
        "context": context,
        "plan": asdict(plan),
        "corpus": corpus.source,
        "figures": figures,
    }
    (output.new / "config.json").write_bytes(json_bytes(config))
    write_manifest(output.new, KIND, identity=exact.fingerprint)
    output.put()
    shutil.rmtree(state, ignore_errors=True)
    return figures


def load_float_m1(path: Path) -> Decoder:
    """The model that was trained, of an M1 directory; the exact one is `predict.exact_files.load_m1`'s.

    Raises:
        EqualInfoError: the directory has no float weights, as those that ship.
    """
    weights = path / "model.safetensors"
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
