"""`python -m equalinfo.harness`: lm-evaluation-harness's command line, which knows the model "equalinfo" then."""

from lm_eval.__main__ import cli_evaluate

if __name__ == "__main__":
    cli_evaluate()
