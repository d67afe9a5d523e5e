"""Exported tokens, opened by the libraries they are for."""

import os
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from equalinfo.errors import EqualInfoError
from equalinfo.files import write_manifest
from equalinfo.shards.export import export_tokens
from equalinfo.shards.format import ShardWriter, read_shard

VOCABULARIES = [256, 65_536, 100_000]
BATCHES = [[5, 0, 17], [1], [], [30, 2]]  # lengths of examples, by record batch


def tokens_directory(
    folder: Path, vocab: int, spec: str = "Bytes"
) -> tuple[Path, dict[str, list[list[int]]]]:
    """A tokens directory of two training shards and one of validation, and the examples in it."""
    generator = np.random.default_rng(vocab)
    path = folder / "tokens"
    path.mkdir()
    written: dict[str, list[list[int]]] = {"train": [], "validation": []}
    for name in ("train-00000", "train-00007", "validation-00003"):
        with open(path / f"{name}.arrow", "wb") as file:
            writer = ShardWriter(file, vocab)
            for lengths in BATCHES:
                ids = [generator.integers(0, vocab, n, dtype=np.uint32) for n in lengths]
                ids = [array.astype(np.uint16) if vocab <= 1 << 16 else array for array in ids]
                writer.write([(array, len(array), len(array)) for array in ids])
                written[name.split("-")[0]] += [array.tolist() for array in ids]
            writer.close()
    counts = {"examples": 0, "tokens": 0, "bytes": 0, "source_bytes": 0, "text": ""}
    fields = {"spec": spec, "tokenizer": "t", "windows_changed": None, "example_bytes": 1}
    write_manifest(path, "tokens", vocab=vocab, splits=dict.fromkeys(written, counts), **fields)
    assert [ids.tolist() for ids, *_ in read_shard(path / "train-00000.arrow")] == written["train"][:6]
    return path, written


def exported(folder: Path, vocab: int, form: str) -> tuple[Path, dict[str, list[list[int]]]]:
    tokens, written = tokens_directory(folder, vocab)
    counts = export_tokens(tokens, form, folder / "out", Progress(disable=True))
    for split, examples in written.items():
        assert counts[f"{split}_tokens"] == sum(map(len, examples))
    return folder / "out", written


@pytest.mark.parametrize("vocab", VOCABULARIES)
def test_datatrove_files(tmp_path: Path, vocab: int) -> None:
    out, written = exported(tmp_path, vocab, "datatrove")
    size = 2 if vocab <= 1 << 16 else 4
    for split, examples in written.items():
        files = sorted((out / split).glob("*.ds"))
        assert len(files) == {"train": 2, "validation": 1}[split]
        found = []
        for file in files:
            ids = np.fromfile(file, f"<u{size}")
            ends = np.fromfile(f"{file}.index", "<u8").astype(int)
            found += [part.tolist() for part in np.split(ids, ends)[:-1]]
            assert Path(f"{file}.metadata").read_text().splitlines()[:2] == [f"Bytes|{size}", str(len(ids))]
        assert found == [example for example in examples if example]


def test_a_spec_with_a_folder_that_is_not_utf8(tmp_path: Path) -> None:
    spec = os.fsdecode(b"hf:\xff")
    tokens, _ = tokens_directory(tmp_path, 256, spec)
    export_tokens(tokens, "datatrove", tmp_path / "out", Progress(disable=True))
    for file in (tmp_path / "out").rglob("*.metadata"):
        assert file.read_bytes().decode("utf-8", "surrogatepass").startswith(f"{spec}|2\n")


@pytest.mark.parametrize("vocab", VOCABULARIES)
def test_datatrove_reads_them(tmp_path: Path, vocab: int) -> None:
    module = pytest.importorskip("datatrove.utils.dataset", reason="pip install 'equalinfo[interchange]'")
    out, written = exported(tmp_path, vocab, "datatrove")
    size = 2 if vocab <= 1 << 16 else 4
    opened = module.DatatroveFolderDataset(str(out / "validation"), 9, token_size=size, return_positions=True)
    ids = [number for example in written["validation"] for number in example]
    positions = [place for example in written["validation"] for place in range(len(example))]
    assert len(opened) == len(ids) // 10
    for window in range(len(opened)):
        part = slice(10 * window, 10 * window + 10)
        assert opened[window]["input_ids"].tolist() == ids[part]
    assert opened[0]["positions"].tolist() == positions[:10]


@pytest.mark.parametrize("vocab", VOCABULARIES)
def test_megatron_reads_them(tmp_path: Path, vocab: int) -> None:
    module = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset", reason="pip install 'equalinfo[interchange]'"
    )
    out, written = exported(tmp_path, vocab, "megatron")
    for split, examples in written.items():
        opened = module.IndexedDataset(str(out / split))
        assert len(opened) == len(examples)
        assert [opened[number].tolist() for number in range(len(opened))] == examples
        assert opened.document_indices.tolist() == list(range(len(examples) + 1))
        assert opened.get(0, offset=1, length=2).tolist() == examples[0][1:3]


def test_megatron_files(tmp_path: Path) -> None:
    out, written = exported(tmp_path, 65_536, "megatron")
    index = (out / "train.idx").read_bytes()
    assert index[:18] == b"MMIDIDX\0\0" + (1).to_bytes(8, "little") + b"\x08"
    count = len(written["train"])
    assert np.frombuffer(index, "<u8", 2, 18).tolist() == [count, count + 1]
    assert np.frombuffer(index, "<i4", count, 34).tolist() == [len(example) for example in written["train"]]
    assert np.fromfile(out / "train.bin", "<u2").tolist() == [
        i for example in written["train"] for i in example
    ]


def test_no_such_form(tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match="datatrove or megatron"):
        export_tokens(tmp_path, "petastorm", tmp_path / "out", Progress(disable=True))
    assert not (tmp_path / "out").exists()
