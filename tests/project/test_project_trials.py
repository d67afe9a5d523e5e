import json
from pathlib import Path

from benchmarks.dictionary_trials import table

ROOT = Path(__file__).parents[2]


def test_the_table_in_the_lab_notes_is_that_of_the_rows():
    rows = [json.loads(line) for line in (ROOT / "results/dictionary-trials.jsonl").read_text().splitlines()]
    notes = (ROOT / "docs/lab-notes/dictionaries.md").read_text()
    written = notes.partition("<!-- dictionary-trials -->\n")[2].partition("\n<!-- end -->")[0]
    assert written == table(rows)
