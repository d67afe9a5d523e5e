"""The page's own tokenizers give the ids that Python's give, and show pieces as Python does."""

import random
from pathlib import Path

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.report.live import live_data
from equalinfo.report.page import Contents, write_page
from equalinfo.report.segments import cut, segments_html
from equalinfo.report.tokens import text_from_bytes, token_view
from tests.support.browser import Browser
from tests.support.pages import CORPUS, EVIL, FIXED, LIVE, tokenizers
from tests.support.score_rows import row

GIVEN = ["The lazy dog — naïve 東京 \U0001f600.\r\n\tx" + EVIL, "a second text"]
READY = "return document.documentElement.dataset.ready"
PIECES = """const shown = item =>
    [item.dataset.ids, item.className, ...[...item.children].map(part => part.textContent)];
  return [...document.querySelectorAll("#cuts article")].map(article =>
    [...article.querySelectorAll(".pieces li")].map(shown))"""


def texts() -> list[str]:
    """Texts of words, signs and characters of many kinds, some of them rare."""
    draw = random.Random(7)
    words = b" ".join(CORPUS).decode("utf-8", "ignore").split(" ")
    signs = [
        *"\n\t\r ▁▁  «»\u00a0\u2028\ufeff\x00\x7f\u0301é東京\U0001f600\U000e0001",
        "<s>",
        "</s>",
        "<unk>",
        "<0x41>",
        "   ",
    ]
    documents = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
    made = [path.read_text()[:2000] for path in documents] + ["train-00000.arrow 100000 1000000"]
    made += ["", "a", " ", "▁", "aaaa" * 50, "\ufeffa", "x" * 200, EVIL, *GIVEN]
    for _ in range(120):
        parts = [draw.choice(words if draw.random() < 0.7 else signs) for _ in range(draw.randrange(1, 25))]
        made.append(draw.choice(["", " "]).join(parts))
    return made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    view = token_view(tokenizers(), GIVEN)
    write_page(Contents("Tokens", [row()], tokens=view), path)
    return path


def test_which_methods_are_live() -> None:
    assert [live_data(one) is not None for one in tokenizers()] == [True] * len(LIVE) + [False] * len(FIXED)


def test_the_page_gives_pythons_ids(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.wait(READY) == "yes"
    given = texts()
    script = """const [texts, count, done] = arguments;
      const bytes = texts.map(text => bytesOf(new TextEncoder().encode(text)));
      Promise.all(page.methods.slice(0, count).map(method => tokenizerOf(method.live))).then(running => done(
        running.map(run => bytes.map(text => run(text).flatMap(piece => piece[1])))))"""
    found = browser.driver.execute_async_script(script, given, len(LIVE))
    for tokenizer, streams in zip(tokenizers(), found, strict=False):
        for text, ids in zip(given, streams, strict=True):
            assert ids == tokenizer.encode(text).tolist(), (str(tokenizer.spec), text)


def test_pieces_look_as_python_shows_them(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.wait(READY)
    for text in ("Naïve — 東京\n\u2028\U0001f600 and\x00 the lazy dogs " + EVIL, "", GIVEN[1]):
        browser.js(
            "const box = document.getElementById('text'); box.value = arguments[0];"
            "document.getElementById('cut-status').textContent = ''; box.dispatchEvent(new Event('input'))",
            text,
        )
        browser.wait("return document.getElementById('cut-status').textContent")
        shown = browser.js(PIECES)
        for number, tokenizer in enumerate(tokenizers()):
            if number >= len(LIVE) and text != GIVEN[1]:
                assert shown[number] == []  # M1 does not run in the page
                continue
            expected = [
                [
                    " ".join(map(str, piece.ids)),
                    f"tone{i % 6}",
                    piece.text,
                    f"{piece.size} B",
                    f"{piece.bits} bit",
                    piece.shown_ids,
                ]
                for i, piece in enumerate(cut(tokenizer, text.encode()).segments)
            ]
            assert shown[number] == expected, (str(tokenizer.spec), text)
    assert not browser.complaints()


def test_a_given_text_can_be_chosen_and_methods_hidden(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.wait(READY)
    before = browser.js("return document.getElementById('cuts').textContent")
    assert "cannot" not in before  # the first text is given: methods that are not live show it too
    browser.js(
        "const given = document.getElementById('given'); given.value = '1'; given.dispatchEvent(new Event('change'))"
    )
    assert browser.js("return document.getElementById('text').value") == GIVEN[1]
    assert all(browser.js(PIECES))
    browser.js("document.querySelector('#cut-methods input').click()")
    assert browser.js("return document.getElementById('cut-0').hidden")
    browser.js("document.getElementById('piece-details').click()")
    assert browser.js("return getComputedStyle(document.querySelector('.pieces small')).display") == "none"


def test_without_its_script_the_page_shows_the_first_text(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for tokenizer in tokenizers():
        assert segments_html(cut(tokenizer, GIVEN[0].replace("\r\n", "\n").encode())) in text


def test_pieces_are_escaped() -> None:
    shown = segments_html(cut(tokenizers()[-1], EVIL.encode() + b"\xff\x00\n\xe2\x80\xae"))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "‹ff›" in shown
    assert "‹202e›" in shown  # it would turn the rest of the line around


def test_texts_are_utf8() -> None:
    with pytest.raises(EqualInfoError, match="not UTF-8 at byte 1"):
        text_from_bytes(b"a\xff")
    assert token_view([], ["x"]) is None
    view = token_view(tokenizers()[:1])
    assert view is not None
    assert len(view.texts) == 1
