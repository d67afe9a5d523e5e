"""Compiled code: `warm-up`."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from equalinfo.cli.common import AsJson, Quiet, app, show_result

if TYPE_CHECKING:
    from rich.progress import Progress

# Methods that between them call every kernel; the tokenizers that ship are encoded with besides.
SPECS = (
    "AC[v=256]",
    "AC[v=256,order=2]",
    "Huffman[v=256]",
    "EqualInfoAC[b=16,v=256]",
    "EqualInfoAC[b=24,v=256]",
    "EqualInfoAC[b=24,v=256,delay]",
    "EqualInfoHuffman[b=24,v=256]",
    "EqualInfo[b=12,v=4k]",
    "EqualInfo[v=512]",
    "EqualInfo[v=512,order=2,fewest]",
    "EqualInfo[v=512,order=2,unigram,phrases]",
    "EqualInfo[v=512,order=2,unigram,words,case]",
)
SENTENCE = "The quick brown fox, naïve at 1234 m, jumps over the lazy dog: \U0001f98a 東京.\n"


@app.command("warm-up")
def warm_up_command(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Compile everything that runs as machine code and keep it, so that no later process has to wait for that.

    In a container image, after the installation: RUN equalinfo warm-up

    Example: equalinfo warm-up
    """
    from equalinfo.kernels import KEPT_IN, KERNELS
    from equalinfo.progress import progress_bar

    began = time.monotonic()
    with progress_bar(quiet) as progress:
        task = progress.add_task("warm-up", total=None, note="")
        for done in _steps(progress):
            progress.update(task, advance=1, note=done)
    kept_in = os.path.commonpath(KEPT_IN) if KEPT_IN else None
    seconds = round(time.monotonic() - began, 1)
    show_result({"kernels": len(KERNELS), "kept_in": kept_in, "seconds": seconds}, as_json)


def _steps(progress: "Progress") -> Iterator[str]:
    """Encodes and decodes with tokenizers of all kinds, compresses a file; gives the name of each when it is done."""
    from equalinfo.coding.interleaved import decode_interleaved
    from equalinfo.container.files import compress, decompress
    from equalinfo.predict.exact_files import load_m1
    from equalinfo.pretrained import located, shipped
    from equalinfo.tokens.sources import Sources
    from equalinfo.tokens.spec import Spec
    from equalinfo.tokens.tokenizer import Tokenizer

    m1 = located("english-m1", "m1")
    # With more words than a table of them has room for at first.
    documents = [(SENTENCE * 6).encode()] * 6 + [" ".join(map(str, range(5_000))).encode()]

    def use(tokenizer: Tokenizer, size: int) -> None:
        # Short, long (which the greedy parse cuts in four), with a word of more than 512 bytes.
        for text in (SENTENCE.encode(), (SENTENCE * size).encode(), b"x" * 8 * size):
            for ids in (tokenizer.encode(text), *tokenizer.encode_batch([text, text])):
                tokenizer.decode(ids)
            tokenizer.count(text)
        tokenizer.encode_prompt(SENTENCE)
        tokenizer.decode(tokenizer.encode(SENTENCE)[:3], partial=True)
        for segment, ids in tokenizer.segments(SENTENCE):
            tokenizer.settled_lengths(segment, ids)

    for name, directory in shipped("tokenizer").items():
        use(tokenizer := Tokenizer.from_pretrained(directory), 600)
        if "unigram" in tokenizer.spec:
            tokenizer.encode(SENTENCE, sample=0.1)
        yield name
    for spec in SPECS:
        use(Spec.parse(spec).build(Sources(m1, lambda: documents)), 1)
        yield spec
    with TemporaryDirectory() as folder:
        text, container, back = (Path(folder, name) for name in ("text", "container", "back"))
        text.write_bytes(documents[0])
        for model in (None, m1):
            compress(model, text, container, 256, 64 if model else None, 2, progress)
            decompress(model, container, back, 2, progress)
    # What reads containers of the first version.
    decode_interleaved(load_m1(m1), [documents[0]], [len(documents[0])], 64)
    yield "compress"
