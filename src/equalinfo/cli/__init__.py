"""The `equalinfo` command: one verb per step, errors as one line, exit status 0 only on success.

Each verb only reads its options and calls a function of another folder; those are imported inside the verbs, so
that `--help` and tokenizing do not wait for torch.
"""

import errno
import os
import re
import sys
from contextlib import suppress
from typing import Any

import typer

# Each adds its verbs to `app`.
from equalinfo.cli import (  # noqa: F401
    compare,
    compress,
    export,
    generate,
    report,
    run,
    shards,
    tokenizers,
    train,
    warm_up,
)
from equalinfo.cli.common import app, one_of_many
from equalinfo.cli.signals import Ended, ended_by_signals
from equalinfo.cli.streams import open_streams, refuses
from equalinfo.errors import EqualInfoError
from equalinfo.extras import without

# Verbs as --help lists them: whole runs, then in the order of the flow.
ORDER = (
    "demo run tokenizers train-m1 compile encode decode show compare tokenize verify export train-m2 evaluate generate "
    "compress decompress experiment report playground warm-up"
).split()
app.registered_commands.sort(key=lambda command: ORDER.index(command.name or ""))

# A wrong option or verb: click's error, or that of the copy of click inside newer Typers.
UsageError: Any = typer.BadParameter.__bases__[0]


@ended_by_signals()
def main() -> None:
    """Entry point: runs a verb and turns what goes wrong into one line and an exit status."""
    open_streams()
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
        refuses(sys.stderr)
    except EqualInfoError as error:
        sys.exit(_complain(str(error).strip(), 1))
    except ModuleNotFoundError as error:
        if (missing := without(error)) is None:
            raise
        sys.exit(_complain(str(missing), 1))
    except UsageError as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "equalinfo")
        sys.exit(_complain(f"{error.format_message()} (see `{command} --help`)", 2))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(_complain("interrupted; the same command resumes where it can", 130))
    except Ended as end:
        sys.exit(_complain("terminated; the same command resumes where it can", int(str(end.code))))
    except BrokenPipeError:
        # The reader of our output left, as `head` does.
        refuses(sys.stdout)
        sys.exit(1)
    except OSError as error:
        # Files that cannot be written are named where they are written.
        full = refuses(sys.stdout) or error.errno == errno.ENOSPC
        name = error.filename or ("standard output" if full else "")
        sys.exit(_complain(f"{error.strerror or error}{f': {name}' if name else ''}", 1))
    except (MemoryError, RuntimeError) as error:
        # torch has no exception of its own for it.
        if isinstance(error, RuntimeError) and not re.search(r"out of memory|allocate memory", str(error)):
            raise
        sys.exit(_complain("not enough memory; take a smaller batch, model or input", 1))
    if status == 130:  # Typers that catch Ctrl-C themselves
        _complain("interrupted; the same command resumes where it can", 130)
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str, status: int) -> int:
    process = f" in process {os.environ['RANK']}" if one_of_many() else ""
    with suppress(OSError):  # told by the status
        print(f"error{process}: {message}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        refuses(stream)
    return status
