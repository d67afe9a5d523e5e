"""What the benchmarks share: the text they measure on, an M1 to compile from, the BPE peer, the machine."""

import argparse
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from equalinfo.corpus.readers import read_documents
from equalinfo.corpus.splits import split_of
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file
from equalinfo.pretrained import located
from equalinfo.score.machine import cpu_model, versions_of

# The usual split of byte-level BPE into words, as a pattern that both BPE libraries take.
SPLIT = (
    r"(?i:'(?:[sdmt]|ll|ve|re))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
LIBRARIES = (
    "equalinfo",
    "torch",
    "numpy",
    "numba",
    "tiktoken",
    "tokenizers",
    "transformers",
    "sentencepiece",
)


def add_common_options(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--work", type=Path, default=Path("runs/bench"), help="keeps the trained peers")
    parser.add_argument("--m1", type=Path, help="M1 directory; default: the one that `make demo` trained")


def m1_directory(given: Path | None) -> Path:
    """The M1 to compile from; EqualInfoError if none was given and the demo has not made one."""
    newest_last = sorted(Path("runs/demo").glob("m1-*/equalinfo.json"), key=lambda path: path.stat().st_mtime)
    found = [located(given, "m1")] if given else newest_last
    if not found:
        raise EqualInfoError("no M1 to compile from: run `make demo` first, or give one as --m1")
    return found[-1] if given else found[-1].parent


def training_and_held_out() -> tuple[list[bytes], list[bytes]]:
    """The embedded corpus: what tokenizers are made from, and validation and test documents together."""
    training: list[bytes] = []
    held_out: list[bytes] = []
    for document in read_documents("embedded"):
        (training if split_of(document) == "train" else held_out).append(document)
    return training, held_out


def new_bpe(texts: Iterable[str], size: int, pattern: str) -> Any:
    """A byte-level BPE by Hugging Face tokenizers, with `pattern` as its split."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    trained = tokenizers.Tokenizer(models.BPE())
    cut = pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trained.pre_tokenizer = pre_tokenizers.Sequence([cut, spell])
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator(texts, trainer)
    return trained


def train_bpe(
    documents: list[bytes], size: int, work: Path, split: bool = True, pattern: str = SPLIT, name: str = ""
) -> Any:
    """A byte-level BPE by Hugging Face tokenizers; without `split`, merges may cross words.

    Args:
        pattern: splits text into words; with another one than SPLIT, `name` says in a word which.
    """
    import tokenizers

    saved = work / f"bpe-{size}{name and f'-{name}'}{'' if split else '-unsplit'}.json"
    if not saved.is_file():
        texts = (document.decode(errors="replace") for document in documents)
        trained = new_bpe(texts, size, pattern if split else r"\n")
        with atomic_file(saved) as stream:
            stream.write(trained.to_str().encode())
    return tokenizers.Tokenizer.from_file(str(saved))


def machine() -> dict[str, Any]:
    """Processor, system and library versions, for the results file."""
    return {"processor": cpu_model(), "system": platform.system(), "versions": versions_of(LIBRARIES)}


def children(pid: int) -> list[int]:
    """The processes that one started; none when it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """A process and those it started."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children(found[-1])
    return found


def resident(pid: int) -> int:
    """Bytes of memory that a process holds, its part of what is shared; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)
