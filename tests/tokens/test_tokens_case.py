"""Dictionaries of words in small letters: entries, places in a text, streams, special tokens, directories."""

from pydoc_data.topics import topics

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.tokens.hugging_face import TOKENIZER
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer

WORDS = [*topics.values(), *["The statements of the LANGUAGE are These.\n"] * 40]
SPEC = "EqualInfo[v=512,unigram,words,case]"
MARKS = (0xFE + 1, 0xFF + 1)  # ids of single bytes begin at 1


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(SPEC, WORDS, quiet=True)


def test_a_word_has_one_entry_whatever_its_case(tokenizer):
    small = tokenizer.encode(" statements").tolist()
    assert tokenizer.encode(" Statements").tolist() == [MARKS[0], *small]
    assert tokenizer.encode(" STATEMENTS").tolist() == [MARKS[1], *small]
    assert tokenizer.decode([MARKS[1], *small]) == b" STATEMENTS"


def test_segments_and_offsets_join_a_mark_and_its_word(tokenizer):
    text = b"of The LANGUAGE\xff."
    segments = tokenizer.segments(text)
    assert b"".join(one for one, _ in segments) == text
    assert [token for _, ids in segments for token in ids] == tokenizer.encode(text).tolist()
    assert b" The" in [one for one, ids in segments if ids[0] == MARKS[0]]
    offsets = tokenizer.offsets(text).tolist()
    assert len(offsets) == tokenizer.count(text)
    assert offsets[0][0] == 0
    assert offsets[-1][1] == len(text)


def test_a_stream_shows_text_as_it_is_settled(tokenizer):
    text = "The STATEMENTS.\nOf É and Ünder. End"
    ids = tokenizer.encode(text).tolist()
    parts = list(tokenizer.decode_stream(ids))
    assert "".join(parts) == text
    assert len(parts) > 5
    assert "".join(tokenizer.decode_stream([*ids[:1], 0, *ids[1:]])) == text  # EOS is nothing


def test_sampled_segmentations_come_back(tokenizer):
    for seed in range(5):
        assert tokenizer.decode(tokenizer.encode("The LANGUAGE", sample=0.1, seed=seed)) == b"The LANGUAGE"


def test_special_tokens_go_with_it(tokenizer, tmp_path):
    made = Tokenizer.train(SPEC.replace("512", "520"), WORDS, special=["<|User|>"], quiet=True)
    text = b"The <|User|>These"
    ids = made.encode(text, allowed_special="all")
    assert made.special_tokens["<|User|>"] in ids
    assert made.decode(ids) == text
    made.save_pretrained(tmp_path / "tok")
    assert (
        Tokenizer.from_pretrained(tmp_path / "tok").encode(text, allowed_special="all").tolist()
        == ids.tolist()
    )


def test_a_directory_holds_no_form_for_libraries_that_know_no_marks(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "tok")
    assert not (tmp_path / "tok" / TOKENIZER).exists()
    assert Tokenizer.from_pretrained(tmp_path / "tok").fingerprint == tokenizer.fingerprint
    for form in ("huggingface", "sentencepiece"):
        with pytest.raises(EqualInfoError, match=r"docs/exports\.md"):
            tokenizer.export_files(form)
    with pytest.raises(EqualInfoError, match="has no text of its own"):
        tokenizer.vocab_entries()


@pytest.mark.parametrize("options", ["v=4k", "v=4k,fewest", "b=16,v=4k"])
def test_case_is_marked_only_within_words(options):
    with pytest.raises(EqualInfoError, match=r"write EqualInfo\[v=...,unigram,words,case\]$"):
        _ = Spec.parse(f"EqualInfo[{options},case]").tokenizer_class


@pytest.mark.parametrize("flags", ["fewest,words", "unigram,words", "unigram,phrases"])
def test_every_kind_of_dictionary_within_words_may_mark_case(flags):
    spec = f"EqualInfo[v=512,{flags},case]"
    assert str(Spec.parse(f"EqualInfo[case,v=512,{flags}]")) == spec
    made = Tokenizer.train(spec, WORDS, quiet=True)
    for text in WORDS[:3]:
        assert made.decode(made.encode(text)).decode() == text
