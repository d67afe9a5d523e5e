"""An M2 of two steps for the tests of this folder."""

from pathlib import Path

from tests.support.command import run_quietly

TEXT = "Sentence {} of a small corpus says that the bridge is number {}. "


def m2_directory(folder: Path) -> Path:
    """An M2 over bytes, made under `folder` by the command line."""
    parts = ["".join(TEXT.format(i, i * 7919 % 1000) for i in range(n, n + 9)) * 3 for n in range(0, 900, 9)]
    (folder / "corpus.txt").write_text("\n\n".join(parts))
    run_quietly("compile", "Bytes", "--out", folder / "tok", "--quiet")
    options = "--example-bytes 512 --max-tokens 2000 --validation-examples 2 --quiet".split()
    run_quietly("tokenize", folder / "tok", folder / "corpus.txt", "--out", folder / "tokens", *options)
    options = "--size 65k --sequence 64 --batch 2 --steps 2 --quiet".split()
    run_quietly("train-m2", folder / "tokens", "--out", folder / "m2", *options)
    return folder / "m2"
