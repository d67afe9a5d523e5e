"""Texts of HTML pages and of documentation in XML that resembles it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from scripts.corpus_mix.unpacked import files, text_of

# Elements and classes (or ids) that are no text of the page: what makes it, and ways to other pages.
HIDDEN = set("script style noscript nav header footer aside button head info comment".split())
HIDDEN_CLASSES = set(
    "sidebar sphinxsidebar related nav navheader navfooter docnav headerlink footer searchbox toc hd ft "
    "book-navigation page-links menu mainmenu rightsidebar nosearch searchmenu itemizedlist-toc legalnotice "
    "breadcrumbs header nav-panel "
    # LibreOffice says some words once for each program or system; what has none of these is the default.
    "MAC WIN UNIX WRITER CALC IMPRESS DRAW MATH BASE".split()
)
BLOCKS = set(
    "p div li h1 h2 h3 h4 h5 h6 dt dd tr blockquote section ul ol dl table pre title item note steps desc".split()
)
LINES = {"br", "hr"}
CELLS = {"td", "th"}


def web_pages(pattern: str, folder: Path, without: tuple[str, ...] = ()) -> Iterator[str]:
    for path in files(folder, pattern, without):
        yield page_text(text_of(path))


def page_text(markup: str) -> str:
    """What one reads on a page: blocks between empty lines, preformatted text as it is, no navigation."""
    page = _Page()
    page.feed(markup)
    page.close()
    return "".join(page.parts)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        # The element that is passed over, and how many of its name are open.
        self._hidden, self._depth = "", 0
        self._preformatted = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            self._depth += tag == self._hidden
            return
        names = {name for key, value in attrs if key in ("class", "id") for name in (value or "").split()}
        if tag in HIDDEN or names & HIDDEN_CLASSES:
            self._hidden, self._depth = tag, 1
            return
        self._break(tag)
        self._preformatted = self._preformatted or tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._hidden:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._depth -= tag == self._hidden
            if not self._depth:
                self._hidden = ""
            return
        self._break(tag)
        self._preformatted = self._preformatted and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if not self._preformatted:
            data = re.sub(r"\s+", " ", data)
            # White space between elements counts once, and not where a line begins.
            if not self.parts or self.parts[-1].endswith((" ", "\n")):
                data = data.lstrip(" ")
        if data:
            self.parts.append(data)

    def _break(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n\n")
        elif tag in LINES:
            self.parts.append("\n")
        elif tag in CELLS and self.parts and not self.parts[-1].endswith((" ", "\n")):
            self.parts.append(" ")
