import io

from hypothesis import given
from hypothesis import strategies as st

from equalinfo.corpus.text import text_documents

# White space, line ends and bytes that are no UTF-8 in every order.
TEXTS = st.lists(
    st.sampled_from([b"a", b"word ", b"\n", b"\n\n", b" ", b"\r\n", b"\t", b"\xff", b"\x00"])
).map(b"".join)


@given(TEXTS, st.integers(1, 12), st.integers(1, 12))
def test_nothing_is_lost_or_altered(text: bytes, minimum: int, maximum: int) -> None:
    documents = list(text_documents(io.BytesIO(text), minimum, maximum))
    assert b"".join(documents) == text
    assert all(0 < len(document) <= maximum for document in documents)


@given(TEXTS, st.integers(1, 12))
def test_cuts_only_after_blank_lines_and_at_the_minimum(text: bytes, minimum: int) -> None:
    documents = list(text_documents(io.BytesIO(text), minimum))
    for document in documents[:-1]:
        assert len(document) >= minimum
        assert document.endswith(b"\n")
        assert not document.splitlines()[-1].strip()
    for document in documents[1:]:
        assert document.split(b"\n")[0].strip()


def test_short_paragraphs_stay_together() -> None:
    text = b"One line.\n\n \t\r\n" * 200 + b"The last."
    documents = list(text_documents(io.BytesIO(text)))
    assert b"".join(documents) == text
    assert {len(document) for document in documents[:-1]} == {1005}


def test_long_documents_are_cut_at_a_line_end() -> None:
    text = b"".join(b"x" * 99 + b"\n" for _ in range(30_000))
    documents = list(text_documents(io.BytesIO(text)))
    assert b"".join(documents) == text
    assert [len(document) for document in documents] == [1_048_500, 1_048_500, 903_000]


def test_a_file_without_line_ends_is_never_held_whole() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            buffer[:] = b"a" * len(buffer)
            return len(buffer)

    documents = text_documents(io.BufferedReader(Endless()))
    assert len(next(documents)) == len(next(documents)) == 1 << 20


def test_the_rest_of_a_cut_line_is_no_blank_line() -> None:
    text = b"aaaaaaaa  \nbb\n\ncc"
    assert list(text_documents(io.BytesIO(text), 1, 8)) == [b"aaaaaaaa", b"  \nbb\n\n", b"cc"]
