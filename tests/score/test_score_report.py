import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from score_rows import row, ten_rows

from equalinfo.errors import EqualInfoError
from equalinfo.score.report import write_report
from equalinfo.score.summary import natural, summarise
from equalinfo.score.table import results_markdown, results_table

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    rows = [*ten_rows(), row(f"Evil{EVIL}", corpus="demo" + EVIL, size="1m" + EVIL, machine=EVIL)]
    samples = [("generated " + EVIL, EVIL + "\x00\ud800 مرحبا\r\n  indented"), ("empty", "")]
    write_report(rows, path, "Title " + EVIL, samples)
    return path.read_text(encoding="utf-8")


def own_part(page: str) -> str:
    """The page without the plotting library, whose source is full of addresses it does not load."""
    scripts = list(re.finditer(r"<script>(.*?)</script>", page, re.DOTALL))
    assert len(scripts) == 2
    return page[: scripts[0].start()] + page[scripts[0].end() :]


def plots_of(page: str) -> list[dict]:
    return json.loads(re.search(r"^const plots = (.*);$", page, re.MULTILINE).group(1))


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    own = own_part(page)
    assert "http://" not in own
    assert "https://" not in own
    assert not re.search(r"<(link|iframe|object|embed|script\s|img)\b", own)
    assert "default-src 'none'" in own
    assert "form-action 'none'" in own
    assert "showSendToCloud: false" in own
    assert len(page) > 1_000_000  # the library is inside


def test_untrusted_text_is_escaped_everywhere(page: str) -> None:
    own = own_part(page)
    assert "alert(1)" in own
    assert "<script>alert" not in own
    assert "<img" not in own
    for plot in plots_of(page):
        assert "<img" not in json.dumps(plot)
        assert "<script" not in json.dumps(plot)
    assert "مرحبا" in own


def test_rows_samples_and_the_papers_numbers_are_there(page: str) -> None:
    own = own_part(page)
    table = own[own.index('<table id="results">') : own.index("</table>")]
    assert table.count("<tr>") == 12
    assert "EqualInfo[v=4k,words]" in table
    assert "19.0%" in table
    paper = own[own.index("at the paper's scale") :]
    assert "<td>1.29</td>" in paper  # Bytes at 25m
    assert "<td>24.80</td>" in paper  # EqualInfoAC[b=16,v=256] in MFLOPs/byte
    assert "more than one corpus" in own
    assert "numpy 2.1.0, python 3.12.1" in own


def test_plots_show_means_deviations_and_uniform(page: str) -> None:
    compute, steps, learned = plots_of(page)
    assert compute["layout"]["xaxis"]["type"] == "log"
    named = [trace for trace in compute["data"] if trace.get("name") == "EqualInfo[v=4k,words]"]
    assert len(named) == 1
    assert named[0]["y"] == pytest.approx([2.23, 2.05])
    assert named[0]["error_y"]["array"] == [pytest.approx(0.02), None]
    assert "seed 0, 1, 2" in named[0]["hovertemplate"][0]
    colours = {
        trace["legendgroup"]: trace["marker"]["color"] for trace in compute["data"] if "marker" in trace
    }
    assert colours == {t["legendgroup"]: t["marker"]["color"] for t in steps["data"] if "marker" in t}
    assert len(learned["data"][0]["x"]) == 9
    assert learned["data"][0]["x"] == sorted(learned["data"][0]["x"])


def test_one_corpus_brings_no_warning(tmp_path: Path) -> None:
    write_report(ten_rows()[:1], tmp_path / "r.html", "t")
    page = own_part((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "more than one corpus" not in page
    assert "<h2>Samples" not in page


def test_no_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match="no results"):
        write_report([], tmp_path / "r.html", "t")
    assert not list(tmp_path.iterdir())


def test_only_seeds_are_averaged() -> None:
    rows = [row(seed=0), row(seed=1), row(seed=0, steps=500), row(seed=0, extra={"coder": "huffman"})]
    summaries = summarise(rows)
    assert sorted(len(summary.rows) for summary in summaries) == [1, 1, 2]
    assert len({summary.label for summary in summaries}) == 3


def test_a_label_is_the_method_alone_where_that_suffices() -> None:
    assert [summary.label for summary in summarise([row("Bytes"), row("AC[v=256]", m1="ab")])] == [
        "AC[v=256]",
        "Bytes",
    ]
    two = summarise([row(), row(size="3m", parameters=3_150_000)])
    assert [summary.label for summary in two] == ["EqualInfo[v=4k], 1m", "EqualInfo[v=4k], 3m"]


def test_natural_order() -> None:
    specs = ["E[b=128,v=256]", "Bytes", "E[b=16,v=256]", "²x", "1", "E[b=32,v=65k]"]
    assert [s for s in sorted(specs, key=natural) if s.startswith("E")] == [specs[2], specs[5], specs[0]]


def test_the_terminal_table_keeps_brackets_and_order() -> None:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(results_table(ten_rows()))
    lines = capture.get().splitlines()
    assert "EqualInfo[v=4k,words], 3m" in next(line for line in lines if "EqualInfo" in line)
    assert "2.230 ± 0.020" in capture.get()
    assert capture.get().count("±") == 1


def test_markdown() -> None:
    text = results_markdown([*ten_rows(), row("odd|`name`\n", bits_per_byte=9.0)])
    lines = text.splitlines()
    assert lines[0].startswith("| method | bytes/token | bits/byte |")
    assert len(lines) == 2 + 9
    assert "`odd\\|'name' , 1m`" in lines[-1]
    assert lines[2].startswith("| `EqualInfo[v=4k,words], 3m` | 3.32 | 2.050 |")
