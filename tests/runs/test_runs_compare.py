"""Tokenizers compared without training: figures by hand, groups, samples, and a page that needs nothing else."""

import json
import math
import re
from pathlib import Path

import pytest

from equalinfo.corpus.kinds import kind_of_text, language_of
from equalinfo.dictionary.trie.automaton import build
from equalinfo.errors import EqualInfoError
from equalinfo.report.comparison import comparison_page
from equalinfo.runs.compare import Sample, compare
from equalinfo.tokens.baselines import BytesTokenizer
from equalinfo.tokens.dictionaries import CompiledTokenizer
from equalinfo.tokens.spec import Spec
from tests.support.command import runner
from tests.support.methods import tokenizer as small

SINGLES = [b"", *(bytes([byte]) for byte in range(256))]
TEXT = b"the cat and the hat 12345 the"


def words() -> CompiledTokenizer:
    longer = [b"the", b" the", b" cat", b"123"]
    filler = [f"{number:04}x".encode() for number in range(512 - len(SINGLES) - len(longer))]
    return CompiledTokenizer(Spec.parse("EqualInfo[v=512]"), build([*SINGLES, *longer, *filler]))


def test_figures_by_hand() -> None:
    (row,) = compare([("t", words())], Sample.of([TEXT]))
    # the| cat| |a|n|d| the| |h|a|t| |123|4|5| the
    assert row.bytes_per_token == len(TEXT) / 16
    assert (row.read_back, row.ids_used, row.special) == (1.0, 12, ["EOS"])
    # Of the, cat, and, the, hat, the: four are one id; ids in them: 1, 1, 3, 1, 3, 1.
    assert row.words_whole == pytest.approx(4 / 6)
    assert row.ids_per_word == pytest.approx(10 / 6)
    assert row.digits_per_id == pytest.approx(5 / 3)
    assert row.number == ["123", "4", "5", "6", "7", ".", "8", "9"]


def test_entropy_of_bytes() -> None:
    (row,) = compare([("b", BytesTokenizer(Spec.parse("Bytes")))], Sample.of([b"abab" * 100]))
    assert row.unigram_bits_per_byte == pytest.approx((400 + 1 / 2 / math.log(2)) / 400)
    assert (row.bytes_per_token, row.special) == (1.0, [])


def test_codes_have_no_words() -> None:
    (row,) = compare([("g", small("GZip[v=256]"))], Sample.of([TEXT]))
    assert row.read_back == 1


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(EqualInfoError, match="no text"):
        compare([("t", words())], Sample.of([]))


def test_a_sample_is_from_all_over() -> None:
    documents = [f"{number:03}".encode() * 10 for number in range(100)]
    sample = Sample.of(iter(documents), 1000)
    assert sample.source_bytes == 750
    assert sample.documents == documents[::4]
    assert Sample.of(documents, 10**6).documents == documents
    assert Sample.of(documents, 1).documents == documents[:1]


@pytest.mark.parametrize(
    ("text", "kind", "language"),
    [
        ("It was the best of times, it was the worst of times.", "prose", "English"),
        ("Das ist nicht der Anfang, und es ist nicht das Ende.", "prose", "German"),
        ("Le chat est dans la maison et il ne sort pas.", "prose", "French"),
        ("Съешь ещё этих мягких французских булок", "prose", "Cyrillic"),
        ("ここは東京です", "prose", "Kana"),
        ("def f(x):\n    return x\n\nfor a in b:\n    f(a)\n", "code", "English"),
        ("<p>one</p><br/><b>two</b>", "markup", "other Latin"),
        ("12 34 56 78\n90 12 34 56", "numbers", "no letters"),
        ("", "prose", "no letters"),
    ],
)
def test_what_a_document_seems_to_be(text: str, kind: str, language: str) -> None:
    assert (kind_of_text(text.encode()), language_of(text.encode())) == (kind, language)


def test_bytes_that_are_no_text() -> None:
    assert (kind_of_text(b"\xff\xfe"), language_of(b"\xff\xfe")) == ("not text", "no letters")


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = runner(monkeypatch, capfd)
    monkeypatch.chdir(tmp_path)
    words().save_pretrained("tok")
    small("Bytes").save_pretrained("<b>")
    Path("corpus.txt").write_text("It was the best of times. 12.5\n\n" * 40)
    arguments = ["compare", "tok", "<b>", "corpus.txt", "--out", "page.html"]
    status, out, error = run(*arguments)
    assert status == 0, error
    assert "bytes/token" in out
    html = Path("page.html").read_text()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert not re.search(r"(src|href)=", html)
    told = json.loads(run(*arguments, "--json")[1])
    assert [row["name"] for row in told["tokenizers"]] == ["tok", "<b>"]
    status, _, error = run("compare", "corpus.txt")
    assert status != 0
    assert "corpus last" in error


def test_the_page_takes_missing_figures() -> None:
    rows = [
        {
            "name": "x", "vocab": 5, "ids_used": 2, "bytes_per_token": 1.0, "read_back": 0.5, "special": [],
            "megabytes_per_second": 1.0, "unigram_bits_per_byte": None, "words_whole": None, "ids_per_word": None,
            "digits_per_id": None, "number": ["1"], "by_kind": {"prose": 1.0}, "by_language": {"English": 1.0},
        }
    ]  # fmt: skip
    page = comparison_page(rows, "corpus", 10, 1)
    assert "50.00%" in page
    assert "–" in page
