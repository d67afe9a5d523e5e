"""Each experiment's findings come out yes on rows of the paper's direction, and no on rows of the other."""

from collections.abc import Callable

import pytest

from equalinfo.experiments.base import Experiment
from equalinfo.experiments.catalog import (
    accuracy_by_position,
    byte_matched,
    coders_in_windows,
    coding_tasks,
    compression_ratios,
    curves,
    delay,
    downstream,
    equal_budgets,
    gzip_headers,
    m1_reset,
    m1_states,
    m3,
    main_result,
    patches,
    scaled_data,
    seed_variance,
    single_bits,
    spelling,
    stability_and_learning,
    token_contents,
    token_uniformity,
    tokenizer_stability,
    tokens_across_windows,
    vocabulary,
    window_sizes,
)
from equalinfo.experiments.registry import NAMES, experiment_by_name
from equalinfo.experiments.rows import Rows
from equalinfo.score.measurements import Measurement
from tests.support.rows_of import cell_rows, measurement, rows

Made = Callable[[bool], Rows]


def exact(method: str, quantity: str, value: float, error: float | None = 1e-4, **at: object) -> Measurement:
    return measurement(method, quantity, value, standard_error=error, at=at)


def ratios(good: bool) -> Rows:
    windows = [f"EqualInfoAC[b={b},v=256]" for b in (16, 32, 64, 128)]
    values = dict(
        zip(
            [*windows, "AC[v=256]"], [2.0, 2.5, 3.0, 3.2, 3.5] if good else [3, 2.9, 2.8, 2.7, 2], strict=True
        )
    )
    values |= {"AC[v=4k]": 1.5 * values["AC[v=256]"] if good else 3.5, "StaticAC[v=256]": 1.7}
    values["SentencePiece[v=4k]"] = 3.4 if good else 9.0
    made = []
    for method, value in values.items():
        bits = 12 if "4k" in method else 8
        share = (0.8 if "Piece" in method else 1.0) if good else (0.99 if "Piece" in method else 0.8)
        made += [exact(method, "bytes_per_token", value), exact(method, "bit_ratio", value * 8 / bits)]
        made.append(exact(method, "unigram_over_uniform", share))
    for i, context in enumerate(compression_ratios.CONTEXTS):
        value = 3 - i / 10 if good else 2 + i / 10
        made.append(exact(compression_ratios.M1, "bits_per_byte", value, context=context))
    return Rows(made)


def cells_main(good: bool) -> Rows:
    order = ["SentencePiece[v=4k]", "EqualInfo[b=12,v=4k]", "Bytes", "EqualInfoAC[b=16,v=256]", "GZip[v=256]"]
    bits = dict(zip(order, [2.2, 2.5, 3.0, 3.1, 3.4] if good else [3.9, 3.8, 3.0, 3.7, 3.6], strict=True))
    bits["EqualInfo[v=4k,unigram,words]"] = 2.1 if good else 4.0
    parts = []
    for method, value in bits.items():
        ratio = 3.0 if "4k" in method else 2.0
        ratio += 0.5 if method.startswith("EqualInfo[" if good else "SentencePiece") else 0
        gained = value * ratio
        vocab_bits = gained + 0.5 if good else gained - 0.5
        parts.append(cell_rows(method, value, ratio, vocab_bits, size="500k"))
    for method in ("AC[v=256]", "StaticAC[v=256]"):
        value = 2.3 if method == "AC[v=256]" else 4.0
        parts.append(cell_rows(method, value, 2.0, value * 2 if good else value * 2 + 1, size="500k"))
    return rows(*parts)


def windows(good: bool) -> Rows:
    made = []
    for i, bits in enumerate(window_sizes.BITS):
        per_token = 7.0 + i * 0.16 if good else 8.0 - i * 0.1
        if good and bits > 64:
            per_token = 7.95 + bits / 10_000
        ratio = 2 + i * 0.1 if good else 3 - i * 0.1
        method = window_sizes.method(bits)
        made += cell_rows(method, per_token / ratio, ratio, b=bits)
        for place in range(1, bits // 8 + 1):
            value = (6.0 if place == 1 else 8.0) if good else (8.0 if place == 1 else 6.0)
            made.append(exact(method, "bits_per_token_at", value, b=bits, position=place))
    return Rows(made)


def cells(values: dict[str, tuple[float, float, float]]) -> Rows:
    """Method to bits/byte, bytes/token and bits of a uniform token."""
    return rows(*(cell_rows(method, *three) for method, three in values.items()))


def bits_of(methods: list[str], values: list[float], ratio: float = 2.0) -> Rows:
    return cells({method: (value, ratio, 8.0) for method, value in zip(methods, values, strict=True)})


def wide(good: bool) -> Rows:
    short = [p[0] for p in vocabulary_pairs()]
    large = [p[1] for p in vocabulary_pairs()]
    values = {}
    for one, other in zip(short, large, strict=True):
        ac = one.startswith("AC")
        values[one] = (2.0, 2.0, 8.0)
        values[other] = ((4.0 if good else 3.0), 3.0, 12.0) if ac else (1.5 if good else 2.5, 3.0, 12.0)
    return cells(values)


def vocabulary_pairs() -> list[tuple[str, str]]:
    from equalinfo.experiments.scales import scale_by_name

    return vocabulary.pairs(scale_by_name("small"))


def single(good: bool) -> Rows:
    ac, window = (8.0, 7.9) if good else (7.0, 8.0)
    return cells({"AC[v=2]": (ac, 1 / 8, 1.0), "EqualInfoAC[b=16,v=2]": (window, 1 / 8, 1.0)})


def matched(good: bool) -> Rows:
    short, large = "EqualInfoAC[b=24,v=256]", "EqualInfoAC[b=24,v=4k]"
    names = [short, f"{large} token matched", f"{large} byte matched"]
    return bits_of(names, [3.0, 2.5, 2.7] if good else [2.5, 3.0, 2.7])


def budgets(good: bool) -> Rows:
    flags = ("unigram,words", "unigram,phrases", "fewest,words")
    order = [*(f"EqualInfo[v=4k,{one}]" for one in flags), "SentencePiece[v=4k]", "BPE[v=4k]", "Bytes"]
    made = []
    for budget in (equal_budgets.COMPUTE, equal_budgets.BYTES):
        for place, name in enumerate(order):
            value = 2.0 + place / 10 if good else 3.0 - place / 10
            made += cell_rows(name, value, 4.0 - place / 10 if good else 3.0 + place / 10, budget=budget)
    return Rows(made)


def stability(good: bool) -> Rows:
    names = ["SentencePiece[v=4k]", *(f"EqualInfoAC[b={b},v=256]" for b in (16, 32, 64, 128)), "AC[v=256]"]
    distances = [0.1, 0.4, 0.5, 0.6, 0.7, 0.9]
    made = [
        exact(name, "normalised_edit_distance", value)
        for name, value in zip(names, distances if good else distances[::-1], strict=True)
    ]
    counts = {"SentencePiece[v=4k]": 0.1, "EqualInfo[v=4k,fewest,words]": 0.1, "EqualInfoAC[b=16,v=256]": 0.6}
    made += [exact("EqualInfo[v=4k,fewest,words]", "normalised_edit_distance", 0.1)]
    made += [exact(n, "token_sequences_per_place", v if good else 1 - v) for n, v in counts.items()]
    return Rows(made)


def contents(good: bool) -> Rows:
    share = "commonest_reading_share"
    made = [exact("EqualInfo[b=12,v=4k]", share, 1.0 if good else 0.5, 0.0, position=1)]
    for bits in (16, 32, 64):
        for place, value in ((1, 1.0), (2, 0.4)):
            method = f"EqualInfoAC[b={bits},v=256]"
            made.append(exact(method, share, value if good else 1.4 - value, position=place))
    words = "EqualInfo[v=4k,fewest,words]"
    made += [exact(words, share, 1.0, position=1)]
    return Rows([*made, exact(words, "windows_across_words_share", 0.0 if good else 0.5, 0.0)])


def uniformity(good: bool) -> Rows:
    made = []

    def add(method: str, value: float) -> None:
        for percentile, factor in ((5, 0.9), (50, 1.0), (95, 1.1)):
            for estimator, n, of in (
                ("plug-in", 8, "tokens"),
                ("plug-in", 16, "n-grams"),
                ("Miller-Madow", 16, "n-grams"),
            ):
                scale = (0.1 if good else 2.0) if estimator == "Miller-Madow" else 1.0
                where = {"n": n, "percentile": percentile, "of": of, "estimator": estimator}
                made.append(exact(method, "kl_from_uniform_bits", value * factor * scale, None, **where))

    add("random bytes", 0.1)
    for method in ("AC[v=256]", "StaticAC[v=256]"):
        add(method, 0.1 if good else 0.5)
    add("GZip[v=256]", 0.5 if good else 0.01)
    for i, bits in enumerate((16, 32, 64, 128)):
        add(f"EqualInfoAC[b={bits},v=256]", 0.5 - i / 10 if good else 0.01 + i / 100)
    return Rows(made)


def resets(good: bool) -> Rows:
    every, other, never = m1_reset.POLICIES.values()
    if good:
        return cells({every: (2.5, 2.0, 8.0), other: (2.9, 2.5, 8.0), never: (2.7, 2.9, 8.0)})
    return cells({every: (2.9, 2.9, 8.0), other: (2.8, 2.5, 8.0), never: (2.0, 2.0, 8.0)})


def gzip(good: bool) -> Rows:
    bare = (2.51, 2.02, 8.0) if good else (3.5, 1.9, 8.0)
    return cells({gzip_headers.WITH: (2.5, 2.0, 8.0), gzip_headers.WITHOUT: bare})


def delays(good: bool) -> Rows:
    values = {
        delay.GREEDY: (2.0, 2.6, 8.0),
        delay.DELAYED: (2.1, 2.2, 8.0),
        "EqualInfoAC[b=24,v=4k]": (2.0, 3.0, 12.0),
        "EqualInfoAC[b=24,v=4k,delay]": (1.9, 2.9, 12.0),
    }
    if not good:
        values |= {delay.DELAYED: (1.9, 2.8, 8.0), "EqualInfoAC[b=24,v=4k,delay]": (2.1, 3.1, 12.0)}
    return cells(values)


def seeds(good: bool) -> Rows:
    made = []
    for method, spread in (("Bytes", 0.01), ("AC[v=256]", 0.0001), ("EqualInfoAC[b=16,v=256]", 0.01)):
        own = spread if good else (0.4 if method == "AC[v=256]" else 0.3)
        made += [measurement(method, "bits_per_byte", 2 + own * i, seed=i) for i in (-1, 0, 1)]
    return Rows(made)


def scaled(good: bool) -> Rows:
    parts = []
    for method in ("Bytes", "SentencePiece[v=4k]", "AC[v=256]"):
        for size, parameters, bits in (("250k", 250_000, 3.0), ("1m", 1_000_000, 2.5 if good else 3.5)):
            own = 4.0 if method.startswith("AC") and good else bits
            parts.append(cell_rows(method, own, 2.0, 8.0, size=size))
            parts.append([measurement(method, "parameters", parameters, seed=0, at={"size": size})])
    return rows(*parts)


def coders(good: bool) -> Rows:
    ac, huffman = coders_in_windows.AC, coders_in_windows.HUFFMAN
    static, counted = coders_in_windows.with_order(ac, 0), coders_in_windows.with_order(ac, 2)
    if good:
        return cells({ac: (3, 2.5, 8), huffman: (2.9, 2.6, 8), static: (4, 1.5, 8), counted: (3.5, 2.2, 8)})
    return cells({ac: (3, 1.5, 8), huffman: (3.1, 2.6, 8), static: (2.5, 2.5, 8), counted: (2.9, 2.2, 8)})


def learning(good: bool) -> Rows:
    made = []
    for i in range(6):
        method = f"EqualInfoAC[b={16 + i},v=256]"
        made += [exact(method, quantity, i / 10) for quantity in stability_and_learning.STABILITY]
        made.append(exact(method, "learned_share_of_uniform", -i / 10 if good else i / 10))
    return Rows(made)


def coding(good: bool) -> Rows:
    ac, window = coding_tasks.METHODS
    values = {
        f"{ac} decompress": 50.1 if good else 70,
        f"{window} decompress": 80 if good else 40,
        "byte LM": 50,
        f"{ac} compress": 2 if good else 20,
        f"{window} compress": 10 if good else 5,
    }
    return Rows([exact(name, "accuracy_percent", value, 0.1) for name, value in values.items()])


def places(good: bool) -> Rows:
    made = []
    for method, count in accuracy_by_position.WINDOWS.items():
        for step in (10, 100):
            for place in range(1, count + 1):
                rise = (10 / place if good else -10.0) if step == 100 else 0.0
                value = 20 + rise + (0 if good else place)
                made.append(exact(method, "accuracy_percent", value, 0.1, step=step, position=place))
    return Rows(made)


def spelled(good: bool) -> Rows:
    names = [
        "SentencePiece[v=4k]",
        "EqualInfo[b=12,v=4k]",
        "EqualInfo[v=4k,fewest,words]",
        "EqualInfoAC[b=16,v=256]",
        "Bytes",
    ]
    values = [30, 50, 40, 60, 90] if good else [90, 30, 40, 20, 10]
    made = []
    for quantity in ("words_spelled_percent", "letters_right_percent"):
        made += [exact(n, quantity, v, 0.1, step=spelling.STEPS) for n, v in zip(names, values, strict=True)]
    return Rows(made)


def classified(good: bool) -> Rows:
    made = []
    for data in downstream.DATA:
        values = {"SentencePiece[v=4k]": 80, "EqualInfo[v=4k]": 70, "AC[v=256]": 25, downstream.UNTRAINED: 50}
        if not good:
            values = {
                "SentencePiece[v=4k]": 50,
                "EqualInfo[v=4k]": 70,
                "AC[v=256]": 85,
                downstream.UNTRAINED: 60,
            }
        made += [exact(n, "accuracy_percent", v, 0.1, data=data) for n, v in values.items()]
        made.append(exact("commonest label", "accuracy_percent", 23, None, data=data))
    return Rows(made)


def across(good: bool) -> Rows:
    names = ["EqualInfoAC[b=16,v=256]", "EqualInfoAC[b=16,v=4k]", "EqualInfoAC[b=24,v=4k]"]
    return bits_of(names, [3.0, 2.5, 2.4] if good else [2.5, 3.0, 2.4])


def along(good: bool) -> Rows:
    names = [
        "EqualInfo[v=4k,unigram,words]",
        "EqualInfo[v=4k,unigram,phrases]",
        "SentencePiece[v=4k]",
        "BPE[v=4k]",
    ]
    limit = 2.5 if good else 1.5
    made = [measurement(curves.CONTEXTS, "bits_per_byte", limit)]
    for name in names:
        behind = 0.0 if name.startswith("EqualInfo") else 0.1
        for rate, worse in ((0.01, 0.0), (0.02, 5.0)):
            for step in (250, 1000):
                ahead = behind * step / 1000 + worse
                value = 2.0 + ahead if good else 2.0 - ahead + 2 * worse
                at = {"step": step, "rate": rate}
                made += [exact(name, "bits_per_byte", value, **at), exact(name, "tokens", 100.0 * step, **at)]
                made += [
                    exact(name, f"train_{axis}", 1.0 * step, **at) for axis in ("bytes", "flops", "seconds")
                ]
            made.append(exact(name, "bytes_per_token", 3.5, step=1000, rate=rate))
    return Rows(made)


def windows_as_steps(good: bool) -> Rows:
    own = patches.INFORMATION[patches.B]
    names = [f"{own}, contexts as prior", "EqualInfo[v=4k,unigram,words]", "SentencePiece[v=4k]"]
    names.insert(1, "EqualInfo[v=4k,unigram,words] told contexts")
    names.append(f"{own}, no prior")
    names += [kind.name for kind in patches.KINDS if kind.cut != own]
    longest = [*names[:3], patches.Kind(patches.NONE, True).name]
    names += [f"{name}, {patches.LONGER} times the text" for name in longest]
    made = [exact(patches.CONTEXTS, "bits_per_byte", 2.0, share=1.0)]
    for place, name in enumerate(names):
        value = 2.0 + place / 10 if good else 4.0 - place / 10
        made += [exact(name, "bits_per_byte", value, share=share) for share in (0.5, 1.0)]
        made += [exact(name, "flops_per_byte", 1e6), exact(name, "bytes_per_step", 14.0)]
    return Rows(made)


def told_states(good: bool) -> Rows:
    made = [exact(m1_states.M1, "bits_per_byte", 2.0 if good else 0.5)]
    for place, method in enumerate((*m1_states.CODES, "EqualInfo[v=4k,unigram,words]")):
        for known in (False, True):
            name, better = m1_states.name_of(method, known), 0.1 * known - 0.01 * place
            made.append(exact(name, "bits_per_byte", 1.9 - better if good else 2.5 + better))
            made.append(exact(name, "uniform_bits_per_byte", 2.4))
            made.append(exact(name, "bytes_per_token", 4.0))
    return Rows(made)


def twice(good: bool) -> Rows:
    made = [exact(m3.M2, "bits_per_byte", 2.0 if good else 1.0), exact(m3.M2, "bytes_per_token", 3.2)]
    for bits in m3.WINDOWS:
        for known in (False, True):
            name, told = m3.name_of(bits, known), 0.1 * known
            made.append(exact(name, "bits_per_byte", 1.9 - told if good else 2.5 + told))
            made.append(exact(name, "uniform_bits_per_byte", 2.4))
            made.append(exact(name, "bytes_per_token", 4.0))
    return Rows(made)


MADE: dict[str, Made] = {
    compression_ratios.EXPERIMENT.name: ratios,
    main_result.EXPERIMENT.name: cells_main,
    window_sizes.EXPERIMENT.name: windows,
    vocabulary.EXPERIMENT.name: wide,
    single_bits.EXPERIMENT.name: single,
    coding_tasks.EXPERIMENT.name: coding,
    byte_matched.EXPERIMENT.name: matched,
    tokenizer_stability.EXPERIMENT.name: stability,
    token_contents.EXPERIMENT.name: contents,
    accuracy_by_position.EXPERIMENT.name: places,
    token_uniformity.EXPERIMENT.name: uniformity,
    tokens_across_windows.EXPERIMENT.name: across,
    m1_reset.EXPERIMENT.name: resets,
    spelling.EXPERIMENT.name: spelled,
    gzip_headers.EXPERIMENT.name: gzip,
    delay.EXPERIMENT.name: delays,
    seed_variance.EXPERIMENT.name: seeds,
    scaled_data.EXPERIMENT.name: scaled,
    downstream.EXPERIMENT.name: classified,
    equal_budgets.EXPERIMENT.name: budgets,
    curves.EXPERIMENT.name: along,
    patches.EXPERIMENT.name: windows_as_steps,
    m1_states.EXPERIMENT.name: told_states,
    m3.EXPERIMENT.name: twice,
    coders_in_windows.EXPERIMENT.name: coders,
    stability_and_learning.EXPERIMENT.name: learning,
}


def test_a_method_is_compared_at_its_best_rate() -> None:
    rows = curves.tuned(along(True))
    assert rows.where("tokens").coordinates("rate") == [0.01]
    assert len(rows.where("bits_per_byte", curves.CONTEXTS)) == 1


@pytest.mark.parametrize("kept", ["no M2", "windows of 32", "EqualInfo["])
def test_findings_of_what_is_there_so_far(kept: str) -> None:
    rows = [row for row in windows_as_steps(True) if row.method.startswith((kept, "contexts"))]
    assert isinstance(patches.findings(Rows(rows)), list)


def test_every_experiment_has_made_up_rows() -> None:
    assert set(MADE) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("good", [True, False])
def test_findings_come_out_either_way(name: str, good: bool) -> None:
    one: Experiment = experiment_by_name(name)
    found = one.run.findings(MADE[name](good))
    assert found
    wrong = [f for f in found if f.found != ("yes" if good else "no")]
    assert not wrong, wrong
