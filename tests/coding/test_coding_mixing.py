"""The adaptive predictor: equal to the slow one bit by bit, and the same bytes for ever."""

import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo.coding.mixing import coder, tables
from equalinfo.coding.mixing.kernel import MAPS, ROWS
from equalinfo.coding.mixing.vectors import LARGEST_WEIGHT, WIDTH, dot, train
from equalinfo.kernels import kernel
from equalinfo.predict.unigram import Unigram, quantise_counts
from tests.oracles import mixing_reference
from tests.support import tiny

FIRST = b"The quick brown fox jumps over the lazy dog.\nint main() { return 0; }\n"
GOLDEN = Path(__file__).parent.parent / "support" / "golden_mixing.json"


def code_of(block: bytes, first: bytes | None = FIRST, **given) -> bytes:
    """The code, or a word that says that there is none shorter than the block."""
    code = coder.encode(block, first=first, **given)
    return b"stored" if code is None else code


def test_probabilities_are_those_of_the_logistic_function():
    getcontext().prec = 50
    for x in range(-tables.MOST, tables.MOST):
        exact = 65536 / (1 + (Decimal(-x) / 256).exp())
        assert tables.SQUASH[x + tables.MOST] == min(max(int(exact.to_integral_value()), 1), 65535)
    for share in range(4096):
        x = tables.STRETCH[share]
        assert tables.SQUASH[x + tables.MOST] >= 16 * share + 8 > tables.SQUASH[x + tables.MOST - 1]


def test_histories_lean_towards_the_bits_that_came():
    following, share = tables.FOLLOWING.reshape(256, 2), tables.SHARE
    for history in range(256):
        zero, one = following[history]
        assert share[zero] <= share[history] or zero == history or history >= following.max()
        assert share[zero] < share[one] or history > following.max()
    # Some cannot be reached, because a count is cut when the other bit comes.
    reached, waiting = {0}, [0]
    while waiting:
        for after in following[waiting.pop()].tolist():
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    assert max(reached) < 256
    assert len(reached) == 173


@kernel
def both(weights: np.ndarray, start: int, inputs: np.ndarray, error: int) -> int:
    total = dot(weights, start, inputs)
    train(weights, start, inputs, error)
    return total


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-(1 << 18), 1 << 18))
def test_vectors_are_the_sums_they_say(seed, error):
    random = np.random.default_rng(seed)
    weights = random.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1, 3 * WIDTH).astype(np.int32)
    inputs = random.integers(-2400, 2400, WIDTH).astype(np.int32)
    expected = weights.copy().astype(np.int64)
    total = int(((expected[WIDTH : 2 * WIDTH] * inputs) >> 8).sum())
    expected[WIDTH : 2 * WIDTH] += (inputs.astype(np.int64) * error + (1 << 14)) >> 15
    assert both(weights, WIDTH, inputs, error) == total
    assert weights.tolist() == np.clip(expected, -LARGEST_WEIGHT, LARGEST_WEIGHT).tolist()


@settings(max_examples=25, deadline=None)
@given(
    st.binary(min_size=1, max_size=300)
    | st.text(alphabet="ab, ;\n\tcD", min_size=1, max_size=400).map(str.encode)
    | st.lists(st.sampled_from([b"over the lazy ", b"return 0;\n", b"12,5\n", b"\xc3\xa9t\xc3\xa9 "])).map(
        lambda parts: b"".join(parts) or b"a"
    )
)
def test_equal_to_the_slow_one(block):
    expected = mixing_reference.encode(block, FIRST)
    assert code_of(block) == (expected if len(expected) < len(block) else b"stored")
    if len(expected) < len(block):
        assert coder.decode(expected, len(block), first=FIRST) == block


@pytest.mark.slow
def test_equal_to_the_slow_one_on_long_texts():
    """Long enough for long matches, for pages that are passed by, and for the rate to fall."""
    noise = np.random.default_rng(2).bytes(5000)
    for block in (noise + b"a b c\n" * 40 + noise[:300], b"time=1 level=info\n" * 60):
        expected = mixing_reference.encode(block, FIRST)
        assert code_of(block) == (expected if len(expected) < len(block) else b"stored")
        assert mixing_reference.decode(expected, len(block), FIRST) == block
        assert coder.decode(expected, len(block), first=FIRST) == block


@pytest.mark.parametrize("context", [1, 7, 64, 500])
def test_equal_to_the_slow_one_with_a_model(context):
    predictor = tiny.TablePredictor(tiny.random_rows(3, 40))
    block = b"one two three, one two three four\n" * 6
    lanes = [block[start : start + context] for start in range(0, len(block), context)]
    frequencies = [predictor.frequencies(lane).tolist() for lane in lanes]
    rows = [[lane[min(step, len(lane) - 1)] for lane in frequencies] for step in range(context)]
    code = coder.encode(block, predictor, context, first=FIRST)
    assert code == mixing_reference.encode(block, FIRST, context, rows)
    assert coder.decode(code, len(block), predictor, context, first=FIRST) == block


def test_a_model_that_knows_the_text_helps():
    """Text without order, of nine letters that the model expects."""
    random = np.random.default_rng(6)
    block = bytes(random.choice(list(b"etaoin srh"), 1000).tolist())
    counts = np.bincount(np.frombuffer(block, np.uint8), minlength=256)
    with_model = coder.encode(block, Unigram(quantise_counts(counts)), 1000)
    alone = coder.encode(block)
    assert with_model
    assert alone
    assert len(with_model) < len(alone)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 200))
def test_any_bytes_decode_to_some_text(code, length):
    assert len(coder.decode(code, length, first=FIRST)) == length


def test_all_progress_is_told():
    for block in (b"abc" * 50_000, np.random.default_rng(8).bytes(1000)):
        told: list[int] = []
        code = coder.encode(block, advance=told.append)
        assert sum(told) == len(block) or code is None
        if code:
            told.clear()
            coder.decode(code, len(block), advance=told.append)
            assert len(told) > 1
            assert sum(told) == len(block)


def golden_texts() -> dict[str, bytes]:
    """Texts made by rule, so that no file is needed: their codes may never change."""
    words = b"the of and to in is that for it as was with be by on not he his but at are this have".split()
    random = np.random.default_rng(11)
    prose = b" ".join(words[index] for index in random.integers(0, len(words), 4000).tolist())
    log = b"".join(b"%d,%d,host-%d,ok\n" % (n, n * n % 977, n % 13) for n in range(2000))
    return {
        "prose": prose,
        "log": log,
        "long": prose * 12 + log,
        "noise and text": random.bytes(30_000) + prose,
        "zeros": bytes(50_000),
        "short": b"a short line of text, and no more",
    }


def test_codes_never_change():
    """Files that were written must be read for ever: a change here is a new version of the container."""
    golden = json.loads(GOLDEN.read_text())
    assert hashlib.sha256(coder.primer()).hexdigest() == golden.pop("primer")
    assert {name: hashlib.sha256(text).hexdigest() for name, text in golden_texts().items()} == {
        name: entry["text"] for name, entry in golden.items()
    }
    for name, text in golden_texts().items():
        code = coder.encode(text)
        assert code is not None
        assert (len(code), hashlib.sha256(code).hexdigest()) == (golden[name]["bytes"], golden[name]["code"])
        assert coder.decode(code, len(text)) == text


@pytest.mark.slow
def test_the_same_without_the_vectors_of_this_processor(tmp_path):
    """Compiled for the plainest processor of this kind."""
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    text = golden_texts()["log"]
    run = "import sys; from equalinfo.coding.mixing import coder; "
    run += "sys.stdout.buffer.write(coder.encode(sys.stdin.buffer.read()))"
    done = subprocess.run(
        [sys.executable, "-c", run], input=text, env=environment, capture_output=True, check=True
    )
    assert hashlib.sha256(done.stdout).hexdigest() == json.loads(GOLDEN.read_text())["log"]["code"]


def test_what_is_taught_is_never_written_to():
    before = [table.copy() for table in coder.taught(coder.primer(), True)]
    coder.encode(b"something else altogether " * 30)
    for table, kept in zip(coder.taught(coder.primer(), True), before, strict=True):
        assert (table == kept).all()
    assert len(before[1]) == MAPS
    assert len(before[2]) == ROWS * WIDTH
