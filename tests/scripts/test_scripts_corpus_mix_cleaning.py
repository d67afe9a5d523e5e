from hypothesis import given
from hypothesis import strategies as st

from scripts.corpus_mix.cleaning import (
    LEAST_BYTES,
    LONG_CHARACTERS,
    Deduplicator,
    documents_of,
    pieces,
    regular,
)
from tests.support.packages import sentences

NOTE = "Note 3: this paragraph stands in the files of every release."


@given(st.text())
def test_regular_text_has_no_control_characters_and_stays_regular(text: str) -> None:
    clean = regular(text)
    assert regular(clean) == clean
    assert "\r" not in clean
    assert "\x00" not in clean
    assert "\n\n\n" not in clean
    clean.encode()


def test_white_space_is_made_regular() -> None:
    assert regular("\n\na \t\r\nb\xa0c\r\r\n\n\n\nd\x00\ufeff\x1b\n") == "a\nb c\n\nd"


def test_a_paragraph_that_came_before_goes_whatever_its_numbers_and_case() -> None:
    deduplicate = Deduplicator()
    assert deduplicate(f"{sentences('first')}\n\n{NOTE}") == f"{sentences('first')}\n\n{NOTE}"
    again = NOTE.upper().replace("3", "12").replace(" ", "  ")
    assert deduplicate(f"{sentences('second')}\n\n{again}") == sentences("second")
    assert deduplicate.dropped_bytes == len(again)


def test_short_paragraphs_stay() -> None:
    text = "Yes.\n\nNo.\n\nYes."
    assert Deduplicator()(text) == text


def test_lines_of_text_that_is_not_wrapped_are_paragraphs() -> None:
    deduplicate = Deduplicator()
    long = "A line of a book that is not wrapped goes on and on, " * 5
    assert deduplicate(f"{long}\n{NOTE}") == f"{long}\n{NOTE}"
    assert deduplicate(f"{long}\n{NOTE}\n{sentences('new', 1)}") == sentences("new", 1)


def test_headings_go_with_their_paragraphs() -> None:
    deduplicate = Deduplicator()
    deduplicate(NOTE)
    assert deduplicate(f"Heading\n\nAnother\n\n{NOTE}") == ""
    assert deduplicate(f"Heading\n\n{sentences('kept')}\n\n{NOTE}") == f"Heading\n\n{sentences('kept')}"


def test_what_is_remembered_counts_as_come_before() -> None:
    deduplicate = Deduplicator()
    deduplicate.remember(NOTE)
    deduplicate.remember(NOTE)
    assert deduplicate.dropped_bytes == 0
    assert deduplicate(NOTE) == ""


@given(
    st.lists(st.sampled_from(["word ", "a sentence. ", "line\n", "paragraph\n\n", "x" * 900]), max_size=400)
)
def test_pieces_lose_nothing_but_white_space(parts: list[str]) -> None:
    text = regular("".join(parts))
    cut = list(pieces(text))
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(len(piece) <= LONG_CHARACTERS for piece in cut)
    assert len(cut) == 1 or all(len(piece) > 3_900 for piece in cut)


def test_pieces_end_where_paragraphs_do() -> None:
    cut = list(
        pieces("\n\n".join(f"Paragraph {number} is about nothing in particular." for number in range(900)))
    )
    assert len(cut) > 3
    assert all(piece.endswith("particular.") and piece.startswith("Paragraph") for piece in cut)


def test_documents_are_not_small_and_are_mostly_letters() -> None:
    prose, table = sentences("prose", 3), "\n".join("| 1 | 2 | 3 | 4 |" for _ in range(30))
    chinese = "这是一个用于测试的句子。" * 30
    assert list(documents_of([prose, table, chinese, "too short"], Deduplicator())) == [prose.encode()]
    assert len(prose.encode()) >= LEAST_BYTES
