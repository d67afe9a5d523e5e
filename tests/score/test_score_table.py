from rich.console import Console

from equalinfo.score.results import CONTEXTS
from equalinfo.score.summary import natural, summarise
from equalinfo.score.table import how_to_read, results_markdown, results_table
from tests.support.score_rows import row, ten_rows


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
    assert "EqualInfo[v=4k,fewest,words], 3m" in next(line for line in lines if line.startswith(" EqualInfo"))
    assert "2.230 ± 0.020" in capture.get()
    assert capture.get().count(" ± ") == 1


def test_markdown() -> None:
    text = results_markdown([*ten_rows(), row("odd|`name`\n", bits_per_byte=9.0)])
    above, _, *lines = text.splitlines()
    assert "Lower bits/byte" in above
    assert lines[0].startswith("| method | bytes/token | bits/byte |")
    assert len(lines) == 2 + 9
    assert "`odd\\|'name' , 1m`" in lines[-1]
    assert lines[2].startswith("| `EqualInfo[v=4k,fewest,words], 3m` | 3.32 | 2.050 |")


def test_what_m2_could_not_read_and_what_counting_knows_are_said() -> None:
    read, unread = row("Bytes"), row("AC[v=256]", bits_per_byte=2.61, uniform_bits_per_byte=2.62)
    told = how_to_read([read, unread])
    assert "Learned nothing, so their bits/byte are the coder's own: AC[v=256]." in told
    assert "context model" not in told
    assert "Learned nothing" not in how_to_read([read])
    counted = [row(name, extra={CONTEXTS: 2.067}) for name in ("Bytes", "AC[v=256]")]
    assert "counted on the training text: 2.067 bits/byte" in how_to_read(counted)
    # Rows of two corpora have no figure in common.
    assert "counted" not in how_to_read([*counted, row(extra={CONTEXTS: 1.9})])
