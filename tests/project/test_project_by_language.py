"""The benchmark of languages: its sums, and the files and the page that show them."""

import json
from pathlib import Path

import pytest

from benchmarks.by_language import METHODS, markdown, prices, rows_of, summaries, summary_of
from equalinfo import Tokenizer
from scripts.corpus_mix.parallel import NAMES

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "results" / "by-language.json"


def test_a_row_says_what_a_text_costs() -> None:
    tokenizer = Tokenizer.from_pretrained("english-32k")
    english, greek, japanese = rows_of(
        {"a": tokenizer}, {"en": "All of it.", "el": "Όλα αυτά.", "ja": "全部。"}
    )
    assert (english["bytes"], english["words"], english["in_mix"]) == (10, 3, True)
    assert greek["tokens"]["a"] == tokenizer.encode("Όλα αυτά.").size
    assert japanese["words"] is None  # no white space stands between them
    assert prices([english, greek], "a")["el"] == greek["tokens"]["a"] / english["tokens"]["a"]


def test_fairness_is_the_dearest_over_the_cheapest() -> None:
    found = summary_of({"en": 1.0, "el": 2.5, "es": 0.8})
    assert (found["dearest"], found["cheapest"], found["fairness"]) == ("el", "es", 3.125)
    assert found["over_twice_english"] == ["el"]
    assert found["mean_price"] == pytest.approx(2 ** (1 / 3), abs=0.001)


def test_the_files_agree() -> None:
    found = json.loads(RESULT.read_bytes())
    assert RESULT.with_suffix(".md").read_text() == markdown(found)
    names = found["tokenizers"]
    assert {name.split()[0] for name in names} == METHODS.keys()
    assert [row["code"] for row in found["rows"]] == list(NAMES)
    messages = {name: {"en": 1.0, **own} for name, own in found["messages"].items()}
    again = summaries(found["rows"], names, messages)
    assert [row["fairness"] for row in again] == pytest.approx(
        [row["fairness"] for row in found["summaries"]], abs=0.01
    )


def test_the_page_shows_the_figures() -> None:
    page = (ROOT / "docs" / "languages.md").read_text()
    shown = page.split("<!-- results/by-language.md -->\n")[1].split("<!-- end -->")[0]
    assert shown == RESULT.with_suffix(".md").read_text()


def test_what_ships_is_what_was_measured() -> None:
    """Ours is made again by the benchmark; the same text and weights give the tokenizer that ships."""
    found = json.loads(RESULT.read_bytes())
    sizes = {name.split()[1] for name in found["specs"]}
    assert sizes
    for size in sizes:
        assert (
            found["fingerprints"][f"ours {size}"]
            == Tokenizer.from_pretrained(f"multilingual-{size}").fingerprint
        )
