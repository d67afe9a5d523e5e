"""The page of results and experiments: what it holds, that hostile text stays text, and how it does in a browser."""

import base64
import gzip
import json
import re
from pathlib import Path

import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.experiments.page import studies
from equalinfo.report.page import Contents, write_page
from equalinfo.score.measurements import Measurement
from tests.support.browser import ACCESSIBLE, DESKTOP, PHONE, Browser, until
from tests.support.pages import EVIL
from tests.support.rows_of import cell_rows, measurement
from tests.support.score_rows import row, ten_rows

READY = "return document.documentElement.dataset.ready"


def measurements() -> list[Measurement]:
    """A finished experiment, one that lacks rows, and one that nobody knows."""
    made = []
    for method, bits, ratio in (("GZip[v=256]", 3.6, 2.2), ("GZip[v=256,bare]", 3.61, 2.21)):
        made += cell_rows(method, bits, ratio)
    made = [one.model_copy(update={"experiment": "gzip_headers"}) for one in made]
    made.append(
        measurement("AC[v=256]", "bytes_per_token", 3.0).model_copy(update={"experiment": "window_sizes"})
    )
    made.append(
        measurement(f"method{EVIL}", f"quantity{EVIL}", 1.0, at={f"k{EVIL}": EVIL}).model_copy(
            update={"experiment": f"unknown{EVIL}"}
        )
    )
    return made


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    rows = [*ten_rows(), row(f"Evil{EVIL}", corpus="demo" + EVIL, size="1m" + EVIL, machine=EVIL)]
    samples = [("generated " + EVIL, EVIL + "\x00\ud800 مرحبا\r\n  indented"), ("empty", "")]
    write_page(
        Contents(
            "Title " + EVIL,
            rows,
            measurements(),
            studies(measurements()),
            samples=samples,
            commands=["equalinfo " + EVIL],
            recipe=EVIL,
        ),
        path,
    )
    return path


@pytest.fixture(scope="module")
def page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def figure_of(page: str, key: str) -> dict:
    return next(one for one in data_of(page)["figures"] if one["key"] == key)["panels"][0]["plot"]


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert "http://" not in page
    assert "https://" not in page
    assert not re.search(r"<(link|iframe|object|embed|script\s+src|img)\b", page)
    assert "default-src 'none'" in page
    assert "form-action 'none'" in page
    assert "showSendToCloud: false" in page
    library = re.search(r'<script type="text/plain" id="plotly">(.*?)</script>', page, re.S)[1]
    assert b"Plotly" in gzip.decompress(base64.b64decode(library))
    assert len(page) < 3_000_000


def test_untrusted_text_is_escaped_everywhere(page: str) -> None:
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    for figure in data_of(page)["figures"]:
        assert "<img" not in json.dumps(figure)
        assert "<script" not in json.dumps(figure)
    assert "مرحبا" in page


def test_rows_samples_and_the_papers_numbers_are_there(page: str) -> None:
    table = page[page.index('<table id="results"') :]
    table = table[: table.index("</table>")]
    assert table.count("<tr>") == 12
    assert "EqualInfo[v=4k,fewest,words]" in table
    assert "19.0%" in table
    paper = page[page.index('<table id="paper"') :]
    assert "<td>1.29</td>" in paper  # Bytes at 25m
    assert "<td>24.80</td>" in paper  # EqualInfoAC[b=16,v=256] in MFLOPs/byte
    assert "<td>SentencePiece[v=32k]</td>" in paper
    assert "more than one corpus" in page
    assert "numpy 2.1.0, python 3.12.1" in page
    assert (
        "equalinfo train-m2 tokens --out m2 --size 3m --steps 1000 --batch 16 --sequence 256 --seed 0" in page
    )


def test_experiments_are_there(page: str) -> None:
    assert "Header and footer" in page
    assert "equalinfo experiment gzip_headers --scale small --out runs/experiments" in page
    assert re.search(r"(✓ yes|✗ no|\? unclear)</td>", page)
    assert "the rows are not enough for the findings" in page  # of window_sizes
    assert "no experiment of that name" in page


def test_plots_show_means_deviations_and_uniform(page: str) -> None:
    compute, steps, learned = (figure_of(page, key) for key in ("by-compute", "by-steps", "learned"))
    assert compute["layout"]["xaxis"]["type"] == "log"
    own = [
        one for one in compute["data"] if one["name"] == "EqualInfo[v=4k,fewest,words]" and "meta" not in one
    ]
    assert len(own) == 1
    assert own[0]["y"] == pytest.approx([2.23, 2.05])
    assert own[0]["error_y"]["array"] == [pytest.approx(0.02), 0]
    assert "seed 0, 1, 2" in own[0]["hovertemplate"][0]
    colours = {one["legendgroup"]: one["marker"]["color"] for one in compute["data"] if "marker" in one}
    assert colours == {one["legendgroup"]: one["marker"]["color"] for one in steps["data"] if "marker" in one}
    assert len(learned["data"][0]["x"]) == 9
    assert learned["data"][0]["x"] == sorted(learned["data"][0]["x"], reverse=True)


def test_one_corpus_brings_no_warning(tmp_path: Path) -> None:
    write_page(Contents("t", ten_rows()[:1]), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "more than one corpus" not in page
    assert '<h2 id="samples-title"' not in page


def test_no_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError, match="no results"):
        write_page(Contents("t"), tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_it_draws_without_network_and_fits(browser: Browser, path: Path, width: int) -> None:
    browser.open(path, width)
    assert browser.wait(READY) == "yes"
    assert browser.js("return document.querySelectorAll('.panels .main-svg').length") >= 8
    assert browser.js("return document.title").startswith("Title </script>")
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    kinds = {re.match(r"\w+:", address)[0] for address in browser.asked_for()}
    assert {"file:"} <= kinds <= {"file:", "blob:", "data:"}
    assert not browser.complaints()


def test_a_point_says_its_values_and_methods_can_be_chosen(browser: Browser, path: Path) -> None:
    browser.open(path)
    browser.wait(READY)
    browser.js(
        "const place = document.getElementById('by-compute-0');"
        "const own = place.data.findIndex(one => one.name === 'Bytes' && one.mode === 'lines+markers+text');"
        "Plotly.Fx.hover(place, [{curveNumber: own, pointNumber: 0}])"
    )
    assert "2.5500 bits/byte" in browser.wait(
        "return document.querySelector('#by-compute-0 .hoverlayer').textContent"
    )
    count = "return document.getElementById('by-compute-0').data.filter(one => one.name === 'Bytes').length"
    assert browser.js(count) == 1
    # Only with uniform bits/byte does the axis reach up to them.
    highest = "return document.getElementById('by-steps-0').layout.yaxis.range[1]"
    assert browser.js(highest) < 8
    browser.js("document.getElementById('base').click()")
    assert browser.js(count) == 3
    assert browser.js(highest) > 8
    browser.js("document.querySelector('fieldset input[data-series=Bytes]').click()")
    assert browser.js(count) == 0
    browser.js("document.querySelector('fieldset[data-figures] button[data-all=off]').click()")
    assert browser.js("return document.getElementById('by-steps-0').data.length") == 0


def test_keyboard_and_screen_reader(browser: Browser, path: Path) -> None:
    browser.open(path)
    browser.wait(READY)
    assert browser.js(ACCESSIBLE, "main", "nav", "header") == []
    from selenium.webdriver.common.keys import Keys

    body = browser.driver.find_element("tag name", "body")
    body.send_keys(Keys.TAB)
    assert browser.js("return document.activeElement.className") == "skip"
    assert browser.js("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    heading = browser.driver.find_element("css selector", "#results th:nth-child(8) button")
    heading.send_keys(Keys.ENTER)
    heading.send_keys(Keys.ENTER)
    column = "document.querySelectorAll('#results tbody td:nth-child(8)')"
    cells = browser.js(f"return [...{column}].map(cell => +cell.textContent)")
    assert cells == sorted(cells, reverse=True)
    sort = "return document.querySelector('#results th:nth-child(8)').getAttribute('aria-sort')"
    assert browser.js(sort) == "descending"


def test_figures_are_saved(browser: Browser, path: Path, downloads: Path) -> None:
    browser.open(path)
    browser.wait(READY)
    for kind, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        # A click by the driver counts as a person's; without one, the browser saves no second file.
        button = browser.driver.find_element("css selector", f"button[data-figure=learned][data-save={kind}]")
        browser.js("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        file = downloads / f"learned.{kind}"
        until(lambda file=file: file.is_file() and file.stat().st_size, file.name)
        assert file.read_bytes().startswith(start)


def test_it_prints_with_plots_that_fit(browser: Browser, path: Path) -> None:
    browser.open(path)
    browser.wait(READY)
    made = browser.driver.execute_cdp_cmd("Page.printToPDF", {})
    assert base64.b64decode(made["data"]).startswith(b"%PDF")
    browser.js("dispatchEvent(new Event('beforeprint'))")
    assert browser.js("return document.getElementById('by-compute-0')._fullLayout.width") == 640
    browser.js("dispatchEvent(new Event('afterprint'))")
    assert browser.js("return document.getElementById('by-compute-0')._fullLayout.width") > 640
