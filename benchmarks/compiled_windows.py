"""The paper's windows without M1, or with less of it, beside the coder that runs M1 for every byte.

python -m benchmarks.compiled_windows            results/compiled-windows.json and .md; over half an hour on two cores
python -m benchmarks.compiled_windows --wide     of these, windows of 24 and 32 bits alone: 25 minutes beside a job

Identity comes first. Windows of up to 16 bits: every text that a window can hold, with every byte that may follow it,
and every code; then held-out text. Wider ones: held-out text. Speeds are of processor time: all held-out documents in
a batch, and all of them as one text, in one thread; M1 runs on all cores, so wide windows are per core.
"""

import argparse
import gc
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._common import machine, training_and_held_out
from equalinfo.coding.compiled_windows import WindowTable, list_arithmetic, list_huffman
from equalinfo.coding.equal_info_windows import (
    WindowRule,
    closing_code,
    decode_windows,
    empty_text,
    encode_windows,
    paper_code,
)
from equalinfo.coding.remembered_windows import RememberedWindows
from equalinfo.files import read_json, write_json
from equalinfo.parallel import cores, worker_threads
from equalinfo.predict.exact import ExactModel
from equalinfo.predict.exact_files import load_m1
from equalinfo.predict.prefixes import visit_prefixes
from equalinfo.pretrained import located
from equalinfo.score.tables import code, markdown_table
from equalinfo.tokens.huffman import EqualInfoHuffmanTokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.windows import EqualInfoACTokenizer

ONE_TEXT = 30_000  # bytes of a text that is encoded alone


class Remembered:
    """A predictor asked once for each context: windows of 16 bits have few, and the coder stays the slow one."""

    fingerprint = ""

    def __init__(self, predictor: Any, rows: dict[bytes, np.ndarray]) -> None:
        self.predictor, self.initial, self.rows = predictor, predictor.initial, rows
        self.contexts: list[bytes] = []

    def new_contexts(self, slots: int) -> "Remembered":
        self.contexts = [b""] * slots
        return self

    def step(self, slots: np.ndarray, keep: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        rows = []
        for slot, kept, symbol in zip(slots.tolist(), keep.tolist(), symbols.tolist(), strict=True):
            text = self.contexts[slot] = self.contexts[slot][:kept] + bytes([symbol])
            if text not in self.rows:
                self.rows[text] = self.predictor.frequencies(text + b"\0")[-1]
            rows.append(self.rows[text])
        return np.array(rows, np.int32).reshape(-1, 256)

    def frequencies(self, text: bytes) -> np.ndarray:
        raise NotImplementedError


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Processor time, the median of several runs after one that is not counted; nothing collects, as in timeit."""
    times = []
    gc.collect()
    gc.disable()  # or what the comparison keeps in memory is gone through again and again
    for _ in range(repeats + 1):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    gc.enable()
    return statistics.median(times[1:])


def texts_of(table: WindowTable) -> list[bytes]:
    texts: list[bytes] = [b""]
    path = [b""]
    for depth, symbol in zip(table.depths[1:].tolist(), table.symbols[1:].tolist(), strict=True):
        path[depth:] = [path[depth - 1] + bytes([symbol])]
        texts.append(path[-1])
    return texts


def check_everything(
    model: ExactModel, rule: WindowRule, table: WindowTable, rows: dict[bytes, np.ndarray]
) -> dict[str, int]:
    """Every text that a window can hold with every byte after it, by `TextInterval`; what every code reads as."""
    texts = texts_of(table)
    wanted = {text for number, text in enumerate(texts) if number == 0 or table.codes[number] >= 0}

    def visit(frequencies: np.ndarray, batch: np.ndarray, _: np.ndarray) -> Any:
        parents, following = [], []
        for row, text in zip(frequencies, batch, strict=True):
            rows[text.tobytes()] = row
        for i, text in enumerate(batch):
            start = text.tobytes()
            for byte in range(256):
                if start + bytes([byte]) in wanted:
                    parents.append(i)
                    following.append(byte)
        return None, (
            np.array(parents, np.int64),
            np.array(following, np.int64),
            np.zeros((len(parents), 1), np.int64),
        )

    visit_prefixes(model, np.zeros(1, np.int64), visit, cores())
    number = {text: i for i, text in enumerate(texts)}
    nodes = {b"": empty_text(rule.bits)}
    closed: dict[
        bytes, tuple[int, int, bool]
    ] = {}  # code, bytes kept, whether it is another than the paper's
    pairs = 0
    for text in texts:
        if text not in wanted:
            continue
        node = nodes[text]
        bounds = [0, *np.cumsum(rows[text]).tolist()]
        for byte in range(256):
            child = node.child(bounds[byte], bounds[byte + 1])
            longer = text + bytes([byte])
            assert (child.first < child.last) == (longer in wanted), longer
            if longer in wanted:
                nodes[longer] = child
        pairs += 256
        if not text:
            continue
        if rule.delay:
            code: int | None = paper_code(node)
            kept = next(k for k in range(1, len(text) + 1) if paper_code(nodes[text[:k]]) == code)
            own = code, kept, False
        else:
            code, paper = closing_code(node, bounds)
            own = (code, len(text), not paper) if code is not None else (*closed[text[:-1]][:2], True)
        assert own[0] is not None
        closed[text] = own  # type: ignore[assignment]
        at = number[text]
        stands_for = int(table.depths[table.texts[table.codes[at]]])
        assert own == (table.codes[at], stands_for, bool(table.mended[at])), text
    predictor = Remembered(model, rows)
    codes = range(1 << rule.bits)
    for start in range(0, 1 << rule.bits, 4096):
        some = codes[start : start + 4096]
        read = decode_windows(predictor, [[code] for code in some], rule)
        assert read == [table.decode(np.array([code], np.uint32)) for code in some]
    return {"texts": len(wanted) - 1, "texts_and_next_bytes": pairs, "codes": 1 << rule.bits}


def listed(
    spec: str, model: ExactModel, held_out: list[bytes], rows: dict[bytes, np.ndarray], repeats: int
) -> dict[str, Any]:
    """A row for windows that are listed; `rows` are M1's frequencies that are known already."""
    parsed = Spec.parse(spec)
    kind: Any = EqualInfoHuffmanTokenizer if parsed.method == "EqualInfoHuffman" else EqualInfoACTokenizer
    tokenizer = kind(parsed, model)
    started, processor = time.perf_counter(), time.process_time()
    if parsed.method == "EqualInfoHuffman":
        tokenizer.table = list_huffman(model, parsed["b"], tokenizer.limit, cores())
    else:
        tokenizer.table = list_arithmetic(model, tokenizer.rule, cores())
    listing, listing_processor = time.perf_counter() - started, time.process_time() - processor
    table = tokenizer.table
    assert table is not None
    row: dict[str, Any] = {"spec": spec, "texts": len(table.depths) - 1, "longest": int(table.depths.max())}
    row["listing_seconds"], row["listing_processor_seconds"] = round(listing, 1), round(listing_processor, 1)
    row["bytes_on_disk"] = sum(
        a.nbytes for a in (table.depths, table.symbols, table.codes, table.mended, table.texts)
    )
    reference = kind(parsed, Remembered(model, rows))
    if parsed.method == "EqualInfoAC" and parsed["b"] <= 16:
        row["checked"] = check_everything(model, tokenizer.rule, table, rows)
    compared = 0
    for start in range(0, len(held_out), 128):
        group = held_out[start : start + 128]
        windows = reference._encode_group(group)
        assert [table.windows(text) for text in group] == [(w.codes, w.lengths, w.changed) for w in windows]
        compared += sum(len(one.codes) for one in windows)
    row["windows_compared_on_text"] = compared
    size = sum(map(len, held_out))
    ids = tokenizer.encode_batch(held_out)
    assert tokenizer.decode_batch(ids) == held_out
    whole = [b"".join(held_out)]
    os.environ["EQUALINFO_THREADS"] = "1"
    row["batch_mb_per_s"] = round(size / seconds(lambda: tokenizer.encode_batch(held_out), repeats) / 1e6, 1)
    row["one_text_mb_per_s"] = round(size / seconds(lambda: tokenizer.encode_batch(whole), repeats) / 1e6, 1)
    row["decode_mb_per_s"] = round(size / seconds(lambda: tokenizer.decode_batch(ids), repeats) / 1e6, 1)
    del os.environ["EQUALINFO_THREADS"]
    row["bytes_per_token"] = round(size / sum(map(len, ids)), 3)
    row["m1_kb_per_s"] = m1_speed(kind(parsed, model)._encode_group, held_out)
    print(row, flush=True)
    return row


def m1_speed(encode: Callable[[list[bytes]], object], held_out: list[bytes]) -> float:
    """kB/s of processor time of the coder that runs M1 for every byte, 128 texts side by side as in a batch."""
    texts = [document[:80] for document in held_out[:128]]
    with worker_threads():  # as `encode_batch` does: one thread of BLAS
        encode(texts[:4])
        taken = seconds(lambda: encode(texts), 1)
    return round(sum(map(len, texts)) / taken / 1e3, 2)


def wide(
    bits: int, model: ExactModel, training: list[bytes], held_out: list[bytes], megabytes: float
) -> dict[str, Any]:
    """A row for windows whose beginnings are remembered."""
    rule = WindowRule(bits)
    windows = RememberedWindows(model, rule)

    def some() -> Iterator[bytes]:
        left = megabytes * 1e6
        for document in training:
            if left > 0:
                yield document
            left -= len(document)

    started = time.process_time()
    saved = windows.remember(some())
    row: dict[str, Any] = {
        "spec": f"EqualInfoAC[b={bits}]",
        "corpus_bytes": windows.read,
        "m1_runs": windows.asked,
    }
    row["corpus_processor_seconds"] = round(time.process_time() - started)
    row["texts_kept"] = len(saved["depths"]) - 1
    row["bytes_on_disk"] = sum(array.nbytes for array in saved.values())
    texts = [document[:200] for document in held_out[::2]]
    with worker_threads():
        wanted = encode_windows(model, texts, rule)
    row["windows_compared"] = sum(len(one.codes) for one in wanted)
    size = row["held_out_bytes"] = sum(map(len, held_out))
    one = b"".join(held_out)[:ONE_TEXT]
    with worker_threads():
        started = time.process_time()
        (alone,) = encode_windows(model, [one], rule)
        row["m1_one_text_kb_per_s"] = round(len(one) / (time.process_time() - started) / 1e3, 2)
    for name, start in (("with_corpus", saved), ("without", None)):
        opened = RememberedWindows(model, rule, start)
        assert opened.encode(texts) == wanted
        opened = RememberedWindows(model, rule, start)
        started = time.process_time()
        assert opened.encode([one]) == [alone]
        row[f"one_text_{name}"] = round(len(one) / (time.process_time() - started) / 1e3, 1)
        opened = RememberedWindows(model, rule, start)
        started = time.process_time()
        opened.encode(held_out)
        taken = time.process_time() - started
        row[name] = {
            "kb_per_s": round(size / taken / 1e3, 1),
            "m1_runs_per_byte": round(opened.asked / size, 3),
        }
    row["m1_kb_per_s"] = m1_speed(lambda group: encode_windows(model, group, rule), held_out)
    tokenizer = EqualInfoACTokenizer(Spec.parse(f"EqualInfoAC[b={bits},v=256]"), model)
    ids = tokenizer.encode(one)
    started = time.process_time()
    assert tokenizer.decode(ids) == one
    row["decode_kb_per_s"] = round(len(one) / (time.process_time() - started) / 1e3, 1)
    print(row, flush=True)
    return row


def markdown(content: dict[str, Any]) -> str:
    """The rows as the tables of docs/windows.md."""
    listed_rows = [
        (
            code(row["spec"]),
            f"{row['texts']:,}",
            f"{row['listing_seconds']:.1f}",
            f"{row['bytes_on_disk'] / 1e6:.1f}",
            f"{row['batch_mb_per_s']:.0f}",
            f"{row['one_text_mb_per_s']:.0f}",
            f"{row['decode_mb_per_s']:.0f}",
            f"{row['m1_kb_per_s']:.1f}",
        )
        for row in content["listed"]
    ]
    wide_rows = [
        (
            code(row["spec"]),
            f"{row['corpus_bytes'] / 1e6:.1f}" if corpus else "none",
            f"{row['texts_kept']:,}" if corpus else "",
            f"{row['bytes_on_disk'] / 1e6:.1f}" if corpus else "",
            f"{row[name]['m1_runs_per_byte']:.3f}",
            f"{row[name]['kb_per_s']:.0f}",
            f"{row[name]['kb_per_s'] / row['m1_kb_per_s']:.1f}",
            f"{row['one_text_' + name]:.1f}",
            f"{row['one_text_' + name] / row['m1_one_text_kb_per_s']:.1f}",
            "" if corpus else f"{row['decode_kb_per_s']:.1f}",
        )
        for row in content["wide"]
        for name, corpus in (("with_corpus", True), ("without", False))
    ]
    listed_headings = (
        "spec",
        "texts",
        "listed in s",
        "MB on disk",
        "MB/s",
        "one text",
        "decode",
        "by M1, kB/s",
    )
    wide_headings = (
        *("spec", "corpus, MB", "texts kept", "MB on disk", "M1 runs a byte"),
        *("kB/s", "times M1's", "one text, kB/s", "times M1's", "decode, kB/s"),
    )
    return (
        markdown_table(listed_headings, listed_rows, range(1, 8))
        + "\n"
        + markdown_table(wide_headings, wide_rows, range(1, 10))
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/compiled-windows.json"))
    parser.add_argument("--m1", default="english-m1")
    parser.add_argument("--megabytes", type=float, default=12, help="of training text, for wide windows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--wide", action="store_true", help="measure wide windows alone; rows of listed ones stay"
    )
    given = parser.parse_args()
    model = load_m1(located(given.m1, "m1"))
    training, held_out = training_and_held_out()
    random.Random(1).shuffle(training)
    size = sum(map(len, held_out))
    content: dict[str, Any] = {"machine": machine(), "m1": given.m1, "held_out_bytes": size}
    if given.wide:
        content = read_json(given.out) | {"machine_of_wide": machine()}
    else:
        rows: dict[bytes, np.ndarray] = {}
        content["listed"] = [
            listed(spec, model, held_out, rows, given.repeats)
            for spec in (
                "EqualInfoAC[b=16,v=256]",
                "EqualInfoAC[b=16,v=65k,delay]",
                "EqualInfoHuffman[b=16,v=65k]",
                "EqualInfoAC[b=18,v=512]",
            )
        ]
        write_json(given.out, content)
    content["wide"] = []
    for bits in (24, 32):
        content["wide"].append(wide(bits, model, training, held_out, given.megabytes))
        write_json(given.out, content)
    given.out.with_suffix(".md").write_text(markdown(content))


if __name__ == "__main__":
    main()
