import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.model.decoder import Decoder, file_name
from equalinfo.model.paper import relative_bucket
from equalinfo.predict import exact, exact_kernels
from equalinfo.predict.base import FREQUENCY_TOTAL, distribution_bits
from equalinfo.predict.exact import ExactModel, bucket_of_distance
from equalinfo.predict.exact_files import load_exact
from equalinfo.predict.quantise import quantise
from equalinfo.sizes import BUCKETS, MAX_DISTANCE
from tests.oracles import exact_reference
from tests.support import golden, tiny

MODELS = {
    "plain": lambda: tiny.random_model(seed=1),
    "peaked": lambda: tiny.random_model(seed=2, sharpen=6.0),
    "two layers": lambda: tiny.random_model(seed=3, size=replace(tiny.SIZE, n_layers=2)),
    "inner width unlike d_model": lambda: tiny.random_model(
        seed=4, size=replace(tiny.SIZE, n_heads=3, d_head=8)
    ),
    # More inputs than one product takes: sums made of parts.
    "long sums": lambda: tiny.random_model(seed=6, size=replace(tiny.SIZE, d_ff=1040)),
    "wide": lambda: tiny.random_model(seed=8, size=replace(tiny.SIZE, d_model=520)),
    "integers": tiny.integer_model,
    # Weights so large that every clip of the integer arithmetic takes effect.
    "clipping": lambda: quantise(
        tiny.SIZE,
        {
            name: weight if name.endswith("gain") else np.sign(weight) * 22
            for name, weight in tiny.float_weights(seed=5).items()
        },
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request) -> ExactModel:
    return MODELS[request.param]()


def stepped(model: ExactModel, text: bytes) -> np.ndarray:
    """Rows after each prefix, the empty one first, by cached steps."""
    contexts, rows = model.new_contexts(1), [model.initial]
    for index, byte in enumerate(text):
        rows.append(contexts.step(np.array([0]), np.array([index]), np.array([byte]))[0])
    return np.array(rows)


@pytest.mark.parametrize("step", [9, pytest.param(5, marks=pytest.mark.slow)])
def test_every_value_equals_the_reference(model, step):
    text = b"equal information \x00\xff\x80 " + bytes(range(0, 256, step))
    expected = exact_reference.frequencies(model, text)
    np.testing.assert_array_equal(stepped(model, text), expected)
    np.testing.assert_array_equal(model.frequencies(text), expected[:-1])


def test_rows_are_distributions(model):
    text = np.random.default_rng(0).bytes(700)
    rows = np.concatenate([model.frequencies(text), model.initial[None]])
    assert rows.dtype == np.int32
    assert rows.shape == (701, 256)
    assert (rows.sum(1) == FREQUENCY_TOTAL).all()
    assert rows.min() >= 1


def test_full_pass_equals_steps_beyond_one_block_of_rows(model):
    text = np.random.default_rng(1).bytes(exact.ROWS_AT_ONCE + 70)
    np.testing.assert_array_equal(model.frequencies(text), stepped(model, text)[:-1])


def test_a_row_depends_on_the_bytes_before_it_alone(model):
    text = np.random.default_rng(2).bytes(60)
    rows = model.frequencies(text)
    for length in (1, 2, 31, 59):
        np.testing.assert_array_equal(
            model.frequencies(text[:length] + b"\x00else")[: length + 1], rows[: length + 1]
        )
        np.testing.assert_array_equal(model.frequencies(text[:length]), rows[:length])


def test_no_text():
    assert tiny.integer_model().frequencies(b"").shape == (0, 256)
    nothing = np.empty(0, np.int64)
    assert tiny.integer_model().new_contexts(3).step(nothing, nothing, nothing).shape == (0, 256)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_batch_order_and_truncation(plain_model, data):
    """Whatever mixture of slots and truncations a step gets, each row is that of its context alone."""
    slots = data.draw(st.integers(1, 6))
    contexts, texts = plain_model.new_contexts(slots), [b""] * slots
    for _ in range(data.draw(st.integers(1, 8))):
        chosen = data.draw(st.lists(st.integers(0, slots - 1), unique=True, max_size=slots))
        keep = [data.draw(st.integers(0, len(texts[slot]))) for slot in chosen]
        symbols = [data.draw(st.integers(0, 255)) for _ in chosen]
        rows = contexts.step(
            np.array(chosen, np.int64), np.array(keep, np.int64), np.array(symbols, np.int64)
        )
        assert rows.shape == (len(chosen), 256)
        for row, slot, kept, symbol in zip(rows, chosen, keep, symbols, strict=True):
            texts[slot] = texts[slot][:kept] + bytes([symbol])
            np.testing.assert_array_equal(row, plain_model.frequencies(texts[slot] + b"?")[-1])


def test_many_slots_equal_one_slot(model):
    texts = [np.random.default_rng(seed).bytes(40) for seed in range(33)]
    contexts = model.new_contexts(len(texts))
    slots = np.arange(len(texts))
    rows = [
        contexts.step(slots, np.full(len(texts), index), np.array([text[index] for text in texts]))
        for index in range(40)
    ]
    for slot, text in enumerate(texts):
        np.testing.assert_array_equal([row[slot] for row in rows[:-1]], model.frequencies(text)[1:])


@pytest.mark.parametrize("threads", [1, 2])
def test_thread_limits_and_workers_change_nothing(peaked_model, threads):
    texts = [np.random.default_rng(seed).bytes(300) for seed in range(6)]
    expected = [stepped(peaked_model, text) for text in texts]
    with threadpool_limits(threads), ThreadPoolExecutor(4) as workers:
        along = list(workers.map(peaked_model.frequencies, texts))
        steps = list(workers.map(lambda text: stepped(peaked_model, text), texts))
    for whole, step, rows in zip(along, steps, expected, strict=True):
        np.testing.assert_array_equal(whole, rows[:-1])
        np.testing.assert_array_equal(step, rows)


def test_powers_are_exactly_rounded():
    assert exact_kernels.POWERS.tolist() == [exact_reference.power_of_two(i) for i in range(1024)]


def test_buckets_agree_with_the_float_model():
    distances = np.arange(2001)
    buckets = bucket_of_distance(distances).tolist()
    assert buckets == relative_bucket(torch.from_numpy(distances)).tolist()
    assert buckets == [exact_reference.bucket(distance) for distance in range(2001)]
    # What the model keeps: one bias for each distance up to MAX_DISTANCE, the last for all beyond.
    assert set(buckets[MAX_DISTANCE:]) == {BUCKETS - 1}


@pytest.mark.parametrize("sharpen", [1.0, 6.0])
def test_close_to_the_float_model(sharpen):
    weights = tiny.float_weights(7, sharpen)
    decoder = Decoder(tiny.SIZE, 256)
    decoder.load_state_dict(
        {name: torch.from_numpy(weights[file_name(name)]) for name in decoder.state_dict()}
    )
    model = quantise(tiny.SIZE, weights)
    text = tiny.likely_text(model, 300, seed=0)
    with torch.no_grad():
        logits = decoder(torch.tensor([list(text)]))[0].double()
    # One unit of 2^14 for every byte, the rest in proportion.
    ideal = 1 + torch.softmax(logits, -1).numpy() * (FREQUENCY_TOTAL - 256)
    rows = model.frequencies(text)
    assert distribution_bits(rows, text) == pytest.approx(distribution_bits(ideal, text), rel=0.002)
    # A share just above 2 units may come out just below, and is rounded down to 1.
    assert np.abs(np.log2(rows / ideal)).max() < 1 + 0.05 * sharpen
    likeliest = rows.argmax(1)
    every = np.arange(len(rows))
    # The likeliest byte also takes what rounding down left of the others, at most a unit each.
    extra = (rows - ideal)[every, likeliest]
    assert (extra < 256 + 0.05 * sharpen * ideal[every, likeliest]).all()
    common = ideal > 200
    common[every, likeliest] = extra < 1
    assert common.any()
    # Products of 24 bits leave 8 to 10 bits to weights and activations.
    assert np.abs(np.log2(rows / ideal))[common].max() < 0.05 * sharpen


def test_golden_values():
    """Frequencies that any later version and any machine must give; tests/support/golden.py wrote them."""
    model, expected = tiny.integer_model(), json.loads(golden.PATH.read_text())
    assert model.fingerprint == expected["identity"]
    np.testing.assert_array_equal(stepped(model, golden.SHORT), expected["rows"])
    rows = stepped(model, golden.LONG)
    assert golden.sha256(rows) == expected["long_sha256"]
    np.testing.assert_array_equal(model.frequencies(golden.LONG), rows[:-1])


def test_save_and_load(model, tmp_path):
    model.save(tmp_path)
    again = load_exact(tmp_path)
    assert again.fingerprint == model.fingerprint
    assert again.size == model.size
    text = b"the same frequencies"
    np.testing.assert_array_equal(again.frequencies(text), model.frequencies(text))
    for name, tensor in model.integers.items():
        np.testing.assert_array_equal(again.integers[name], tensor)


def test_identity_names_every_weight(plain_model):
    for name, tensor in plain_model.integers.items():
        altered = tensor.copy()
        altered.flat[-1] -= np.sign(altered.flat[-1]) or -1
        assert (
            ExactModel(tiny.SIZE, {**plain_model.integers, name: altered}).fingerprint
            != plain_model.fingerprint
        )


def test_flipped_bytes_are_found(plain_model, tmp_path):
    plain_model.save(tmp_path)
    weights, description = tmp_path / "exact.safetensors", tmp_path / "exact.json"
    good = {path: path.read_bytes() for path in (weights, description)}
    header = 8 + int.from_bytes(good[weights][:8], "little")
    generator = np.random.default_rng(0)
    # The whole description, the weights' header in steps, and weights here and there.
    places = [(description, i) for i in range(len(good[description]))]
    places += [
        (weights, i) for i in [*range(0, header, 3), *generator.integers(header, len(good[weights]), 20)]
    ]
    for path, place in places:
        for mask in (0x01, 0x04, 0x80):
            damaged = bytearray(good[path])
            damaged[place] ^= mask
            if (
                path == description
                and damaged.isspace() == good[path].isspace()
                and same_json(damaged, good[path])
            ):
                continue
            path.write_bytes(damaged)
            if path == weights and place < header and same_tensors(path, plain_model):
                continue  # another spelling of the same header
            with pytest.raises(DamagedArtifact) as error:
                load_exact(tmp_path)
            assert "\n" not in str(error.value)
        path.write_bytes(good[path])


def same_json(damaged: bytes, good: bytes) -> bool:
    try:
        return json.loads(damaged) == json.loads(good)
    except ValueError:
        return False


def same_tensors(path, model: ExactModel) -> bool:
    try:
        tensors = load_file(path)
    except Exception:
        return False
    return all(
        name in tensors and tensors[name].dtype == values.dtype and np.array_equal(tensors[name], values)
        for name, values in model.integers.items()
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors: tensors.pop("logits"),
        lambda tensors: tensors.pop("logits.bits"),
        lambda tensors: tensors.update(logits=tensors["logits"].astype(np.float32)),
        lambda tensors: tensors.update(logits=tensors["logits"].astype(np.int32)),
        lambda tensors: tensors.update(logits=tensors["logits"][:, :255].copy()),
        # One unit more in one column than its products may have.
        lambda tensors: tensors["logits"].__setitem__((slice(None), 7), heaviest(tensors["logits"], 1)),
        lambda tensors: tensors["layer0.down"].__setitem__((slice(None), 0), -(2**15)),
        lambda tensors: tensors.update(embedding=tensors["embedding"] * 0 + (1 << 22)),
        lambda tensors: tensors.update(embedding=tensors["embedding"] * 0 + np.int32(-(2**31))),
        lambda tensors: tensors["layer0.score_bits"].__setitem__(0, 61),
        lambda tensors: tensors["layer0.down.bits"].__setitem__(0, -128),
        lambda tensors: tensors.update(
            {"layer0.position_bias": tensors["layer0.position_bias"] * 0 + ((1 << 31) - 1)}
        ),
    ],
)
def test_improper_tensors_are_refused(plain_model, tmp_path, damage):
    plain_model.save(tmp_path)
    tensors = load_file(tmp_path / "exact.safetensors")
    damage(tensors)
    save_file(tensors, tmp_path / "exact.safetensors")
    with pytest.raises(DamagedArtifact):
        load_exact(tmp_path)


@pytest.mark.parametrize("name", ["exact.json", "exact.safetensors"])
def test_missing_and_empty_files(plain_model, tmp_path, name):
    plain_model.save(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DamagedArtifact):
        load_exact(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DamagedArtifact):
        load_exact(tmp_path)


@pytest.mark.parametrize(
    "size",
    [
        None,
        [],
        {"d_model": 1},
        {"n_layers": "1"},
        {"n_layers": -1},
        {"n_layers": 10**12},
        {"d_model": 10**12},
        {"d_ff": 1.5},
        {"n_heads": None},
        {"x": 1},
    ],
)
def test_damaged_sizes(plain_model, tmp_path, size):
    plain_model.save(tmp_path)
    description = json.loads((tmp_path / "exact.json").read_text())
    if size == []:
        (tmp_path / "exact.json").write_text("[]")
        with pytest.raises(DamagedArtifact):
            load_exact(tmp_path)
    description["size"] = {**description["size"], **size} if isinstance(size, dict) else size
    (tmp_path / "exact.json").write_text(json.dumps(description))
    with pytest.raises(DamagedArtifact):
        load_exact(tmp_path)


def heaviest(matrix: np.ndarray, excess: int) -> np.ndarray:
    """A column whose products reach 2^24 - 2^10, and more by `excess` weights of one."""
    column = np.zeros(len(matrix), np.int64)
    column[0] = ((1 << 24) - (1 << 10)) // int(exact_kernels.NORM_LIMIT)
    column[1] = excess
    assert column.max() < 1 << 15
    return column


def test_products_at_the_limit_are_exact(plain_model):
    """The heaviest column that a model may have, read by the largest activations, odd ones among them."""
    logits = plain_model.integers["logits"].copy()
    logits[:, 7] = heaviest(logits, 0)
    model = ExactModel(tiny.SIZE, {**plain_model.integers, "logits": logits})
    inputs = np.full((1, tiny.SIZE.d_model), exact_kernels.NORM_LIMIT, np.float32)
    inputs[:, 0] -= 1
    expected = inputs.astype(np.int64) @ logits.astype(np.int64)
    np.testing.assert_array_equal(model.product("logits", inputs).astype(np.int64), expected)


def test_bias_too_large_to_quantise():
    weights = tiny.float_weights(1)
    name = "layers.0.position_bias"
    with pytest.raises(EqualInfoError, match="too large to quantise"):
        quantise(tiny.SIZE, {**weights, name: weights[name] * 1e6})


@pytest.mark.parametrize("factor", [0.0, 1e-9, 1e-4, 1e4])
def test_weights_of_any_size_are_quantised(factor):
    weights = tiny.float_weights(1)
    scaled = {name: weight * np.float32(factor) for name, weight in weights.items() if ".weight" in name}
    model = quantise(tiny.SIZE, {**weights, **scaled, "embedding.weight": weights["embedding.weight"]})
    text = b"any size"
    np.testing.assert_array_equal(model.frequencies(text), exact_reference.frequencies(model, text)[:-1])


@pytest.mark.parametrize(
    "environment",
    [
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": "Prescott"},
        pytest.param({"OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Sandybridge"}, marks=pytest.mark.slow),
        pytest.param(
            {"OPENBLAS_NUM_THREADS": "2", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"}, marks=pytest.mark.slow
        ),
    ],
    ids=lambda environment: " ".join(f"{key}={value}" for key, value in environment.items()),
)
def test_other_instruction_sets_and_threads(environment, tmp_path):
    """A process that may use fewer instructions than this machine has computes the golden frequencies."""
    program = (
        "from tests.support import golden, tiny; model = tiny.integer_model(); "
        "print(golden.sha256(model.frequencies(golden.LONG + b'?')), model.initial.tolist())"
    )
    path = os.pathsep.join(map(str, filter(None, [Path(__file__).parents[2], os.environ.get("PYTHONPATH")])))
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = json.loads(golden.PATH.read_text())
    assert result.stdout.strip() == f"{expected['long_sha256']} {expected['rows'][0]}"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["embedding.weight", "logits.weight", "layers.0.position_bias"])
def test_weights_that_are_not_numbers(name, value):
    weights = tiny.float_weights(1)
    weights[name].flat[3] = value
    with pytest.raises(EqualInfoError, match="not numbers"):
        quantise(tiny.SIZE, weights)
