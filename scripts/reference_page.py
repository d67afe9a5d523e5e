"""docs/reference-models.md, the model card of what ships, from the cards.

python -m scripts.reference_page
"""

from pathlib import Path
from typing import Any

from equalinfo.files import atomic_file
from equalinfo.pretrained import card_of, reference_folder, shipped
from equalinfo.score.tables import markdown_table

PAGE = Path(__file__).parents[1] / "docs" / "reference-models.md"

RECOMMENDED = "english-65k"  # why: docs/lab-notes/dictionaries.md

HEAD = """# Tokenizers and M1 that ship

This page says what the tokenizers that ship with the package are made from and how they do on which text. They need
neither network nor training. Their names go wherever a tokenizer directory or an M1 directory goes; a directory of that
name in the current folder comes first.

[scripts/reference_page.py](../scripts/reference_page.py) writes this page from the cards beside the artifacts
(`python -m scripts.reference_page`); do not edit it.
"""

USE = """
```python
from equalinfo import Tokenizer

tokenizer = Tokenizer.from_pretrained("{tokenizer}")
tokenizer.save_pretrained("exported")  # with a tokenizer.json, which AutoTokenizer opens without equalinfo
```
"""

LIMITS = """
## Limits

- Narrower than the web: what is listed above and little else, much of it old or technical, and in languages other than
  English the messages of programs. On other prose expect more tokens and more bits/byte than these figures; held-out
  documents come from the same sources.
- Any bytes are read back exactly, in scripts and languages that no text was in too, but in short tokens.
- The exact M1 ships without its float weights: it codes and compiles, and cannot be trained further.
- The texts have their writers' views and errors, and the entries their choice of words. Nothing was filtered out.

## Licence

Entries are short strings chosen by their frequency, and M1's weights are statistics of the text. Only texts in the
public domain or under open licences were used, as listed above; whoever builds on this should read those licences. The
multilingual ones and those for code were made without text under copyleft, but for messages of Firefox (MPL-2.0) in
languages of which the other packages hold little but names: that licence asks for changed files to stay open, and says
nothing of what is counted in them.
"""


def page(cards: dict[str, dict[str, Any]]) -> str:
    """The document.

    Args:
        cards: by name; may be empty.
    """
    tokenizers = {name: card for name, card in cards.items() if card["kind"] == "tokenizer"}
    models = {name: card for name, card in cards.items() if card["kind"] == "m1"}
    if not tokenizers and not models:
        return HEAD + "\nNone ships yet: `make reference` builds them.\n"
    parts = [HEAD]
    if tokenizers:
        first = RECOMMENDED if RECOMMENDED in tokenizers else next(iter(tokenizers))
        parts += [USE.format(tokenizer=first), _tokenizers(tokenizers)]
    parts += [_model(name, card) for name, card in models.items()]
    parts += _of_other_models(tokenizers, {card["identity"] for card in models.values()})
    parts += [_sources(group) for group in _by_sources(models | tokenizers)]
    parts += [LIMITS, _identities(cards)]
    return "".join(parts)


def _of_other_models(tokenizers: dict[str, dict[str, Any]], shipped: set[str]) -> list[str]:
    """Says which tokenizers were made of the strings of an M1 that does not ship."""
    others = [f"`{name}`" for name, card in tokenizers.items() if card["m1"] and card["m1"] not in shipped]
    if not others:
        return []
    return [
        f"\n{', '.join(others)} keep the ids that they had with the M1 that shipped before: made of this one's strings "
        "they would take as many tokens.\n"
    ]


def _by_sources(cards: dict[str, dict[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """Cards of what was made from the same texts together."""
    groups: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for name, card in cards.items():
        groups.setdefault(tuple(row["name"] for row in card["sources"]), {})[name] = card
    return list(groups.values())


def _tokenizers(tokenizers: dict[str, dict[str, Any]]) -> str:
    """Bytes/token of all tokenizers, one column each."""
    rows = [
        [f"`{name}`", f"`{card['spec']}`", f"{card['vocab']:,}", _two(card)]
        for name, card in tokenizers.items()
    ]
    text = "\n## Tokenizers\n\n" + markdown_table(["name", "spec", "entries", "bytes/token"], rows, (2, 3))
    text += "\nBytes/token on held-out documents, by source and kind of text, or by language and script. What the same "
    text += "text costs in each language: [by language](languages.md).\n"
    for cards in _by_sources(tokenizers):
        lines: dict[str, list[str]] = {}
        for card in cards.values():
            for row in card["held_out"]:
                lines.setdefault(_place(row), [f"{row['bytes']:,}"]).append(f"{row['bytes_per_token']:.2f}")
        heads = ["text", "bytes", *(f"`{name}`" for name in cards)]
        text += "\n" + markdown_table(
            heads, [[place, *cells] for place, cells in lines.items()], range(1, len(heads))
        )
    return text


def _model(name: str, card: dict[str, Any]) -> str:
    training = card["training"]
    rows = [[_place(row), f"{row['bytes']:,}", f"{row['bits_per_byte']:.3f}"] for row in card["held_out"]]
    context = f"{training['context']:,}"
    return (
        f"\n## `{name}`\n\nA byte-level Transformer of {card['parameters']:,} parameters without embeddings, in exact "
        "integer arithmetic ([exact M1](exact.md)). "
        f"It saw {training['bytes_seen']:,} bytes, {context} at a time, of the shares of the texts below, "
        f"which `scripts.build_reference --steps` takes for CORPUS:\n\n    {training['command']}\n\n"
        f"Bits/byte on held-out documents in sequences of {context} bytes, with 14-bit frequencies, as coders see "
        f"them; that is {100 * (training['exact_over_float'] - 1):.1f} % more than the float model:\n\n"
        + markdown_table(["text", "bytes", "bits/byte"], rows, (1, 2))
        + f"\n    equalinfo compress FILE --m1 {name} --out FILE.eqi\n"
        f"    equalinfo compile 'EqualInfoAC[b=16,v=256]' --m1 {name} --out tok\n"
    )


def _sources(cards: dict[str, dict[str, Any]]) -> str:
    card = next(iter(cards.values()))
    rows = [
        [
            row["name"],
            row["domain"],
            row["licence"],
            f"{row['documents']:,}",
            f"{row['bytes']:,}",
            f"{100 * row['share']:.0f} %",
        ]
        for row in card["sources"]
    ]
    total = [sum(row[key] for row in card["sources"]) for key in ("documents", "bytes")]
    rows.append(["together", "", "", *(f"{value:,}" for value in total), ""])
    return (
        f"\n## What {_names(cards)} made from\n\n"
        + markdown_table(["source", "kind", "licence", "documents", "bytes", "share"], rows, (3, 4, 5))
        + "\nShare: how much of it was used, so that technical text does not outweigh the rest. Of these documents, "
        "90 % are for training, 5 % for validation and 5 % for test, by their hash. The figures "
        f"above are from validation documents, which nothing was made from. Built by\n\n    {card['command']}\n"
    )


def _names(cards: dict[str, dict[str, Any]]) -> str:
    """`one is`, `one and two are`, or the first words of many."""
    names = [f"`{name}`" for name in cards]
    if len(names) > 2:
        names = [f"the `{names[0].strip('`').split('-')[0]}` ones"]
    return " and ".join(names) + (" is" if len(cards) == 1 else " are")


def _identities(cards: dict[str, dict[str, Any]]) -> str:
    rows = [[f"`{name}`", f"`{card['identity']}`"] for name, card in cards.items()]
    return "\n## Identities\n\nHashes of everything that ids and frequencies depend on.\n\n" + markdown_table(
        ["name", "SHA-256"], rows
    )


def _place(row: dict[str, Any]) -> str:
    if "source" in row:
        return f"{row['source']} ({row['domain']})"
    return f"all {row['domain']}" if "domain" in row else "all"


def _two(card: dict[str, Any]) -> str:
    return f"{card['bytes_per_token']:.2f}"


def write_page(folder: Path, out: Path) -> None:
    """Writes the document of the artifacts in `folder`."""
    cards = {name: card_of(path) for name, path in shipped(folder=folder).items()}
    with atomic_file(out) as stream:
        stream.write(page(cards).encode())


if __name__ == "__main__":
    write_page(reference_folder(), PAGE)
