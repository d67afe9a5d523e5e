"""Exported dictionaries in Hugging Face against ours, in a hundred languages: results/export-equality.json.

    pip install 'equalinfo[demo,hf,languages]'
    python -m benchmarks.export_equality

Every text is encoded by us, and in a process that cannot import equalinfo by what `AutoTokenizer` makes of the
directory. Compared per text: the ids, their number, and the text that Hugging Face decodes. A second pass takes the
texts of a language as one, which makes long inputs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from benchmarks._languages import texts_by_language
from equalinfo import Tokenizer
from equalinfo.files import write_json
from equalinfo.predict.exact_files import load_exact
from equalinfo.tokens.compile import compile_equal_info
from equalinfo.tokens.spec import Spec

SPECS = [
    f"EqualInfo[v={size}{variant}]"
    for size in ("4k", "65k")
    for variant in ("", ",fewest", ",fewest,words", ",unigram,words")
]

# What runs where equalinfo cannot be imported: texts in; ids, their counts and whether they read back out.
ELSEWHERE = """
import sys
sys.modules["equalinfo"] = None
import json
import numpy as np
from transformers import AutoTokenizer

directory, texts_file, ids_file = sys.argv[1:]
texts = json.load(open(texts_file, encoding="utf-8"))
tokenizer = AutoTokenizer.from_pretrained(directory)
ids = tokenizer(texts)["input_ids"]
exact = [tokenizer.decode(row) == text for row, text in zip(ids, texts, strict=True)]
joined = np.array([token for row in ids for token in row], np.uint32)
np.savez(ids_file, ids=joined, counts=[len(row) for row in ids], exact=exact)
"""


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
    exports = []
    for spec in given.specs:
        with tempfile.TemporaryDirectory() as work:
            directory = Path(work) / "tok"
            compile_equal_info(Spec.parse(spec), m1, lambda: training).save_pretrained(directory)
            exports += [{"spec": spec, **compare(directory, inputs)} for inputs in (texts, joined(texts))]
        print(exports[-2], exports[-1], sep="\n", flush=True)
    languages = {language: sum(len(text.encode()) for text in own) for language, own in texts.items()}
    write_json(given.out, {"machine": machine(), "exports": exports, "bytes_by_language": languages})


def joined(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """The texts of each language as one, a line each."""
    return {language: ["\n".join(own)] for language, own in texts.items()}


def compare(directory: Path, texts_by_language: dict[str, list[str]]) -> dict[str, Any]:
    """How many texts have the same ids, the same number of ids, and come back from Hugging Face unchanged.

    `unlike` counts the texts with other ids by language.
    """
    languages = [language for language, own in texts_by_language.items() for _ in own]
    texts = [text for own in texts_by_language.values() for text in own]
    ours = Tokenizer.from_pretrained(directory).encode_batch(texts)
    theirs, exact = encoded_elsewhere(directory, texts)
    unlike: dict[str, int] = {}
    for language, own, other in zip(languages, ours, theirs, strict=True):
        if not np.array_equal(own, other):
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
    }


def encoded_elsewhere(directory: Path, texts: list[str]) -> tuple[list[np.ndarray], list[bool]]:
    """Ids of each text, and whether they decode to it, by `AutoTokenizer` where there is no equalinfo."""
    with tempfile.TemporaryDirectory() as work:
        given, made = Path(work) / "texts.json", Path(work) / "ids.npz"
        given.write_text(json.dumps(texts), encoding="utf-8")
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(directory), str(given), str(made)], check=True, cwd=work
        )
        with np.load(made) as arrays:
            return np.split(arrays["ids"], np.cumsum(arrays["counts"])[:-1]), arrays["exact"].tolist()


if __name__ == "__main__":
    main()
