"""Documents end with EOS where a method has it, and with a zero byte where not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.shards.documents import decode_examples, encode_examples
from equalinfo.tokens.tokenizer import Tokenizer
from tests.support import methods

SPECS = [
    "Bytes",
    "BPE[v=320]",
    "SentencePiece[v=320]",
    "AC[v=256]",
    "EqualInfoHuffman[b=16,v=65k]",
    *methods.COMPILED,
]
DOCUMENTS = st.lists(
    st.binary(max_size=20).map(lambda text: text.replace(b"\0", b"")), min_size=1, max_size=5
)


@pytest.mark.parametrize("spec", SPECS)
@settings(deadline=None, max_examples=40)
@given(st.lists(DOCUMENTS, max_size=3))
def test_examples_read_back(spec: str, documents: list[list[bytes]]) -> None:
    tokenizer = methods.tokenizer(spec)
    texts = [b"\0".join(own) for own in documents]
    streams = encode_examples(tokenizer, texts)
    assert decode_examples(tokenizer, streams) == texts
    # Shards of earlier versions have zero bytes where now is EOS.
    assert decode_examples(tokenizer, tokenizer.encode_batch(texts)) == texts
    for own, ids in zip(documents, streams, strict=True):
        if tokenizer.eos is not None:
            assert (ids == tokenizer.eos).sum() == len(own) - 1


def test_each_document_has_the_ids_that_it_has_alone() -> None:
    tokenizer = Tokenizer.from_pretrained("english-65k")
    (ids,) = encode_examples(tokenizer, [b"\0one text\0\0another"])
    one, another = tokenizer.encode("one text"), tokenizer.encode("another")
    np.testing.assert_array_equal(ids, [0, *one, 0, 0, *another])
    assert ids.dtype == one.dtype
