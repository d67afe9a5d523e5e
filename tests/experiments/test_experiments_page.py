"""Measurements become studies, whether their rows are complete or not."""

from equalinfo.experiments.page import studies
from equalinfo.score.measurements import Measurement
from tests.support.rows_of import cell_rows, measurement


def of(name: str, rows: list[Measurement], **changes: object) -> list[Measurement]:
    return [row.model_copy(update={"experiment": name, **changes}) for row in rows]


GZIP = of("gzip_headers", [*cell_rows("GZip[v=256]", 3.6), *cell_rows("GZip[v=256,bare]", 3.61, 2.1)])


def test_a_complete_one() -> None:
    (study,) = studies(GZIP)
    assert study.findings
    assert study.figure is not None
    assert study.compared
    assert study.complaints == []
    assert sum(study.tally.values()) == len(study.findings)
    assert study.command == "equalinfo experiment gzip_headers --scale small --out runs/experiments"


def test_scales_and_corpora_stay_apart_in_the_papers_order() -> None:
    rows = of("unknown", [measurement("m", "q", 1.0)]) + GZIP + of("gzip_headers", GZIP, scale="25m")
    rows += of("compression_ratios", [measurement("m", "q", 1.0)])
    found = studies(rows)
    assert [(one.name, one.scale) for one in found] == [
        ("compression_ratios", "small"),
        ("gzip_headers", "25m"),
        ("gzip_headers", "small"),
        ("unknown", "small"),
    ]
    assert len({one.key for one in found}) == 4


def test_what_cannot_be_computed_is_said() -> None:
    (study,) = studies(of("main_result", [measurement("Bytes", "bits_per_byte", 2.0, at={"size": "1m"})]))
    assert study.findings == []
    assert any("findings" in one for one in study.complaints)
    assert all("\n" not in one for one in study.complaints)


def test_more_seeds_than_usual_are_in_the_command() -> None:
    rows = [row.model_copy(update={"seed": seed}) for row in GZIP for seed in range(4)]
    assert studies(rows)[0].command.endswith("--seeds 4")


def test_two_m1s_are_not_mixed() -> None:
    old = of("gzip_headers", GZIP, m1="aaaa", created="2024-01-01T00:00:00+00:00", value=9.0)
    new = of("gzip_headers", GZIP, m1="bbbb")
    (study,) = studies([*new, *old])
    assert study.measurements == len(new)
    assert "those of bbbb" in study.complaints[0]
