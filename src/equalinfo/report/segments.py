"""A text as several tokenizers cut it: segments with their bytes, bits and ids, side by side.

The page's own script (`tokens.js`) makes the same elements for what a reader types.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equalinfo.report.templates import template
from equalinfo.tokens.show import visible
from equalinfo.tokens.tokenizer import Tokenizer

# Neighbours differ in ground, and a line parts them where no colours are seen.
TONES = 6
SHOWN_IDS = 4


@dataclass(frozen=True)
class Segment:
    """A window or token.

    Args:
        text: its bytes as they show.
        size: how many bytes.
        bits: what its ids cost at log2 v each, or those of its window.
    """

    text: str
    size: int
    bits: str
    ids: tuple[int, ...]

    @property
    def shown_ids(self) -> str:
        """The first few ids, and how many there are."""
        first = " ".join(map(str, self.ids[:SHOWN_IDS]))
        return first if len(self.ids) <= SHOWN_IDS else f"{first} … ({len(self.ids)})"


@dataclass(frozen=True)
class Cut:
    """A text cut by one tokenizer."""

    spec: str
    segments: tuple[Segment, ...]
    counts: str


def cut(tokenizer: Tokenizer, text: bytes) -> Cut:
    """A text's segments and totals."""
    segments_and_ids = tokenizer.segments(text)
    window = tokenizer.window_bits
    per_id = math.log2(tokenizer.vocab)
    segments = tuple(
        Segment(visible(segment), len(segment), bits_text(window or per_id * len(ids)), tuple(ids))
        for segment, ids in segments_and_ids
    )
    tokens = sum(len(segment.ids) for segment in segments)
    return Cut(str(tokenizer.spec), segments, counts_text(tokens, len(segments), len(text), tokens * per_id))


def bits_text(bits: float) -> str:
    return str(round(bits)) if abs(bits - round(bits)) < 1e-9 else f"{bits:.1f}"


def counts_text(tokens: int, segments: int, size: int, bits: float) -> str:
    """Totals in words; bits/byte here are those of the ids at log2 v each, as a model that learned nothing pays."""
    ratio, cost = size / max(tokens, 1), bits / max(size, 1)
    return f"{size} bytes, {tokens} tokens, {segments} pieces, {ratio:.2f} bytes/token, {cost:.2f} bits/byte uniform"


def segments_html(cut_text: Cut) -> str:
    """A cut as HTML: its totals and a list of its segments. All text is escaped."""
    return template("pieces.html.j2").render(cut=cut_text, tones=TONES)


def as_records(cut: Cut) -> list[Sequence[object]]:
    """A cut for the page's script: [text, bytes, bits, ids] of each segment."""
    return [[segment.text, segment.size, segment.bits, list(segment.ids)] for segment in cut.segments]
