"""The playground's page, by NiceGUI: everything it loads comes from this process."""

import asyncio
import html
from dataclasses import dataclass
from typing import Any

from nicegui import run, ui

from equalinfo.errors import EqualInfoError
from equalinfo.model.config import TEMPERATURE
from equalinfo.playground.bench import MOST_CHARACTERS, MOST_TOKENS, Bench, ContinuationRequest, Stopped
from equalinfo.report.templates import part
from equalinfo.report.tokens import EXAMPLE

TITLE = "equalinfo playground"
PRIMARY = "#0b57d0"  # white on it, and it on white, read well
REFRESH = 0.1  # seconds between looks at a growing text
STYLE = """
body { font-family: system-ui, sans-serif; }
.bench { margin: 0 auto; max-width: 1240px; padding: 1rem; width: 100%; }
h1 { font-size: 1.6rem; font-weight: 600; } h2 { font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
.side { display: grid; gap: .6rem 1.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
.side > * { min-width: 0; }
.written { overflow-wrap: anywhere; white-space: pre-wrap; }
.new { border-bottom: 2px solid #0072b2; font-weight: 600; }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px; }
"""


def build(bench: Bench) -> None:
    """Makes the page for one visitor."""
    ui.add_css(STYLE + part("pieces.css"))
    ui.colors(primary=PRIMARY)
    with ui.element("div").classes("bench"):  # NiceGUI makes the main element
        ui.html("Playground", tag="h1")
        text = (
            ui.textarea("Text", value=EXAMPLE)
            .props(f"outlined autogrow debounce=200 maxlength={MOST_CHARACTERS} spellcheck=false")
            .classes("w-full")
        )
        status = ui.label().props("role=status")
        if bench.generator is not None:
            _continuation(bench, text)
        cuts = []
        with ui.element("div").classes("side"):
            for tokenizer in bench.tokenizers:
                with ui.element("section").props(f'aria-label="{_attribute(str(tokenizer.spec))}"'):
                    ui.html(html.escape(str(tokenizer.spec)), tag="h2", sanitize=False)
                    cuts.append(ui.html(sanitize=False))  # its text is escaped by us
    busy = again = False

    async def cut() -> None:
        """Cuts the text as it is, and once more if it changes meanwhile: typing is faster than some methods."""
        nonlocal busy, again
        again = True
        if busy:
            return
        busy = True
        try:
            while again:
                again, shown_text = False, text.value or ""
                results = await run.io_bound(bench.cuts, shown_text)
                if results is None:  # the server is stopping
                    return
                for place, shown in zip(cuts, results, strict=True):
                    place.set_content(shown)
                status.text = f"{len(shown_text.encode())} bytes, cut by {len(cuts)} tokenizers"
        except EqualInfoError as error:
            status.text = str(error)
        finally:
            busy = False

    text.on_value_change(cut)
    ui.timer(0, cut, once=True)


def _continuation(bench: Bench, text: Any) -> None:
    """The controls of M2, and what it writes."""
    assert bench.generator is not None
    with ui.element("section").props('aria-label="M2"'):
        ui.html(f"M2 on {html.escape(str(bench.generator.tokenizer.spec))}", tag="h2", sanitize=False)
        with ui.row().classes("items-center"):
            tokens = ui.number("Tokens", value=60, min=1, max=MOST_TOKENS, precision=0)
            temperature = ui.number("Temperature", value=TEMPERATURE, min=0, max=10, step=0.1).classes("w-32")
            seed = ui.number("Seed", value=0, min=0, precision=0)
            start = ui.button("Continue the text")
            stop = ui.button("Stop").props("outline")
        state = ui.label().props("role=status")
        with ui.element("p").classes("written"):
            before = ui.html(tag="span", sanitize=False)
            new = ui.html(tag="span", sanitize=False).classes("new")
    stop.set_enabled(False)
    running = _Writing()

    async def go_on() -> None:
        try:
            request = ContinuationRequest(
                int(tokens.value or 0), float(temperature.value or 0), int(seed.value or 0)
            )
        except EqualInfoError as error:
            state.text = str(error)
            return
        prompt = text.value or ""
        running.parts, running.wanted = b"", True
        before.set_content(html.escape(prompt))
        new.set_content("")
        state.text = "writing"
        start.set_enabled(False)
        stop.set_enabled(True)

        def grown(part: bytes) -> None:
            running.parts += part
            if not running.wanted:
                raise Stopped

        work = asyncio.ensure_future(run.io_bound(bench.go_on, prompt, request, grown))
        while not work.done():
            new.set_content(html.escape(running.parts.decode("utf-8", "replace")))
            await asyncio.wait([work], timeout=REFRESH)
        try:
            new.set_content(html.escape(work.result() or ""))
            state.text = "written" if running.wanted else "stopped"
        except EqualInfoError as error:
            state.text = str(error)
        start.set_enabled(True)
        stop.set_enabled(False)

    start.on_click(go_on)
    stop.on_click(running.end)
    ui.context.client.on_disconnect(running.end)


@dataclass
class _Writing:
    """A continuation on its way: bytes so far, and whether the reader still wants it."""

    parts: bytes = b""
    wanted: bool = False

    def end(self) -> None:
        self.wanted = False


def _attribute(text: str) -> str:
    """Text inside the quotes of NiceGUI's props, whose own escapes are backslashes."""
    return text.replace("\\", "").replace('"', "'")
