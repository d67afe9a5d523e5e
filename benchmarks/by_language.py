"""What a text costs in 99 languages: ours beside a BPE with the split of GPT-2 and SentencePiece of the same size.

"Ours" is the parse that ships, "fewest" the one into fewest tokens.

    python -m scripts.corpus_mix --mix multilingual --out mix
    python -m benchmarks.by_language mix

All are made from the same text, the multilingual mix with its languages levelled as for the tokenizers that ship
(scripts/reference_languages.py; the lists for languages without spaces are for ours only), and measured on the
Universal Declaration of Human Rights, which the mix does not hold: the same content in every language. 64 of the 99 are
in the mix. A language's price is its tokens for a token of English; fairness is the dearest language over the cheapest.
Of sizes that are not asked for, the tokenizer that ships is measured. Words are what white space or Ethiopic's word
space separates. Django's messages, by which the languages were levelled, are measured too. Writes
results/by-language.json, .md and .svg.
"""

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.figures.matplotlib_files import write_figure
from equalinfo.files import atomic_file, read_json, sha256_bytes, write_json
from equalinfo.progress import progress_bar
from equalinfo.score.machine import versions_of
from equalinfo.score.tables import markdown_table
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from scripts import reference_languages
from scripts.corpus_mix.languages import LANGUAGES
from scripts.corpus_mix.parallel import NAMES, declaration_texts, django_messages
from scripts.reference_languages import WEIGHTS, LevelledCorpus, tokens_for_content
from scripts.reference_sources import Source, sources_of

METHODS = {
    "ours": "EqualInfo[v={},unigram,words]",
    "fewest": "EqualInfo[v={},fewest,words]",
    "BPE": "BPE[v={}]",
    "SentencePiece": "SentencePiece[v={}]",
}
# White space stands between phrases there, or nowhere.
WITHOUT_SPACES = ("bo", *reference_languages.WITHOUT_SPACES)

WORD = r"[^\s\u1361]+"

Row = dict[str, Any]


def built(spec: str, texts: list[Source], weights: dict[str, float], work: Path) -> Tokenizer:
    """The tokenizer of `spec`, from `work` if an earlier run left it there."""
    key = sha256_bytes(repr((weights, [(one.name, one.size) for one in texts])).encode())[:10]
    path = work / f"{spec}-{key}"
    if not path.is_dir():
        corpus = LevelledCorpus(texts, "multilingual", weights, lists=spec.startswith("EqualInfo"))
        with progress_bar() as progress:
            compile_tokenizer(Spec.parse(spec), None, corpus, path, progress)
    return Tokenizer.from_pretrained(path)


def rows_of(tokenizers: dict[str, Tokenizer], texts: dict[str, str]) -> list[Row]:
    """A row for each language: what the text has and what each tokenizer makes of it."""
    rows = []
    for code, text in texts.items():
        tokens = {}
        for name, tokenizer in tokenizers.items():
            ids = tokenizer.encode(text)
            assert tokenizer.decode(ids) == text.encode(), (name, code)
            tokens[name] = len(ids)
        words = None if code in WITHOUT_SPACES else len(re.findall(WORD, text))
        script = LANGUAGES[code][1] if code in LANGUAGES else ""
        rows.append({
            "code": code, "language": NAMES[code], "script": script, "in_mix": code in LANGUAGES,
            "bytes": len(text.encode()), "words": words, "tokens": tokens,
        })  # fmt: skip
    return rows


def prices(rows: Iterable[Row], name: str) -> dict[str, float]:
    """Tokens in each language for a token of English."""
    tokens = {row["code"]: row["tokens"][name] for row in rows}
    return {code: count / tokens["en"] for code, count in tokens.items()}


def summary_of(paid: dict[str, float]) -> Row:
    """How even prices are; `paid` holds English too, at 1."""
    dearest, cheapest = max(paid, key=paid.__getitem__), min(paid, key=paid.__getitem__)
    return {
        "languages": len(paid),
        "dearest": dearest,
        "cheapest": cheapest,
        "fairness": round(paid[dearest] / paid[cheapest], 3),
        "mean_price": round(geometric_mean(paid.values()), 3),
        "over_twice_english": sorted(code for code, price in paid.items() if price > 2),
    }


def summaries(rows: list[Row], tokenizers: Iterable[str], messages: dict[str, dict[str, float]]) -> list[Row]:
    found = []
    for name in tokenizers:
        paid = prices(rows, name)
        mixed = {code: price for code, price in paid.items() if code in LANGUAGES}
        for text, own in (
            ("declaration, in the mix", mixed),
            ("declaration, all", paid),
            ("messages", messages[name]),
        ):
            found.append({"tokenizer": name, "text": text, **summary_of(own)})
        english = next(row for row in rows if row["code"] == "en")
        counted = [row for row in rows if row["in_mix"]]
        for row in found[-3:]:
            row["english_bytes_per_token"] = round(english["bytes"] / english["tokens"][name], 3)
        found[-3]["bytes_per_token"] = _mean(counted, lambda row, n=name: row["bytes"] / row["tokens"][n])
        found[-2]["bytes_per_token"] = _mean(rows, lambda row, n=name: row["bytes"] / row["tokens"][n])
    return found


def _mean(rows: list[Row], value: Callable[[Row], float]) -> float:
    return round(geometric_mean(map(value, rows)), 3)


def markdown(found: Row) -> str:
    names = found["tokenizers"]
    table = []
    for row in found["summaries"]:
        over = len(row["over_twice_english"])
        mean = f"{row['bytes_per_token']:.2f}" if "bytes_per_token" in row else "–"
        ends = [f"{NAMES[row[key]]}" for key in ("dearest", "cheapest")]
        numbers = [f"{row['fairness']:.2f}", f"{row['mean_price']:.2f}", f"{over} of {row['languages']}"]
        table.append([row["tokenizer"], row["text"], mean, *numbers, *ends])
    heads = [
        "tokenizer",
        "text",
        "bytes/token",
        "fairness",
        "mean price",
        "over twice English",
        "dearest",
        "cheapest",
    ]
    text = markdown_table(heads, table, range(2, 6))
    english = next(one for one in found["rows"] if one["code"] == "en")
    costs, words = [], []
    for row in sorted(found["rows"], key=lambda row: (not row["in_mix"], row["language"])):
        place = [row["language"], row["script"] or "not in the mix"]
        cells = [f"{row['bytes'] / row['tokens'][name]:.2f}" for name in names]
        prices_paid = [f"{row['tokens'][name] / english['tokens'][name]:.2f}" for name in names]
        costs.append([*place, *cells, *prices_paid])
        if row["words"]:
            words.append([*place, *(f"{row['tokens'][name] / row['words']:.2f}" for name in names)])
    heads = [
        "language",
        "script",
        *(f"{what}, {name}" for what in ("bytes/token", "price") for name in names),
    ]
    text += "\n" + markdown_table(heads, costs, range(2, len(heads)))
    heads = ["language", "script", *(f"tokens/word, {name}" for name in names)]
    return text + "\n" + markdown_table(heads, words, range(2, len(heads)))


def figure(found: Row) -> Figure:
    """Prices, languages in the order of what they pay of the first tokenizer."""
    names = found["tokenizers"]
    paid = {name: prices(found["rows"], name) for name in names}
    panels = []
    for title, among in (("in the mix", True), ("not in the mix", False)):
        codes = [row["code"] for row in found["rows"] if row["in_mix"] == among]
        codes.sort(key=paid[names[0]].__getitem__)
        places = list(range(1, len(codes) + 1))
        series = [Series(name, places, [paid[name][code] for code in codes], kind="points") for name in names]
        panels.append(
            Panel(f"{len(codes)} languages {title}", "languages, cheapest first", "tokens for one of English", series,
                  y_log=True, levels=[(2.0, "twice English")])
        )  # fmt: skip
    return Figure("The price of the same text by language", panels)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="the multilingual mix")
    parser.add_argument("--vocab", nargs="+", default=["65k"], help="sizes of vocabularies")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/bench"), help="keeps tokenizers and the declaration"
    )
    parser.add_argument("--out", type=Path, default=Path("results/by-language.json"))
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    sources, weights = sources_of(given.corpus), read_json(WEIGHTS)
    specs = {f"{name} {size}": spec.format(size) for size in given.vocab for name, spec in METHODS.items()}
    tokenizers = {name: built(spec, sources, weights, given.work) for name, spec in specs.items()}
    for size in sorted({"65k", "128k"}.difference(given.vocab)):
        specs[f"ours {size}"] = METHODS["ours"].format(size)
        tokenizers[f"ours {size}"] = Tokenizer.from_pretrained(f"multilingual-{size}")
    corpus = LevelledCorpus(sources, "multilingual", weights, lists=False)
    pairs = django_messages()
    messages = {name: {"en": 1.0} | tokens_for_content(one, pairs) for name, one in tokenizers.items()}
    rows = rows_of(tokenizers, declaration_texts(given.work))
    found = {
        "tokenizers": list(specs),
        "specs": specs,
        "fingerprints": {name: tokenizer.fingerprint for name, tokenizer in tokenizers.items()},
        "versions": versions_of(("equalinfo", "tokenizers", "sentencepiece")),
        "training_bytes": sum(map(len, corpus.documents("train"))),
        "summaries": summaries(rows, tokenizers, messages),
        "rows": rows,
        "messages": {
            name: {code: round(price, 3) for code, price in own.items()} for name, own in messages.items()
        },
    }
    write_json(given.out, found)
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(markdown(found).encode())
    write_figure(figure(found), given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
