"""Token ids from elsewhere: every method decodes them or says that it cannot, and nothing else.

    python fuzz/fuzz_decoders.py -max_total_time=300

The first byte of an input chooses the method (those of tests/support/methods.py), the rest are ids or a text.
"""

import sys
from pathlib import Path

import atheris
import numpy as np
from _running import COMPILED, run

sys.path.append(str(Path(__file__).parents[1]))

from equalinfo.errors import EqualInfoError, UndecodableTokens

with atheris.instrument_imports(include=["equalinfo"], exclude=COMPILED):
    from tests.support import methods

MOST_IDS = 60


def one_input(data: bytes) -> None:
    source = atheris.FuzzedDataProvider(data)
    spec = methods.SPECS[source.ConsumeIntInRange(0, len(methods.SPECS) - 1)]
    tokenizer = methods.tokenizer(spec, source.ConsumeBool())
    kind = source.ConsumeIntInRange(0, 2)
    if kind == 0:
        text = source.ConsumeBytes(120)
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text, spec
        # Cut, changed or prolonged: another text or an error.
        ids = ids.astype(np.int64)[: source.ConsumeIntInRange(0, len(ids))]
        if len(ids):
            ids[source.ConsumeIntInRange(0, len(ids) - 1)] = source.ConsumeIntInRange(0, tokenizer.vocab - 1)
    else:
        largest = tokenizer.vocab - 1 + (3 if kind == 2 else 0)
        ids = np.array(source.ConsumeIntListInRange(MOST_IDS, -2 if kind == 2 else 0, largest), np.int64)
    inside = len(ids) == 0 or (ids.min() >= 0 and ids.max() < tokenizer.vocab)
    try:
        partial = tokenizer.decode(ids, partial=True)
        assert inside, spec
        assert isinstance(partial, bytes), spec
    except UndecodableTokens:
        assert not inside, spec
    try:
        text = tokenizer.decode(ids)
    except UndecodableTokens:
        return
    assert inside, spec
    try:
        again = tokenizer.encode(text)
    except EqualInfoError as error:
        raise AssertionError(spec) from error
    assert tokenizer.decode(again) == text, spec


if __name__ == "__main__":
    run(one_input, "decoders")
