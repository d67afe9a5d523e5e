"""Exported dictionaries in other libraries against ours, in a hundred languages: results/export-equality.json.

    pip install 'equalinfo[demo,hf,gguf,languages,runtimes]'
    npm install @huggingface/tokenizers  # and NODE_PROJECT=that folder
    python -m benchmarks.export_equality --m1 english-m1

Every text is encoded by us, and in a process that cannot import equalinfo by another library. Compared per text: the
ids, their number, and the text that the other library decodes. Some passes join the texts of a language into longer
ones. A library that is not installed, or does not open the files, is named with its reason.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from benchmarks._languages import texts_by_language
from benchmarks._runtimes import RUNTIMES, Refused, encoded
from equalinfo.errors import EqualInfoError
from equalinfo.files import atomic_file, write_json
from equalinfo.model.decoder import Decoder
from equalinfo.predict.exact_files import load_exact
from equalinfo.score.machine import versions_of
from equalinfo.sizes import size_by_name
from equalinfo.tokens.export import export_tokenizer
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m2_gguf import write_gguf

SPECS = [
    f"EqualInfo[v={size}{variant}]"
    for size in ("4k", "65k")
    for variant in ("", ",fewest", ",fewest,words", ",unigram,words")
]
# Tried in every library.
EVERYWHERE = ("EqualInfo[v=65k]", "EqualInfo[v=65k,fewest]", "EqualInfo[v=65k,unigram,words]")
PACKAGES = ("fastokens", "gigatoken", "kitoken", "splintr-rs", "tokie", "xllamacpp")
LENGTHS = (2_000, 8_000, 1 << 40)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/export-equality.json")
    parser.add_argument("--specs", nargs="+", default=SPECS)
    given = parser.parse_args()
    texts = texts_by_language()
    training, _ = training_and_held_out()
    m1 = load_exact(m1_directory(given.m1))
    exports: list[dict[str, Any]] = []
    for spec in given.specs:
        tokenizer = Spec.parse(spec).build(Sources(documents=lambda: training, ready=m1))
        for row in measured(tokenizer, texts, spec in EVERYWHERE):
            exports.append({"spec": spec, **row})
            print({key: value for key, value in exports[-1].items() if key != "unlike"}, flush=True)
    languages = {language: sum(len(text.encode()) for text in own) for language, own in texts.items()}
    measured_on = machine()
    measured_on["versions"] |= versions_of(PACKAGES)
    write_json(given.out, {"machine": measured_on, "exports": exports, "bytes_by_language": languages})
    with atomic_file(given.out.with_suffix(".md")) as stream:
        stream.write(as_markdown(exports).encode())


def as_markdown(exports: list[dict[str, Any]]) -> str:
    """Two tables: how many texts have other ids in which library, and in SentencePiece by the length of texts."""
    specs = [spec for spec in EVERYWHERE if any(row["spec"] == spec for row in exports)]
    lines = ["| library | file | " + " | ".join(f"`{spec}`" for spec in specs) + " |"]
    lines.append("|---|---|" + "---|" * len(specs))
    single = {
        (row["form"], row.get("runtime"), row["spec"]): row for row in exports if row.get("texts_of") == "one"
    }
    for form, runtime in dict.fromkeys((form, runtime) for form, runtime, _ in single):
        cells = [_cell(single.get((form, runtime, spec))) for spec in specs]
        lines.append(f"| {runtime.split()[0]} | {_file(form, runtime)} | {' | '.join(cells)} |")
    kinds = list(dict.fromkeys(row["texts_of"] for row in exports if row.get("runtime") == "sentencepiece"))
    lines += ["", "| SentencePiece | " + " | ".join(_length(kind) for kind in kinds) + " |"]
    lines.append("|---|" + "---:|" * len(kinds))
    for spec in dict.fromkeys(row["spec"] for row in exports if row.get("runtime") == "sentencepiece"):
        rows = {
            row["texts_of"]: row
            for row in exports
            if (row["spec"], row.get("runtime")) == (spec, "sentencepiece")
        }
        cells = [
            f"{rows[kind]['texts'] - rows[kind]['same_ids']:,} of {rows[kind]['texts']:,}" for kind in kinds
        ]
        lines.append(f"| `{spec}` | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _file(form: str, runtime: str) -> str:
    if form == "gguf":
        return "`.gguf`"
    if runtime == "sentencepiece" or ".model" in runtime:
        return "`tokenizer.model`"
    return f"`tokenizer.json` ({form})"


def _length(kind: str) -> str:
    return {"one": "single messages", "whole": "a language whole"}.get(kind, f"up to {kind}")


def _cell(row: dict[str, Any] | None) -> str:
    """What happened to single texts: exact, refused, or which share has other ids; what decodes wrongly is said too."""
    if row is None:
        return ""
    if "refused" in row:
        return "refused"
    other, wrong = row["texts"] - row["same_ids"], row["texts"] - row["exact_decoding"]
    ids = "exact" if not other else f"other ids in {_share(other, row['texts'])}"
    return ids if wrong <= other else f"{ids}; reads back wrongly in {_share(wrong, row['texts'])}"


def _share(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{part:,} of {whole:,}" if share < 1 else f"{share:.0f} %"


def measured(tokenizer: Tokenizer, texts: dict[str, list[str]], everywhere: bool) -> Iterator[dict[str, Any]]:
    """A row for each form of a tokenizer, library that reads it, and length of texts."""
    with tempfile.TemporaryDirectory() as work:
        for form in ("huggingface", "sentencepiece"):
            try:
                export_tokenizer(tokenizer, form, Path(work) / form)
            except EqualInfoError as error:
                yield {"form": form, "refused": str(error)}
                continue
            usual = ("transformers", "sentencepiece")[: 1 if form == "huggingface" else 2]
            for runtime in RUNTIMES if everywhere else usual:
                if form == "huggingface" and runtime in ("sentencepiece", "kitoken (.model)"):
                    continue  # there is no .model
                lengths = {"sentencepiece": (0, *LENGTHS), "transformers": (0, LENGTHS[-1])}
                for length in lengths.get(runtime, (0,)):
                    inputs = joined(texts, length) if length else texts
                    kind = "one" if not length else "whole" if length == LENGTHS[-1] else f"{length} bytes"
                    yield {
                        "form": form,
                        "runtime": runtime,
                        "texts_of": kind,
                        **compare(tokenizer, runtime, Path(work) / form, inputs),
                    }
        if everywhere:
            yield {
                "form": "gguf",
                "runtime": "llama.cpp",
                "texts_of": "one",
                **in_llama_cpp(tokenizer, texts),
            }


def joined(texts: dict[str, list[str]], length: int = LENGTHS[-1]) -> dict[str, list[str]]:
    """The texts of each language joined, a line each, into texts of up to `length` bytes where they allow it."""
    made: dict[str, list[str]] = {}
    for language, own in texts.items():
        made[language], lines, size = [], [], 0
        for text in own:
            if lines and size + len(text.encode()) > length:
                made[language].append("\n".join(lines))
                lines, size = [], 0
            lines.append(text)
            size += len(text.encode()) + 1
        made[language].append("\n".join(lines))
    return made


def in_llama_cpp(tokenizer: Tokenizer, texts: dict[str, list[str]]) -> dict[str, Any]:
    """As `compare`, of a GGUF file with random weights."""
    model = Decoder(size_by_name("65k"), tokenizer.vocab, "llama")
    model.init_weights(0)
    with tempfile.TemporaryDirectory() as work:
        try:
            write_gguf(model, tokenizer, 512, Path(work) / "model.gguf")
        except EqualInfoError as error:
            return {"refused": str(error)}
        return compare(tokenizer, "llama.cpp", Path(work) / "model.gguf", texts)


def compare(
    tokenizer: Tokenizer, runtime: str, exported: Path, texts_by_language: dict[str, list[str]]
) -> dict[str, Any]:
    """How many texts have the same ids, the same number of ids, and come back from another library unchanged.

    `unlike` counts the texts with other ids by language.
    """
    languages = [language for language, own in texts_by_language.items() for _ in own]
    texts = [text for own in texts_by_language.values() for text in own]
    try:
        theirs, exact = encoded(runtime, exported, texts)
    except Refused as error:
        return {"refused": str(error)}
    ours = [ids.tolist() for ids in tokenizer.encode_batch(texts)]
    unlike: dict[str, int] = {}
    different = [own != other for own, other in zip(ours, theirs, strict=True)]
    for language, differs in zip(languages, different, strict=True):
        if differs:
            unlike[language] = unlike.get(language, 0) + 1
    return {
        "languages": len(texts_by_language),
        "texts": len(texts),
        "bytes": sum(len(text.encode()) for text in texts),
        "tokens": sum(map(len, ours)),
        "same_ids": len(texts) - sum(unlike.values()),
        "same_count": sum(len(own) == len(other) for own, other in zip(ours, theirs, strict=True)),
        "exact_decoding": sum(exact),
        "unlike": unlike,
        "shortest_unlike_bytes": min(
            (len(text.encode()) for text, differs in zip(texts, different, strict=True) if differs),
            default=None,
        ),
    }


if __name__ == "__main__":
    main()
