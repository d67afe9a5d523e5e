"""`python -m equalinfo.harness`: lm-evaluation-harness's command line, which knows the model "equalinfo" then."""

import argparse
import sys
from pathlib import Path

from lm_eval.__main__ import cli_evaluate

from equalinfo.errors import EqualInfoError
from equalinfo.outputs import refuse_in_artifact


def check_output(words: list[str]) -> None:
    """Raises EqualInfoError if the harness would write its results into an artifact, such as the M2 it measures."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--output_path", "-o", type=Path)
    path = parser.parse_known_args(words)[0].output_path
    if path is not None:
        refuse_in_artifact(path)


if __name__ == "__main__":
    try:
        check_output(sys.argv[1:])
        cli_evaluate()
    except EqualInfoError as error:
        sys.exit(f"error: {error}")
