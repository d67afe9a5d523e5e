"""A text's windows or tokens in colours, one tokenizer below the other (`equalinfo show`)."""

import io
from collections.abc import Sequence

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from equalinfo.tokens.tokenizer import Tokenizer

# Neighbours differ in colour; dark text on light grounds reads in terminals and in HTML.
COLOURS = ("#a6cee3", "#b2df8a", "#fdbf6f", "#cab2d6", "#fb9a99", "#ffff99")


def panels(tokenizers: Sequence[Tokenizer], text: bytes, coloured: bool = True) -> Group:
    """One panel per tokenizer: the text with each segment on its own ground, and its token count.

    Where there are no colours, as in a pipe, bars stand between the segments.
    """
    return Group(*(_panel(tokenizer, text, coloured) for tokenizer in tokenizers))


def _panel(tokenizer: Tokenizer, text: bytes, coloured: bool) -> Panel:
    segments = tokenizer.segments(text)
    tokens = sum(len(ids) for _, ids in segments)
    body = Text()
    for index, (segment, _) in enumerate(segments):
        if index and not coloured:
            body.append("|")
        body.append(visible(segment), style=f"#000000 on {COLOURS[index % len(COLOURS)]}")
    counts = f"{tokens} tokens, {len(segments)} pieces, {len(text) / max(tokens, 1):.2f} bytes/token"
    return Panel(
        body, title=Text(str(tokenizer.spec)), subtitle=counts, title_align="left", subtitle_align="right"
    )


def visible(segment: bytes) -> str:
    """Bytes as text that shows: line ends and tabs as signs, what is no UTF-8 as hexadecimal."""
    signs = {"\n": "⏎\n", "\t": "→\t", "\r": "␍"}
    shown = []
    for character in segment.decode("utf-8", "surrogateescape"):
        if "\udc80" <= character <= "\udcff":
            shown.append(f"‹{ord(character) - 0xDC00:02x}›")
        elif character in signs:
            shown.append(signs[character])
        elif not character.isprintable():
            shown.append(f"‹{ord(character):02x}›")
        else:
            shown.append(character)
    return "".join(shown)


def as_html(tokenizers: Sequence[Tokenizer], text: bytes) -> str:
    """The panels as one HTML page that needs no network."""
    console = Console(record=True, width=110, file=io.StringIO())
    console.print(panels(tokenizers, text))
    return console.export_html()
