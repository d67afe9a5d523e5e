"""What a token settles, against every window that begins with it."""

from equalinfo.coding.equal_info_windows import WindowRule, decode_windows
from equalinfo.experiments.catalog.token_contents import (
    begins_word,
    crosses_word_start,
    is_text,
)
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.windows import EqualInfoACTokenizer
from tests.support.tiny import random_model


def test_settled_is_what_all_windows_with_the_first_token_share() -> None:
    model = random_model(3, sharpen=12.0)
    tokenizer = EqualInfoACTokenizer(Spec.parse("EqualInfoAC[b=16,v=256]"), model)
    text = b"The windows of a text, and some more of it."
    for window, ids in tokenizer.segments(text):
        first, whole = tokenizer.settled_lengths(window, ids)
        assert whole == len(window)
        codes = [(ids[0] << 8) | rest for rest in range(256)]
        others = decode_windows(model, [[code] for code in codes], WindowRule(16))
        # Windows that stop early (a text's own cell) may share less; none with the token's code contradicts.
        assert all(other.startswith(window[:first]) or window.startswith(other) for other in others)
        longer = [other for other in others if len(other) > first]
        assert len(longer) < 2 or len({other[: first + 1] for other in longer}) > 1 or first == len(window)


def test_words_and_characters() -> None:
    assert crosses_word_start(b"of the")
    assert not crosses_word_start(b" the")
    assert not crosses_word_start(b"the ")
    assert begins_word(b"of", b" the")
    assert begins_word(b"of ", b"the")
    assert not begins_word(b"of t", b"he")
    assert is_text("é".encode())
    assert not is_text("é".encode()[:1])
