"""Token shards in the files that other trainers read (`equalinfo export`). Each example is a document there.

    datatrove: OUT/train/00000_train.ds (ids), .ds.index (where documents end), .ds.metadata; a file per shard
    megatron:  OUT/train.bin (ids), OUT/train.idx (lengths and places of documents); a pair per split

`datasets` needs no export: `Dataset.from_file` maps the shards as they are.
"""

from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from rich.progress import Progress

from equalinfo.errors import EqualInfoError
from equalinfo.files import write_manifest
from equalinfo.outputs import output_directory
from equalinfo.shards.format import TokenShards, tokens_manifest

KIND = "export"
Exporter = Callable[[list[Path], str, int, str, Path, Callable[[], None]], int]


def export_tokens(tokens: Path, form: str, out: Path, progress: Progress) -> dict[str, int | str]:
    """Writes a tokens directory in another library's form, whole or not at all.

    Args:
        form: "datatrove" or "megatron".

    Returns:
        tokens of each split.

    Raises:
        EqualInfoError: no such form, or OUT holds something else than an export.
        DamagedArtifact: the shards are not what was written.
    """
    if form not in FORMS:
        raise EqualInfoError(f"no form {form!a} to export to; choose {' or '.join(FORMS)}")
    counts: dict[str, int | str] = {}
    with output_directory(out, KIND, [tokens]) as directory:
        manifest = tokens_manifest(tokens)
        for split in manifest["splits"]:
            shards = sorted(tokens.glob(f"{split}-*.arrow"))
            task = progress.add_task(f"export {split}", total=len(shards), note="")
            counts[f"{split}_tokens"] = FORMS[form](
                shards, split, manifest["vocab"], manifest["spec"], directory, partial(progress.advance, task)
            )
        identity = {"tokenizer": manifest["tokenizer"], "spec": manifest["spec"], "vocab": manifest["vocab"]}
        write_manifest(directory, KIND, form=form, splits=counts, **identity)
    return {"form": form, **counts}


def to_datatrove(
    shards: list[Path], split: str, vocab: int, spec: str, directory: Path, advance: Callable[[], None]
) -> int:
    """A `.ds` file per shard: ids of two bytes, or four above 65,536, and 64-bit ends of documents in tokens."""
    dtype = np.dtype("<u2" if vocab <= 1 << 16 else "<u4")
    (directory / split).mkdir()
    total = 0
    for number, shard in enumerate(shards):
        path = directory / split / f"{number:05d}_{split}.ds"
        end = 0
        with open(path, "wb") as ids, open(f"{path}.index", "wb") as index:
            for lengths in _written(shard, dtype, ids):
                ends = end + np.cumsum(lengths)
                # datatrove cannot read documents without tokens; they hold nothing.
                index.write(ends[lengths > 0].astype("<u8").tobytes())
                end = int(ends[-1])
        metadata = f"{spec}|{dtype.itemsize}\n{end}\n{end / 1e6:.3g} MT"
        # A spec may hold a folder's name that is not UTF-8.
        Path(f"{path}.metadata").write_bytes(metadata.encode("utf-8", "surrogatepass"))
        total += end
        advance()
    return total


def to_megatron(
    shards: list[Path], split: str, vocab: int, spec: str, directory: Path, advance: Callable[[], None]
) -> int:
    """A `.bin` and an `.idx` of Megatron's IndexedDataset, version 1; one sequence per document."""
    # Megatron's numbers for types; it has none for unsigned 32 bits.
    code, dtype = (1, "<u1") if vocab <= 1 << 8 else (8, "<u2") if vocab <= 1 << 16 else (4, "<i4")
    all_lengths = array("i")
    with open(directory / f"{split}.bin", "wb") as ids:
        for shard in shards:
            for part in _written(shard, np.dtype(dtype), ids):
                all_lengths.frombytes(part.astype(np.int32).tobytes())
            advance()
    lengths = np.array(all_lengths, np.int32)
    ends = np.cumsum(lengths, dtype=np.int64)
    with open(directory / f"{split}.idx", "wb") as index:
        index.write(b"MMIDIDX\x00\x00" + (1).to_bytes(8, "little") + bytes([code]))
        index.write(np.array([len(lengths), len(lengths) + 1], "<u8").tobytes())
        index.write(lengths.astype("<i4").tobytes())
        index.write(((ends - lengths) * np.dtype(dtype).itemsize).astype("<i8").tobytes())
        index.write(np.arange(len(lengths) + 1, dtype="<i8").tobytes())
    return int(lengths.sum(dtype=np.int64))


def _written(shard: Path, dtype: np.dtype, ids: IO[bytes]) -> Iterator[np.ndarray]:
    """Writes a shard's ids one after the other; gives the lengths of its examples, a batch at a time."""
    for values, bounds in TokenShards([shard]).batches:
        ids.write(values[bounds[0] : bounds[-1]].astype(dtype).tobytes())
        if len(bounds) > 1:
            yield np.diff(bounds).astype(np.int64)


FORMS: dict[str, Exporter] = {"datatrove": to_datatrove, "megatron": to_megatron}
