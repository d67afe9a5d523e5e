"""M2s scored along their way: resumed as if never killed, and the two experiments that draw such curves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.experiments import patch_course
from equalinfo.experiments.catalog import curves, m1_states, m3, patches
from equalinfo.experiments.learning_curve import learning_curve, points_of, spread, token_course
from equalinfo.experiments.run import run_experiment
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.workspace import ExperimentContext
from equalinfo.model.train_loop import Trainer
from equalinfo.progress import progress_bar
from equalinfo.score.results import read_measurements
from equalinfo.tokens.spec import Spec

LONG = {"size": "65k", "steps": 4, "max_tokens": 1000, "preset": "llama", "optimizer": "muon"}


@pytest.fixture
def long(scale: Scale, monkeypatch: pytest.MonkeyPatch) -> Scale:
    """Seconds for each curve: two methods, one rate, few bytes of context."""
    monkeypatch.setattr(curves, "RATES", (1e-2,))
    monkeypatch.setattr(
        curves, "methods", lambda _: ["BPE[v=512]", "EqualInfo[v=512,unigram,words]", "Bytes"]
    )
    monkeypatch.setattr(
        patches, "tokenized", lambda _: ["EqualInfo[v=512,unigram,words]", "SentencePiece[v=512]"]
    )
    monkeypatch.setattr(patches, "SIZE", "65k")
    monkeypatch.setattr(patch_course, "ROW", 256)
    monkeypatch.setattr(patches, "ROW", 256)
    monkeypatch.setattr(patches, "TOKENS", 16)
    return replace(scale, long=LONG)


@given(st.integers(0, 300), st.integers(1, 40))
def test_a_spread_is_ascending_and_begins_with_the_first(count: int, most: int) -> None:
    numbers = spread(count, most)
    assert len(numbers) == min(count, most)
    assert numbers == sorted(set(numbers))
    assert all(0 <= number < count for number in numbers)


@given(st.integers(1, 100_000))
def test_points_ascend_to_the_end(steps: int) -> None:
    points = points_of(steps)
    assert points[-1] == steps
    assert points == sorted(points)


def test_a_killed_curve_is_that_of_an_uninterrupted_one(
    long: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress_bar(True) as progress:
        work = ExperimentContext("curves", long, tmp_path, 1, progress)
        config = curves.config_of(work, 0)
        tokens = work.run_with(1000).tokens(Spec.parse("Bytes"), progress)
        points = [1, 2, 4]

        def bits(out: Path) -> list[list[float]]:
            return [one.bits for one in learning_curve(token_course(tokens, config), points, out, progress)]

        whole = bits(tmp_path / "whole")
        step = Trainer.step

        def killed(self: Trainer) -> float:
            if self.steps_done == 3:
                self.checkpoint()
                raise KeyboardInterrupt
            return step(self)

        monkeypatch.setattr(Trainer, "step", killed)
        with pytest.raises(KeyboardInterrupt):
            bits(tmp_path / "killed")
        monkeypatch.setattr(Trainer, "step", step)
        assert bits(tmp_path / "killed") == whole
        monkeypatch.setattr(Trainer, "__init__", None)  # what is done is read
        assert bits(tmp_path / "killed") == whole
    assert not list(tmp_path.rglob("step-*"))


def test_curves_end_to_end_and_what_is_there_so_far(long: Scale, tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match="nothing of curves is measured"):
        run_experiment(curves.EXPERIMENT, long, tmp_path, 1, quiet=True, as_is=True)
    one = replace(curves.EXPERIMENT, run=curves.EXPERIMENT.run._replace(findings=lambda rows: []))
    found = run_experiment(one, long, tmp_path, 2, quiet=True)
    assert found.rows.methods("tokens") == ["BPE[v=512]", "EqualInfo[v=512,unigram,words]", "Bytes"]
    assert {row.seed for row in found.rows.where("tokens")} == {0, 1}
    for path in (tmp_path / "parts" / "curves").glob("Bytes*"):
        path.unlink()
    partial = run_experiment(one, long, tmp_path, 2, quiet=True, as_is=True)
    assert partial.rows.methods("tokens") == ["BPE[v=512]", "EqualInfo[v=512,unigram,words]"]
    assert len(read_measurements(partial.table)) == len(partial.rows)


def test_rows_of_a_patch_model_and_of_an_m2_that_is_told(
    long: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(patches.BUDGETS, "small", 4096)
    with progress_bar(True) as progress:
        work = ExperimentContext("patches", long, tmp_path, 1, progress)
        kind = patches.Kind(patches.INFORMATION[32.0], patches.CONTEXTS)
        for rows in (
            patches.patched(work, kind, 0, 1, kind.name),
            patches.over_tokens(work, "Bytes", True, 0, 1, "Bytes"),
        ):
            ends = [row.value for row in rows if row.quantity == "bits_per_byte" and row.at["share"] == 1.0]
            assert 0 < ends[0] < 12
            assert {"bytes_per_step", "flops_per_byte", "train_seconds"} < {row.quantity for row in rows}


@pytest.mark.slow
def test_patches_end_to_end(long: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(patches.BUDGETS, "small", 8192)
    monkeypatch.setattr(patches, "KINDS", patches.KINDS[:8])
    found = run_experiment(patches.EXPERIMENT, long, tmp_path, quiet=True)
    assert len(found.findings) > 7
    steps = {name: found.rows.mean("bytes_per_step", name) for name in found.rows.methods("bytes_per_step")}
    length = steps[patches.Kind(patches.LENGTH, patches.CONTEXTS).name]
    assert length == pytest.approx(
        steps[patches.Kind(patches.INFORMATION[32.0], patches.CONTEXTS).name], rel=0.5
    )


def test_no_cut_depends_on_the_byte_it_stands_at(corpus: Path) -> None:
    own = patch_course.Materials(Corpus(str(corpus)), 512, corpus.with_name("contexts"))
    text = own.held_out[0].data[:200]
    rows = own.frequencies(text)
    cuts = [
        patch_course.equal_information(16.0),
        patch_course.equal_length(7),
        patch_course.after_spaces,
        patch_course.above_entropy(float(np.median(patch_course.entropies(rows)))),
    ]
    for place in range(1, 200, 13):
        other = text[:place] + bytes([text[place] ^ 0x55]) + text[place + 1 :]
        for cut in cuts:
            before = cut(np.frombuffer(text, np.uint8), rows)
            after = cut(np.frombuffer(other, np.uint8), own.frequencies(other))
            assert before[: place + 1].tolist() == after[: place + 1].tolist()


def test_windows_of_equal_information_close_when_their_bits_are_spent(corpus: Path) -> None:
    own = patch_course.Materials(Corpus(str(corpus)), 512, corpus.with_name("contexts"))
    text = np.frombuffer(own.held_out[0].data, np.uint8)
    rows = own.frequencies(text.tobytes())
    costs = -np.log2(rows[np.arange(len(text)), text])
    starts = np.flatnonzero(patch_course.equal_information(16.0)(text, rows))
    for start, stop in zip([0, *starts], starts, strict=False):
        assert costs[start:stop].sum() >= 16.0 > costs[start : stop - 1].sum()


def test_token_rows_hold_the_text_of_their_tokens(long: Scale, tmp_path: Path) -> None:
    with progress_bar(True) as progress:
        work = ExperimentContext("patches", long, tmp_path, 1, progress)
        own = patch_course.Materials(work.run.corpus, 512, tmp_path / "contexts")
        for method in ("BPE[v=512]", "EqualInfo[v=512,unigram,words]", "SentencePiece[v=512]"):
            tokenizer = work.tokenizer(method)
            for example, rows in zip(
                own.held_out, patch_course.token_rows(own.expected, tokenizer, own.held_out, 9), strict=True
            ):
                assert b"".join(row.text for row in rows) == example.data
                for row in rows:
                    assert row.places[0] == 0
                    assert all(np.diff(row.places) >= 0)
                    assert len(set(row.places.tolist())) > len(row.places) / 2  # each token has its own


@pytest.mark.slow
def test_m2s_that_are_told_m1s_state(long: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(m1_states.TEXT, "small", 4096)
    monkeypatch.setattr(m1_states, "LENGTH", 16)
    monkeypatch.setattr(m1_states, "CODES", ("EqualInfoAC[b=16,v=256]", "AC[v=256]"))
    found = run_experiment(m1_states.EXPERIMENT, replace(long, wide="512", size="65k"), tmp_path, quiet=True)
    assert len(found.findings) == 8
    for method in (*m1_states.CODES, "EqualInfo[v=512,unigram,words]"):
        plain, told = (m1_states.name_of(method, known) for known in (False, True))
        bits = [found.rows.mean("bits_per_byte", name) for name in (plain, told)]
        assert bits[0] != bits[1]
        assert all(0 < one < 20 for one in bits)


def test_what_is_told_of_a_code_is_what_a_decoder_knows(long: Scale, tmp_path: Path) -> None:
    with progress_bar(True) as progress:
        work = ExperimentContext("m1_states", long, tmp_path, 1, progress)
        own, tokenizer = patch_course.materials(work, m1=True), work.tokenizer("AC[v=256]")
        examples = own.held_out[:2]
        for example, rows in zip(
            examples, patch_course.token_rows(own.expected, tokenizer, examples, 1 << 20), strict=True
        ):
            (row,) = rows
            first = example.data.split(b"\0")[0]
            ids = tokenizer.encode(first)
            for place in range(0, len(ids), 7):
                (known,) = tokenizer.decode_batch([ids[:place]], partial=True)
                assert row.places[place] == len(known)


@pytest.mark.slow
def test_an_m3_end_to_end(long: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(m3.M2_TEXT, "small", 8192)
    monkeypatch.setitem(m3.M3_TEXT, "small", 8192)
    monkeypatch.setattr(m3, "LENGTH", 16)
    monkeypatch.setattr(m3, "WINDOWS", (16,))
    found = run_experiment(m3.EXPERIMENT, replace(long, wide="512", size="65k"), tmp_path, quiet=True)
    coder, codes = m3.M2, m3.name_of(16, False)
    cost = found.rows.mean("bits_per_byte", coder)
    # A window of b bits holds less than b bits of M2's information, and not much less.
    assert cost < found.rows.mean("uniform_bits_per_byte", codes) < 2 * cost
