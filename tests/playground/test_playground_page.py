"""The playground in a browser, started as a user starts it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from equalinfo.playground import server
from tests.support.browser import ACCESSIBLE, PHONE, Browser
from tests.support.command import Run, runner
from tests.support.pages import EVIL, tokenizer
from tests.support.playing import m2_directory

CUTTERS = ("Bytes", "EqualInfo[b=12,v=4k]")
CUT = "return document.querySelectorAll('.pieces li').length"
STATES = "return [...document.querySelectorAll('[role=status]')].map(one => one.textContent)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a playground with an M2, started by the command line on a free port."""
    pytest.importorskip("nicegui", reason="NiceGUI is missing: pip install 'equalinfo[playground]'")
    folder = tmp_path_factory.mktemp("playground")
    own = [folder / "bytes", folder / "windows"]
    for path, text in zip(own, CUTTERS, strict=True):
        tokenizer(text).save_pretrained(path)
    m2 = m2_directory(folder)
    (folder / "empty").mkdir()
    command = [sys.executable, "-m", "equalinfo", "playground", *own, "--m2", m2, "--port", "0"]
    # In what it takes for a test, NiceGUI waits for one of its own kind.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    # Standard error to a file: nobody reads it meanwhile.
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=folder / "empty", stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Playground: http://127.0.0.1:"), (folder / "errors").read_text()
        yield line.split()[1]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert list((folder / "empty").iterdir()) == []
        assert (folder / "errors").read_text() == ""


def test_a_text_is_cut_and_continued(browser: Browser, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(address)
    browser.wait(CUT)
    text = "naïve – " + EVIL
    browser.driver.find_element("css selector", "textarea").send_keys(Keys.CONTROL, "a")
    browser.driver.find_element("css selector", "textarea").send_keys(text)
    size = len(text.encode())
    browser.wait(STATES + f".some(one => one === '{size} bytes, cut by 2 tokenizers')")
    assert (
        browser.js("return document.querySelectorAll('.side section')[0].querySelectorAll('li').length")
        == size
    )
    ids = browser.js(
        "return [...document.querySelectorAll('.side section')[1].querySelectorAll('li')].map(one => one.dataset.ids)"
    )
    assert " ".join(ids).split() == [str(i) for i in tokenizer(CUTTERS[1]).encode(text)]
    next(
        one for one in browser.driver.find_elements("css selector", "button") if "ontinue" in one.text.lower()
    ).click()
    browser.wait(STATES + ".includes('written')")
    written = browser.js("return document.querySelector('.written').textContent")
    assert written.startswith(text)
    assert len(written) > len(text)
    assert not browser.complaints()
    own = urlsplit(address).netloc
    assert {urlsplit(one).netloc for one in browser.asked_for() if not one.startswith("data:")} == {own}


def test_it_fits_a_phone_and_reads_aloud(browser: Browser, address: str) -> None:
    browser.open(address, PHONE)
    browser.wait(CUT)
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.js(ACCESSIBLE, "main") == []


def test_other_names_for_this_machine_are_refused(address: str) -> None:
    with pytest.raises(HTTPError, match="400"):
        urlopen(Request(address, headers={"Host": "evil.example"}))
    with urlopen(address) as answer:
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_an_address_is_said_once_it_answers() -> None:
    """Not when the server starts, which listens some time later."""

    async def tried() -> None:
        port = server.free_port("127.0.0.1", 0)
        said = asyncio.ensure_future(server.answers("127.0.0.1", port))
        await asyncio.sleep(0.1)
        assert not said.done()
        async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port):
            await asyncio.wait_for(said, 30)

    asyncio.run(tried())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capfd)


def test_the_missing_extra_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    status, out, error = run("playground", tmp_path)
    assert (status, out) == (1, "")
    assert error == "error: this needs nicegui: pip install 'equalinfo[playground]'\n"


def test_a_taken_port_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import socket

    monkeypatch.setitem(sys.modules, "nicegui", ModuleType("nicegui"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, error = run("playground", tmp_path, "--port", taken.getsockname()[1])
    assert status == 1
    assert "--port" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.8.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_which_addresses_are_this_machines(host: str, here: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert server.is_loopback(host) is here
    server.warn_if_open(host)
    assert capsys.readouterr().err.count("other machines") == (not here)
