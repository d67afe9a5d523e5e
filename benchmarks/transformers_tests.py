"""The tokenizer tests of the transformers repository, on exported dictionaries: results/transformers-tests.json.

    pip install 'equalinfo[demo,hf,interchange]'
    TRANSFORMERS_REPO=../transformers python -m benchmarks.transformers_tests

TRANSFORMERS_REPO is a checkout, or the unpacked source package, of the installed version of transformers: its tests
are not installed with it. They run offline, in a process that cannot import equalinfo.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo.files import write_json
from equalinfo.predict.exact_files import load_exact
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec

SPECS = [
    "EqualInfo[v=4k]",
    "EqualInfo[v=4k,fewest]",
    "EqualInfo[v=4k,fewest,words]",
    "EqualInfo[v=4k,unigram,words]",
]

# Their source package lacks the one data file that the tests' set-up reads, so any text takes its place. The common
# tests run twice: as exported, and with the end-of-text token for padding, which some of them need.
ELSEWHERE = """
import sys
sys.modules["equalinfo"] = None
repository, directory, results_file = sys.argv[1:]
sys.path.insert(0, repository)
import json
import unittest
from pathlib import Path
import transformers
from tests import test_tokenization_common as common
from tests import test_tokenizers_backend_mixin as backend

if not Path(repository, "tests", "fixtures", "sample_text.txt").is_file():
    Path("fixtures").mkdir()
    Path("fixtures", "sample_text.txt").write_text("A text.\\n")
    common.get_tests_dir = lambda: "."

settings = {
    "tokenizer_class": transformers.PreTrainedTokenizerFast,
    "rust_tokenizer_class": transformers.PreTrainedTokenizerFast,
    "from_pretrained_id": directory,
}
outcomes = {}

class Outcomes(unittest.TestResult):
    def note(self, test, outcome, why=""):
        test = getattr(test, "test_case", test)  # a part of a test counts as the test
        key = f"{type(test).__name__}.{test._testMethodName}"
        if outcomes.get(key, ["passed"])[0] == "passed":
            outcomes[key] = [outcome, why]

    def addSuccess(self, test):
        self.note(test, "passed")

    def addSkip(self, test, reason):
        self.note(test, "skipped", reason)

    def addFailure(self, test, error):
        message = str(error[1]).strip() or "AssertionError"
        self.note(test, "failed", f"{error[0].__name__}: {message}")

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error:
            self.addFailure(test, error)

padded = {"from_pretrained_kwargs": {"pad_token": "<|endoftext|>"}}
for name, mixin, more in (
    ("common", common.TokenizerTesterMixin, {}),
    ("padded", common.TokenizerTesterMixin, padded),
    ("backend", backend.TokenizersBackendTesterMixin, {}),
):
    case = type(name, (mixin, unittest.TestCase), {**settings, **more})
    result = Outcomes()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
made = {"transformers": transformers.__version__, "tests": outcomes}
Path(results_file).write_text(json.dumps(made))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/transformers-tests.json")
    given = parser.parse_args()
    repository = os.environ.get("TRANSFORMERS_REPO")
    if repository is None:
        print("left out: TRANSFORMERS_REPO does not name a checkout of transformers")
        return
    training, _ = training_and_held_out()
    m1 = load_exact(m1_directory(given.m1))
    rows = []
    for spec in SPECS:
        with tempfile.TemporaryDirectory() as work:
            directory = Path(work) / "tok"
            Spec.parse(spec).build(Sources(documents=lambda: training, ready=m1)).save_pretrained(directory)
            rows.append({"spec": spec, **summary(run_tests(Path(repository), directory))})
        print(rows[-1], flush=True)
    write_json(given.out, {"machine": machine(), "rows": rows})


def run_tests(repository: Path, directory: Path) -> dict[str, Any]:
    """`{"transformers": version, "tests": {name: [outcome, why]}}` for the tokenizer in `directory`."""
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "results.json"
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "RUN_SLOW": "1"}
        paths = [str(repository.resolve()), str(directory.resolve()), str(made)]
        subprocess.run([sys.executable, "-c", ELSEWHERE, *paths], check=True, cwd=work, env=environment)
        return json.loads(made.read_text())


def summary(ran: dict[str, Any]) -> dict[str, Any]:
    """Counts by outcome; the reason of each test that did not pass, without the paths it ran in."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    reasons: dict[str, dict[str, str]] = {"failed": {}, "skipped": {}}
    for name, (outcome, why) in sorted(ran["tests"].items()):
        counts[outcome] += 1
        if outcome != "passed":
            reasons[outcome][name] = why.splitlines()[0][:200]
    return {"transformers": ran["transformers"], "counts": counts, **reasons}


if __name__ == "__main__":
    main()
