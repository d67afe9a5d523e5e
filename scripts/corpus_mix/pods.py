"""Texts of POD, the format of Perl's manuals."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.corpus_mix.unpacked import files, text_of


def pods(pattern: str, folder: Path, without: tuple[str, ...] = ()) -> Iterator[str]:
    for path in files(folder, pattern, without):
        yield pod_text(text_of(path))


def pod_text(markup: str) -> str:
    """Headings and items as plain lines, codes such as C<...> as what they enclose; no index, no other formats."""
    text = re.sub(r"^=begin\b.*?^=end\b[^\n]*\n", "", markup, flags=re.M | re.S)
    text = re.sub(r"^=(?:for|encoding|pod|cut|over|back)\b[^\n]*\n", "", text, flags=re.M)
    text = re.sub(r"^=(?:head\d|item)[ \t]*", "", text, flags=re.M)
    text = re.sub(r"[BCFIS]<<+\s(.*?)\s>>+", r"\1", text, flags=re.S)
    text = re.sub(r"E<([^<>]*)>", _escape, text)
    before = ""
    while before != text:  # codes nest
        before = text
        text = re.sub(r"X<[^<>]*>|Z<>", "", text)
        text = re.sub(r"L<(?:([^<>|]*)\|)?([^<>|]*)>", lambda link: link[1] or link[2].strip('/"'), text)
        text = re.sub(r"[BCFIS]<([^<>]*)>", r"\1", text)
    return text.translate(_MARKS)


# Written so until all codes are gone, because these two would look like a code's.
_MARKS = str.maketrans({"\ue000": "<", "\ue001": ">"})
_NAMES = {"lt": "\ue000", "gt": "\ue001", "verbar": "|", "sol": "/"}


def _escape(code: re.Match[str]) -> str:
    name = code[1]
    if name.isdecimal():
        return html.unescape(f"&#{name};")
    return _NAMES.get(name) or html.unescape(f"&{name};")
