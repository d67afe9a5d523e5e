"""Texts begun at many places give the windows of texts begun at one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding import many_places
from equalinfo.tokens.spec import Spec
from tests.support import tiny

SPECS = [
    "EqualInfoAC[b=40,v=256]",
    "EqualInfoAC[b=64,v=256,delay]",
    "EqualInfoHuffman[b=24,v=256]",
    "EqualInfo[b=24,v=256]",
]


@pytest.mark.parametrize("peaked", [False, True])
@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(st.binary(max_size=40) | st.integers(0, 300), min_size=1, max_size=3),
    stretch=st.integers(1, 60),
)
def test_places_do_not_change_windows(spec, peaked, texts, stretch, plain_model, peaked_model):
    predictor = peaked_model if peaked else plain_model
    parsed = Spec.parse(spec)
    tokenizer = parsed.tokenizer_class(parsed, predictor)
    drawn = [
        tiny.likely_text(predictor, one, one) if isinstance(one, int) else one for one in texts
    ]  # a number: of that many likely bytes
    drawn.append(b"\0" * 200 + drawn[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many_places, "STRETCH_PER_BIT", 1000)
        patch.setattr(many_places, "PLACES_AT_ONCE", 1)
        whole = [tokenizer._encode_group([text])[0] for text in drawn]
        patch.setattr(many_places, "STRETCH_PER_BIT", 0)
        patch.setattr(many_places, "PLACES_AT_ONCE", max(1, sum(map(len, drawn)) // stretch))
        assert tokenizer._encode_group(drawn) == whole
