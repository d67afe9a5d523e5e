"""A worker process of the local engine: `python -m equalinfo.shards.engines.worker`.

Standard input brings JSON lines: the work first, then a partition at a time. Standard output takes JSON lines back:
bytes encoded, a record, or an error. Where standard input ends, so does the process, in the middle of a partition
too: its driver is gone, and another may be at work on the same files.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from equalinfo.corpus.partitions import Partition
from equalinfo.errors import EqualInfoError
from equalinfo.shards.job import TokenizeJob, tokenize_partition
from equalinfo.tokens.tokenizer import Tokenizer


def main() -> None:
    """Tokenizes partitions until standard input ends, or something goes wrong."""
    # Ctrl-C reaches all processes of a terminal; the driver ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print must not get between the messages.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    messages: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, messages), daemon=True).start()
    try:
        work = TokenizeJob(**json.loads(messages.get()))
        tokenizer = Tokenizer.from_pretrained(Path(work.tokenizer))
        while True:
            partition = Partition.from_json(json.loads(messages.get()))
            record = tokenize_partition(
                tokenizer, partition, work, lambda count: _send(answers, {"encoded": count})
            )
            _send(answers, {"record": record})
    except EqualInfoError as error:
        _send(answers, {"error": str(error)})
    except MemoryError:
        _send(answers, {"error": "not enough memory; take fewer --workers"})
    except Exception:
        _send(answers, {"defect": traceback.format_exc()})
    # The other thread waits for input and would hold up an orderly end.
    os._exit(1)


def _listen(stream: IO[bytes], messages: "queue.SimpleQueue[str]") -> None:
    for line in stream:
        messages.put(line.decode())
    os._exit(1)


def _send(stream: IO[str], message: dict[str, Any]) -> None:
    try:
        stream.write(json.dumps(message) + "\n")
        stream.flush()
    except BrokenPipeError:
        os._exit(1)  # nobody is there to hear of it


if __name__ == "__main__":
    main()
