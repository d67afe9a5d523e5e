"""Tokenizers and models that ship with the package, and the one rule by which a name finds them.

Each is a folder of `reference/`, an ordinary artifact directory in its small form, with a card: `card.json`, what it
is, what it was made from and what was measured (`docs/reference-models.md`, `scripts/build_reference.py`).
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

from equalinfo.errors import EqualInfoError
from equalinfo.files import MANIFEST, read_json

CARD = "card.json"

# What became of names that shipped before. The english-32k and english-65k of then are the greedy ones of today.
FORMER_NAMES = {
    f"english-{size}-{former}": f"english-{size}-{former} {became.format(size)}"
    for size in ("32k", "65k")
    for former, became in {
        "likely": "is now english-{}",
        "refined": "is now english-{}-fewest",
        "words": "does not ship any more; english-{} is within words too",
    }.items()
}


def reference_folder() -> Path:
    """Where they are: package data."""
    return Path(str(files("equalinfo").joinpath("reference")))


def shipped(kind: str | None = None, folder: Path | None = None) -> dict[str, Path]:
    """Folders of what ships, by name.

    Args:
        kind: only "tokenizer" or "m1".
        folder: in place of `reference_folder()`.

    Examples:
        >>> sorted(shipped("m1"))
        ['english-m1']
    """
    manifests = sorted((folder or reference_folder()).glob(f"*/{MANIFEST}"))
    artifacts = {path.parent.name: path.parent for path in manifests}
    if kind is None:
        return artifacts
    return {name: path for name, path in artifacts.items() if read_json(path / MANIFEST).get("kind") == kind}


def located(path: str | Path, kind: str) -> Path:
    """The directory that a path or the name of something shipped stands for.

    A directory that exists wins, so what a user makes is never hidden by what ships.

    Args:
        kind: what is wanted, "tokenizer" or "m1".

    Raises:
        EqualInfoError: neither; the message lists the names, or says what became of the name.

    Examples:
        >>> located("english-65k", "tokenizer").name
        'english-65k'
    """
    wanted = Path(path)
    if wanted.is_dir() or wanted.name != str(path):
        return wanted
    artifacts = shipped()
    if wanted.name in artifacts:
        return artifacts[wanted.name]
    if wanted.name in FORMER_NAMES:
        raise EqualInfoError(FORMER_NAMES[wanted.name])
    if wanted.exists():
        raise EqualInfoError(f"{wanted} is a file, not a {kind} directory")
    names = ", ".join(shipped(kind))
    known = f"those that ship with equalinfo: {names}" if names else "none ships with this equalinfo"
    raise EqualInfoError(f"{wanted}: no such {kind} directory, and no shipped {kind} of that name ({known})")


def card_of(path: Path) -> dict[str, Any]:
    """The card of a shipped artifact; DamagedArtifact if it has none.

    Examples:
        >>> card_of(located("english-65k", "tokenizer"))["spec"]
        'EqualInfo[v=65k,unigram,words]'
    """
    return read_json(path / CARD)
