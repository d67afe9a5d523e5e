"""Pictures: a text cut by five tokenizers (README), and what M2s make of the main methods (docs/methods.md).

    python -m scripts.readme_pictures    writes results/pieces.svg and results/methods.svg

The first needs nothing but the package. The second draws `results/experiments/equal_budgets.jsonl`, and counts the
context model of the embedded corpus anew.
"""

from pathlib import Path
from xml.sax.saxutils import escape

from equalinfo import Tokenizer
from equalinfo.corpus.corpus import Corpus
from equalinfo.experiments.catalog.equal_budgets import COMPUTE
from equalinfo.experiments.rows import Rows
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.figures.matplotlib_files import write_figure
from equalinfo.files import atomic_file
from equalinfo.runs.contexts import contexts_bits_per_byte
from equalinfo.score.results import read_measurements
from equalinfo.score.summary import kind_of
from equalinfo.tokens.show import COLOURS, visible

TOKENIZERS = (
    "english-65k-phrases",
    "english-65k",
    "english-65k-fewest",
    "english-65k-greedy",
    "english-4k-exact",
)
TEXT = b"On the other hand, windows of equal information are hard to read; whole words are learned in a few steps."
# Pixels. A monospaced letter of 13 takes 7.8 wherever the font comes from; textLength makes it so.
LETTER, SIZE, LINE, GAP, MARGIN = 7.8, 13, 20, 14, 10
RESULTS = Path("results")


def pieces_svg() -> str:
    """Each tokenizer's pieces on grounds of their own, and how many bytes a token stands for."""
    shapes, y = [], MARGIN
    for name in TOKENIZERS:
        segments = Tokenizer.from_pretrained(name).segments(TEXT)
        tokens = sum(len(ids) for _, ids in segments)
        y += LINE
        about = f"{name}: {tokens} tokens, {len(TEXT) / tokens:.2f} bytes/token"
        shapes.append(f'<text class="name" x="{MARGIN}" y="{y - 6}">{escape(about)}</text>')
        x = float(MARGIN)
        for number, (piece, _) in enumerate(segments):
            shown = visible(piece)
            width = LETTER * len(shown)
            colour = COLOURS[number % len(COLOURS)]
            shapes.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{LINE}" fill="{colour}"/>')
            shapes.append(
                f'<text x="{x:.1f}" y="{y + 14}" textLength="{width:.1f}" xml:space="preserve">{escape(shown)}</text>'
            )
            x += width
        y += LINE + GAP
    width = 2 * MARGIN + LETTER * len(TEXT)
    style = (
        f"text {{font: {SIZE}px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace}} "
        f".name {{font: {SIZE}px system-ui, sans-serif}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y}" width="{width:.0f}" role="img">'
        f"<title>A text cut by five tokenizers</title><style>{style}</style>"
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(shapes)}</svg>\n'
    )


def methods_figure(rows: Rows, counted: float) -> Figure:
    """Bits/byte against bytes per step, at equal compute; bars are standard errors over seeds."""
    series = []
    for method in rows.methods("bits_per_byte"):
        found = rows.estimate("bits_per_byte", method, budget=COMPUTE)
        error = found.error or 0.0
        x, y = rows.mean("bytes_per_token", method, budget=COMPUTE), found.mean
        series.append(Series(method, [x], [y], [y - error], [y + error], [method], "points", kind_of(method)))
    levels = [(counted, "order-5 contexts, counted on the training text")]
    panel = Panel("", "bytes per step (bytes/token)", "bits per byte, held out", series, levels=levels)
    return Figure("M2s of 3 M parameters, equal compute: down is better, right is faster", [panel])


def main() -> None:
    with atomic_file(RESULTS / "pieces.svg") as stream:
        stream.write(pieces_svg().encode())
    rows = Rows(read_measurements(RESULTS / "experiments" / "equal_budgets.jsonl"))
    write_figure(methods_figure(rows, contexts_bits_per_byte(Corpus("embedded"))), RESULTS / "methods.svg")


if __name__ == "__main__":
    main()
