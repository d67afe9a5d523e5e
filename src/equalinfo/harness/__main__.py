"""`python -m equalinfo.harness`: lm-evaluation-harness's command line, which knows the model "equalinfo" then."""

import sys

from lm_eval.__main__ import cli_evaluate

from equalinfo.errors import EqualInfoError

if __name__ == "__main__":
    try:
        cli_evaluate()
    except EqualInfoError as error:
        sys.exit(f"error: {error}")
