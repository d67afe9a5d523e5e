"""An experiment end to end on a tiny corpus: rows, figure, findings; an interrupted one resumes; scales construct."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.experiments import workspace
from equalinfo.experiments.base import Experiment
from equalinfo.experiments.catalog import gzip_headers, token_uniformity
from equalinfo.experiments.registry import NAMES, experiment_by_name, experiments
from equalinfo.experiments.run import run_experiment
from equalinfo.experiments.scales import SCALES, Scale, paper_method, scale_by_name
from equalinfo.experiments.tables import list_table, summary
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.files import write_manifest
from equalinfo.progress import progress_bar
from equalinfo.runs.recipe import GivenM1
from equalinfo.runs.run import output_of_run
from equalinfo.score.results import read_measurements, read_results
from equalinfo.tokens.methods import METHODS
from equalinfo.tokens.spec import Spec
from tests.support import tiny


def test_a_static_experiment(scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_uniformity, "METHODS", ("StaticAC[v=256]", "GZip[v=256]"))
    monkeypatch.setattr(token_uniformity, "BITS", 4000)
    monkeypatch.setattr(token_uniformity, "PARTS", 4)
    whole = token_uniformity.EXPERIMENT
    one = replace(whole, run=whole.run._replace(findings=lambda rows: []))
    found = run_experiment(one, scale, tmp_path, quiet=True)
    assert found.figure is not None
    assert b"random bytes" in found.figure.read_bytes()
    drawn = found.figure.read_bytes()
    rows = read_measurements(tmp_path / "results.jsonl")
    assert {row.method for row in rows} == {"StaticAC[v=256]", "GZip[v=256]", "random bytes"}
    before = (tmp_path / "results.jsonl").read_bytes()
    again = run_experiment(one, scale, tmp_path, quiet=True)
    assert (tmp_path / "results.jsonl").read_bytes() == before
    assert [row.key for row in again.rows] == [row.key for row in found.rows]
    assert again.figure
    assert again.figure.read_bytes() == drawn


def test_an_experiment_of_cells_is_resumed(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    cell = ExperimentContext.m2

    def counted(self: ExperimentContext, method: str, *arguments: object, **settings: object) -> object:
        trained.append(method)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return cell(self, method, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(ExperimentContext, "m2", counted)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(gzip_headers.EXPERIMENT, scale, tmp_path, quiet=True)
    assert len(read_results(tmp_path / "results.jsonl")) == 1
    found = run_experiment(gzip_headers.EXPERIMENT, scale, tmp_path, quiet=True)
    assert trained == ["GZip[v=256]", "GZip[v=256,bare]", "GZip[v=256,bare]"]
    assert len(found.findings) == 2
    kept = read_results(found.table)
    assert {row.method for row in kept} == {"GZip[v=256]", "GZip[v=256,bare]"}
    assert {row.cell for row in found.rows} == {row.cell for row in kept}
    bits = {row.method: row.bits_per_byte for row in kept}
    assert found.rows.mean("bits_per_byte", "GZip[v=256]") == bits["GZip[v=256]"]
    text = summary(tmp_path / "tables", "images")
    assert "## gzip_headers" in text
    assert "(images/gzip_headers.svg)" in text


def test_the_papers_scale_in_a_dry_run(scale: Scale, tmp_path: Path) -> None:
    large = scale_by_name("25m")
    m2 = large.recipe.m2.model_copy(
        update={"sizes": ["65k"], "steps": 1, "batch_size": 1, "sequence_length": 32}
    )
    data = scale.recipe.data.model_copy(update={"validation_examples": 2})
    changed = {"corpus": scale.recipe.corpus, "m1": scale.recipe.m1, "m2": m2, "data": data}
    dry = replace(large, recipe=large.recipe.model_copy(update=changed), size="65k")
    found = run_experiment(gzip_headers.EXPERIMENT, dry, tmp_path, quiet=True)
    assert found.table.name == "gzip_headers-25m.jsonl"
    assert "GZip[v=65k,bare]" in found.rows.methods("bits_per_byte")


def test_rows_that_a_kill_kept_from_the_file_are_added(scale: Scale, tmp_path: Path) -> None:
    found = run_experiment(gzip_headers.EXPERIMENT, scale, tmp_path, quiet=True)
    (tmp_path / "results.jsonl").unlink()
    run_experiment(gzip_headers.EXPERIMENT, scale, tmp_path, quiet=True, as_is=True)
    assert len(read_measurements(tmp_path / "results.jsonl")) == len(found.rows)


def test_example_rows_add_up_to_the_cells(scale: Scale, tmp_path: Path) -> None:
    with progress_bar(True) as progress:
        work = ExperimentContext("made_up", scale, tmp_path, 1, progress)
        cell = work.m2("Bytes", 0)
        rows = work.m2_rows(cell)
    own = [row.value for row in rows if row.quantity == "example_bits_per_byte"]
    sizes = [example.source_bytes for example in work.validation]
    weighted = sum(value * size for value, size in zip(own, sizes, strict=True)) / sum(sizes)
    assert weighted == pytest.approx(cell.result.bits_per_byte, rel=1e-5)


def test_a_part_is_named_by_all_that_decides_its_rows(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    m1s = [tmp_path / name for name in "ab"]
    for seed, path in enumerate(m1s):
        path.mkdir()
        tiny.random_model(seed).save(path)
        write_manifest(path, "m1")
    corpus, named = tmp_path / "corpus.txt", tmp_path / "m1"
    corpus.write_bytes(Path(scale.recipe.corpus).read_bytes())

    def keys(
        changed: Scale = scale, methods: tuple[str, ...] = ("Bytes", "SentencePiece[v=4k]")
    ) -> list[str]:
        with progress_bar(True) as progress:
            recipe = changed.recipe.model_copy(update={"corpus": str(corpus)})
            work = ExperimentContext(
                "made_up", replace(changed, recipe=recipe), tmp_path / "out", 1, progress
            )
            return [work.key(Job(method, (method, 0), list), 1) for method in methods]

    trained = keys()
    assert keys() == trained
    given = replace(scale, recipe=scale.recipe.model_copy(update={"m1": GivenM1(path=str(named))}))
    named.symlink_to(m1s[0])
    first = keys(given)
    named.unlink()
    named.symlink_to(m1s[1])
    assert not {*first} & {*keys(given)}
    # A method that is made in another way, a machine where "auto" is another precision, a corpus with more text.
    monkeypatch.setattr(METHODS["Bytes"], "version", METHODS["Bytes"].version + 1)
    assert keys()[0] != trained[0]
    assert keys()[1] == trained[1]
    monkeypatch.undo()
    monkeypatch.setattr(workspace, "resolved_precision", lambda _: "bfloat16")
    assert not {*trained} & {*keys()}
    monkeypatch.undo()
    corpus.write_text(corpus.read_text() + "\n\nOne sentence more.")
    assert not {*trained} & {*keys()}


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_is_described_and_its_parts_have_names(
    name: str, scale: Scale, tmp_path: Path
) -> None:
    one = experiment_by_name(name)
    assert isinstance(one, Experiment)
    assert one.name == name
    assert one.measures.endswith(".")
    # Minutes, but for those whose size the others leave out.
    most = {"equal_budgets": 90, "patches": 90, "curves": 400}
    assert 0 < one.minutes <= most.get(name, 20)
    assert one.cost.text()
    for scale_name in SCALES:
        own = replace(
            scale_by_name(scale_name),
            recipe=scale_by_name(scale_name).recipe.model_copy(update={"corpus": scale.recipe.corpus}),
        )
        with progress_bar(True) as progress:
            work = ExperimentContext(name, own, tmp_path / scale_name, one.seeds, progress)
            parts = list(one.run.jobs(work))
        assert len({part.name for part in parts}) == len(parts) >= 1
        assert len({work.key(part, 1) for part in parts}) == len(parts)


def test_equal_bytes_are_as_many_bytes(scale: Scale, tmp_path: Path) -> None:
    names = ("Bytes", "SentencePiece[v=512]")
    scale = replace(scale, budget={"size": "65k", "steps": 40}, pieces="512")
    with progress_bar(True) as progress:
        work = ExperimentContext("equal_budgets", scale, tmp_path, 1, progress)
        parts = {part.about[:2]: part for part in experiment_by_name("equal_budgets").run.jobs(work)}
        steps = {
            (budget, name): parts[budget, name].measure()[0].at["steps"]
            for budget in ("compute", "bytes")
            for name in names
        }
        ratio = work.m2(names[1], 0, **scale.budget).result.bytes_per_token
    assert steps["compute", names[0]] == steps["compute", names[1]] == steps["bytes", names[0]] == 40
    assert steps["bytes", names[1]] == round(40 / ratio) < 40


def test_scales_hold_the_papers_numbers() -> None:
    paper = scale_by_name("paper").recipe
    assert (paper.m2.steps, paper.m2.batch_size, paper.m2.sequence_length) == (200_000, 256, 512)
    assert (paper.m1.size, paper.m1.steps, paper.m1.batch_size, paper.m1.context) == (
        "3m",
        2_500_000,
        128,
        1024,
    )
    assert paper.m2.sizes == ["25m", "113m", "403m", "2b"]
    assert scale_by_name("25m").recipe.m2.steps == 3_000
    for name in SCALES:
        assert all(str(Spec.parse(method)) == method for method in scale_by_name(name).recipe.methods)
    with pytest.raises(EqualInfoError, match="small, mix, gpu, 25m, paper"):
        scale_by_name("huge")
    assert paper_method("EqualInfoAC[b=24,v=4k]") == "EqualInfoAC[b=24,v=65k]"
    assert paper_method("SentencePiece[v=4k]") == "SentencePiece[v=32k]"


def test_the_list_names_all() -> None:
    assert len(list_table(experiments()).rows) == len(NAMES)
    with pytest.raises(EqualInfoError, match="compression_ratios"):
        experiment_by_name("nothing")


@pytest.mark.parametrize("begun", ["curves", "m3", "contexts"])
def test_what_a_kill_left_before_the_first_row_is_resumed(begun: str, tmp_path: Path) -> None:
    (tmp_path / begun / "key").mkdir(parents=True)
    with output_of_run(tmp_path, "embedded"):
        pass
    (tmp_path / "letters").mkdir()
    with pytest.raises(EqualInfoError, match=re.escape(str(tmp_path))), output_of_run(tmp_path, "embedded"):
        pass
