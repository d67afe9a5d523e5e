"""Alternatives to the full softmax over 65,536 ids, and what a token's tables cost: results/softmax.json.

    equalinfo train-m1 embedded --size 250k --context 128 --batch 16 --steps 800 --learning-rate 0.02 --out m1
    python benchmarks/softmax.py --m1 m1                     about three quarters of an hour on one core
    python benchmarks/softmax.py --m1 m1 --steps 4 --longer-steps 8 --cost-sizes 500k     a trial

The same body of preset `llama` under each variant of `_softmax.py`, AdamW, float32, the same batches in the same
order, one thread. Speed: all variants in one process, step by step in turn, medians of processor time. Memory: each
in a process of its own, the most it ever held above what it held with its libraries loaded. Quality: bits/byte of
held-out text by each variant's exact probabilities, after equal steps, and after as many steps as fit in the time
that the full softmax needs for these. They are computed from the measured speeds, so that other work on the machine
while training changes nothing. The second method's rows leave the slower variants out. `longer` trains a few variants
on the first method's tokens for so many steps that they learn more than how often ids occur.

The cost of the tables is measured on decoders of the project: one step as it is, and one of a decoder with the same
tables and no layers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from equalinfo.corpus.corpus import Corpus
from equalinfo.corpus.examples import cut_examples
from equalinfo.files import read_json, sha256_bytes, write_json
from equalinfo.model.decoder import Decoder
from equalinfo.model.loss import next_id_loss
from equalinfo.model.optim import LEARNING_RATES, make_optimizer
from equalinfo.progress import progress_bar
from equalinfo.score import metrics
from equalinfo.seeded import permutation
from equalinfo.sizes import SIZES, Size, size_by_name
from equalinfo.tokens.build import compile_tokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

try:
    from benchmarks._common import add_common_options, m1_directory, machine
    from benchmarks._small_m2 import CLIP, OPTIMIZER, bits_per_byte, stepper, train
    from benchmarks._softmax import CUTOFFS, NEGATIVES, RANK, VARIANTS, VOCAB, Variant, make
    from benchmarks.training_step import held
except ModuleNotFoundError:  # run as a script
    from _common import (  # type: ignore[import-not-found, no-redef]
        add_common_options,
        m1_directory,
        machine,
    )
    from _small_m2 import (  # type: ignore[import-not-found, no-redef]
        CLIP,
        OPTIMIZER,
        bits_per_byte,
        stepper,
        train,
    )
    from _softmax import (  # type: ignore[import-not-found, no-redef]
        CUTOFFS,
        NEGATIVES,
        RANK,
        VARIANTS,
        VOCAB,
        Variant,
        make,
    )
    from training_step import held  # type: ignore[import-not-found, no-redef]

SEQUENCE, BATCH = 128, 8
IDS_PER_STEP = SEQUENCE * BATCH
VALIDATION_EXAMPLES = 8
PARTS = ("methods", "longer", "costs")
WARM_UP, REPEATS, COST_REPEATS = 1, 5, 3
SLOW = ("full", "full-small-start", "tied", "low-rank")  # a logit of every id for every position: one seed
LONGER = ("full", "own-rows", "two-level", "two-level-by-count")
AS_FAST = 0.05  # speeds that differ by less share one run
COST_VOCABS = (256, 4096, VOCAB)
COST_SIZES = ("500k", "3m", "25m")
FLOPS_SIZES = ("500k", "3m", "25m", "113m", "403m", "2b")
# Of AdamW, per parameter: decay 1, first moment 3, second 4, root and denominator 3, step 3.
UPDATE_OPERATIONS = 14


@dataclass(frozen=True)
class Data:
    """A method's tokens."""

    tokenizer: Tokenizer
    sequences: np.ndarray  # of the training examples, [n, SEQUENCE], in the order of training
    counts: np.ndarray  # of each id in the training examples, [V]
    text_order: np.ndarray  # the place of each id when their texts are sorted, [V]
    held_out: list[np.ndarray]  # ids of each example
    source_bytes: int  # of the held-out examples

    @property
    def tokens(self) -> int:
        return sum(map(len, self.held_out))

    def batch(self, number: int) -> torch.Tensor:
        """Ids of a training step, [BATCH, SEQUENCE]; after the last sequence the first again."""
        rows = range(number * BATCH, (number + 1) * BATCH)
        return torch.from_numpy(self.sequences.take(rows, 0, mode="wrap").astype(np.int64))


def load(spec: str, m1: Path, work: Path) -> Data:
    """Compiles the tokenizer, or opens what an earlier run compiled, and tokenizes the embedded corpus."""
    corpus = Corpus("embedded")
    made_from = sha256_bytes((m1 / "equalinfo.json").read_bytes() + spec.encode())
    directory = work / f"softmax-{made_from[:12]}"
    if not directory.is_dir():
        with progress_bar() as progress:
            compile_tokenizer(Spec.parse(spec), m1, corpus, directory, progress)
    tokenizer = Tokenizer.from_pretrained(directory)
    training = tokenizer.encode_batch([e.data for e in cut_examples(corpus.documents("train"))])
    whole = [ids[: len(ids) // SEQUENCE * SEQUENCE].reshape(-1, SEQUENCE) for ids in training]
    sequences = np.concatenate(whole)
    held_out = list(islice(cut_examples(corpus.documents("validation")), VALIDATION_EXAMPLES))
    entries = tokenizer.vocab_entries()
    text_order = np.empty(VOCAB, np.int64)
    text_order[sorted(range(VOCAB), key=lambda index: entries[index])] = np.arange(VOCAB)
    return Data(
        tokenizer,
        sequences[permutation(len(sequences), 0, 0)],
        np.bincount(np.concatenate(training), minlength=VOCAB),
        text_order,
        tokenizer.encode_batch([e.data for e in held_out]),
        sum(e.source_bytes for e in held_out),
    )


def trained(model: Variant, data: Data, steps: int) -> Variant:
    """The model after so many steps."""
    train(model, model.training_loss, data.batch, steps)
    return model


def scored(model: Variant, data: Data) -> float:
    """Bits/byte of held-out text, every token by its exact probability."""

    def nats_of(ids_T: torch.Tensor) -> torch.Tensor:
        hidden_TD = model.hidden(model.shifted(ids_T[None]))[0]
        return model.nats(hidden_TD, ids_T).double().sum()

    return bits_per_byte(nats_of, data.held_out, data.source_bytes, SEQUENCE)


def milliseconds(models: dict[str, Variant], data: Data) -> dict[str, float]:
    """Median of a training step of each variant, taken in turn, the order changing each time."""
    steps = {
        name: stepper(model, model.training_loss, make_optimizer(OPTIMIZER, model, LEARNING_RATES[OPTIMIZER]))
        for name, model in models.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in models}
    for repeat in range(WARM_UP + REPEATS):
        ids_BT = data.batch(repeat)
        for name in list(models)[:: 1 if repeat % 2 else -1]:
            started = time.process_time()
            steps[name](ids_BT)
            if repeat >= WARM_UP:
                taken[name].append(1e3 * (time.process_time() - started))
    return {name: statistics.median(of_one) for name, of_one in taken.items()}


def measure_memory(name: str, size: Size, counts: np.ndarray) -> None:
    """Prints the most memory that three steps held, above that of the loaded libraries."""
    ids_BT = torch.from_numpy(
        np.random.default_rng(0).choice(VOCAB, (BATCH, SEQUENCE), p=counts / counts.sum())
    )

    def steps(variant: str, of_size: Size, number: int) -> None:
        model = make(variant, of_size, 0, counts, np.arange(VOCAB))
        step = stepper(model, model.training_loss, make_optimizer(OPTIMIZER, model, 1e-3))
        for _ in range(number):
            step(ids_BT)

    steps("two-level-digits-in", size_by_name("65k"), 1)  # brings in what a first step does besides the model
    before = held()
    steps(name, size, 3)
    print(json.dumps(held() - before))


def peak_bytes(name: str, counts: np.ndarray, given: argparse.Namespace) -> int:
    """The peak of one variant in a process of its own."""
    saved = given.work / "softmax-counts.npy"
    np.save(saved, counts)
    arguments = [sys.executable, __file__, "--memory-of", name, "--counts", str(saved)]
    arguments += ["--size", given.size]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def after(name: str, size: Size, data: Data, steps: int, seeds: int = 1) -> dict[str, Any]:
    """What a variant scores after so many steps."""
    models = (make(name, size, seed, data.counts, data.text_order) for seed in range(seeds))
    values = [scored(trained(model, data, steps), data) for model in models]
    mean, deviation = metrics.mean_and_deviation(values)
    row = {"steps": steps, "train_tokens": steps * IDS_PER_STEP, "bits_per_byte": mean}
    return row | {"deviation": deviation, "of_seeds": values}


def compare(data: Data, variants: list[str], given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each variant on one method's tokens."""
    size = size_by_name(given.size)

    models = {name: make(name, size, 0, data.counts, data.text_order) for name in variants}
    counted = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    taken = milliseconds(models, data)
    del models
    with torch.device("meta"):
        body = sum(p.numel() for p in Decoder(size, 1, "llama").parameters()) - 2 * size.d_model
    for name in variants:
        times_as_fast = taken["full"] / taken[name]
        equal_steps = after(name, size, data, given.steps, 1 if name in SLOW else given.seeds)
        equal_time = equal_steps
        if abs(times_as_fast - 1) > AS_FAST:
            equal_time = after(name, size, data, max(1, round(given.steps * times_as_fast)))
        yield {
            "variant": name,
            "parameters": counted[name],
            "parameters_outside_body": counted[name] - body,
            "ms_per_step": round(taken[name], 1),
            "times_as_fast": round(times_as_fast, 2),
            "peak_mb": round(peak_bytes(name, data.counts, given) / 1e6, 1),
            "equal_steps": equal_steps,
            "equal_time": equal_time,
        }


def cost_row(name: str, vocab: int) -> dict[str, Any]:
    """Where the time and the operations of a training step of the project's decoder go."""
    size = size_by_name(name)
    ids_BT = torch.randint(0, vocab, (BATCH, SEQUENCE), generator=torch.Generator().manual_seed(0))
    whole, tables = (Decoder(s, vocab, "llama") for s in (size, replace(size, n_layers=0)))
    optimizers = []
    for model in (whole, tables):
        model.init_weights(0)
        optimizers.append(make_optimizer(OPTIMIZER, model, 1e-3))
    step = stepper(whole, lambda ids: next_id_loss(whole, ids)[0], optimizers[0])
    gradient_BTD = torch.randn(BATCH, SEQUENCE, size.d_model)
    taken: dict[str, list[float]] = {part: [] for part in ("step", "loss", "update", "input")}

    def clock(part: str, work: Callable[[], Any]) -> None:
        started = time.process_time()
        work()
        taken[part].append(1e3 * (time.process_time() - started))

    def update() -> None:
        torch.nn.utils.clip_grad_norm_(tables.parameters(), CLIP)
        optimizers[1].step()

    for _ in range(WARM_UP + COST_REPEATS):
        clock("step", lambda: step(ids_BT))
        optimizers[1].zero_grad(set_to_none=True)
        clock("loss", lambda: next_id_loss(tables, ids_BT)[0].backward())
        clock("update", update)
        optimizers[1].zero_grad(set_to_none=True)
        clock("input", lambda: tables.embedding(ids_BT).backward(gradient_BTD))
    ms = {part: statistics.median(times[WARM_UP:]) for part, times in taken.items()}
    parts_ms = {"output": ms["loss"] - ms["input"], "input": ms["input"], "update": ms["update"]}
    # Forward 2 and backward 4 for each weight and id; the gradient of a row that was read is one addition per column.
    in_tables = 2 * vocab * size.d_model
    flops = {
        "output": 6 * vocab * size.d_model * IDS_PER_STEP,
        "input": size.d_model * IDS_PER_STEP,
        "update": UPDATE_OPERATIONS * in_tables,
    }
    body = 6 * size.parameters * IDS_PER_STEP + UPDATE_OPERATIONS * size.parameters
    total = body + sum(flops.values())
    return {
        "size": name,
        "vocab": vocab,
        "body_parameters": size.parameters,
        "table_parameters": in_tables,
        "ms_per_step": round(ms["step"], 1),
        "ms": {part: round(value, 1) for part, value in parts_ms.items()},
        "share_of_time": {part: round(value / ms["step"], 4) for part, value in parts_ms.items()},
        "share_of_flops": {part: round(value / total, 4) for part, value in flops.items()},
    }


def described(data: Data) -> dict[str, Any]:
    """What does not depend on a model."""
    tokens, size = data.tokens, data.source_bytes
    ratio = metrics.bytes_per_token(size, tokens)
    counts = np.bincount(np.concatenate(data.held_out), minlength=VOCAB)
    return {
        "method": str(data.tokenizer.spec),
        "bytes_per_token": ratio,
        "train_tokens_available": int(data.counts.sum()),
        "ids_in_training": int((data.counts > 0).sum()),
        "eval_tokens": tokens,
        "eval_source_bytes": size,
        "ids_are_in_text_order": bool((data.text_order == np.arange(VOCAB)).all()),
        "uniform_bits_per_byte": metrics.uniform_bits_per_byte(VOCAB, ratio),
        "unigram_bits_per_byte": metrics.unigram_bits_per_byte(data.counts, counts, size),
    }


def flops_row(name: str, vocab: int) -> dict[str, Any]:
    """Forward FLOPs per token as the paper counts them, without embeddings, and with the output table."""
    size = size_by_name(name)
    with_output = size.nominal + vocab * size.d_model  # the input row is read, not multiplied
    return {
        "size": name,
        "vocab": vocab,
        "mflops_per_token": metrics.flops_per_byte(size.nominal, 1) / 1e6,
        "mflops_per_token_with_output": metrics.flops_per_byte(with_output, 1) / 1e6,
        "times": round(with_output / size.nominal, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/softmax.json")
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["EqualInfo[b=16,v=65k]", "EqualInfo[v=65k,fewest,words]"],
        help="all variants on the first; on the others the full softmax and the fast ones",
    )
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--size", default="500k")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--longer-steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2, help="of the fast variants after equal steps")
    parser.add_argument("--cost-sizes", nargs="*", default=COST_SIZES, choices=list(SIZES))
    parser.add_argument(
        "--parts", nargs="+", default=PARTS, choices=PARTS, help="the others stay in the file as they are"
    )
    parser.add_argument("--memory-of", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)  # processor time is then the time that a step takes
    if given.memory_of:
        measure_memory(given.memory_of, size_by_name(given.size), np.load(given.counts))
        return
    m1 = m1_directory(given.m1)
    result: dict[str, Any] = {
        "machine": machine(),
        "settings": {
            "size": given.size,
            "preset": "llama",
            "sequence": SEQUENCE,
            "ids_per_step": IDS_PER_STEP,
            "steps": given.steps,
            "longer_steps": given.longer_steps,
            "optimizer": OPTIMIZER,
            "learning_rate": LEARNING_RATES[OPTIMIZER],
            "precision": "float32",
            "threads": 1,
            "rank": RANK,
            "negatives": NEGATIVES,
            "cutoffs": CUTOFFS,
        },
        "costs": [],
        "longer": [],
        "flops_per_token": [flops_row(name, vocab) for name in FLOPS_SIZES for vocab in COST_VOCABS],
        "methods": [],
    }
    if set(given.parts) != set(PARTS):
        result |= {part: kept for part, kept in read_json(given.out).items() if part in PARTS}
    result |= {part: [] for part in given.parts}

    def add(part: list[Any], row: dict[str, Any]) -> None:
        part.append(row)
        print(row, flush=True)
        write_json(given.out, result)

    for spec in given.methods if "methods" in given.parts else []:
        data = load(spec, m1, given.work)
        rows: list[Any] = []
        add(result["methods"], {**described(data), "rows": rows})
        first = spec == given.methods[0]
        variants = [name for name in given.variants if first or name == "full" or name not in SLOW]
        for row in compare(data, variants, given):
            add(rows, row)
    if "longer" in given.parts:
        data = load(given.methods[0], m1, given.work)
        for name in LONGER:
            scored = after(name, size_by_name(given.size), data, given.longer_steps)
            add(result["longer"], {"method": given.methods[0], "variant": name, **scored})
    for name in given.cost_sizes if "costs" in given.parts else []:
        for vocab in COST_VOCABS:
            add(result["costs"], cost_row(name, vocab))


if __name__ == "__main__":
    main()
