r"""Compiled dictionaries as llama.cpp reads a vocabulary from a GGUF file.

Greedy longest match is its tokenizer model `rwkv`, a trie of any bytes. The likeliest parse is `plamo2`, a search over
whole numbers, 10^4 times the file's scores, with byte fallback: ours, written as -score / 10^4, are those numbers.
It goes from the end, so of parses with equal sums it takes the one whose first token is longest, where ours has the
longest last token. Where all scores are equal (`fewest`), few texts would have the same ids, and none is written.

llama.cpp puts the start symbol before a text for `plamo2`, and for `rwkv` never, whatever the file says:
`docs/exports.md`.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed
from equalinfo.outputs import Inputs, output_file
from equalinfo.tokens.hugging_face import end_of_text_of
from equalinfo.tokens.sentencepiece_form import Kind, Piece, ascii_pieces, form_pieces

if TYPE_CHECKING:
    from gguf import GGUFWriter

NEVER = 30_000_000  # a score with which `plamo2` takes no token
SUPPRESSED = "tokenizer.ggml.suppress_tokens"


class GGUFVocabulary(NamedTuple):
    """What a GGUF file says of a tokenizer.

    Args:
        model: the tokenizer model of llama.cpp.
        pieces: by id. Those from v on are bytes that the model misses; no text encodes to them.
        vocab: v.
        bos, pad: ids of those that begin a text and fill up a batch.
        chat_template: in Jinja, "" for none.
    """

    model: str
    pieces: list[Piece]
    vocab: int
    bos: int = 0
    pad: int | None = None
    chat_template: str = ""


def trie_vocabulary(entries: Sequence[bytes], special: Sequence[str] = ()) -> GGUFVocabulary:
    """A dictionary that is parsed greedily; entries may be any bytes, the first is the end of text."""
    pieces = [Piece(_escaped(entry), 0, Kind.NORMAL) for entry in entries]
    pieces[0] = Piece(end_of_text_of(entries), 0, Kind.CONTROL)
    pieces += [Piece(_escaped(name.encode()), 0, Kind.CONTROL) for name in special]
    return GGUFVocabulary("rwkv", pieces, len(pieces))


def _escaped(entry: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte != ord("\\") else f"\\x{byte:02x}" for byte in entry
    )


def scored_vocabulary(
    entries: Sequence[bytes], scores: Sequence[int], special: Sequence[str] = ()
) -> GGUFVocabulary:
    """A dictionary parsed into the least sum of scores; the first entry is the end of text, longer ones are UTF-8."""
    pieces = form_pieces(entries, scores, special, " ", NEVER)
    return GGUFVocabulary("plamo2", [*pieces, *ascii_pieces()], len(pieces))


@contextmanager
def gguf_file(out: Path, name: str, inputs: Inputs = ()) -> Iterator["GGUFWriter"]:
    """Gives what writes a GGUF file with the layers of llama, which appears whole when the block ends without an error.

    Args:
        name: of what is in it.

    Raises:
        EqualInfoError: the package `gguf` is not installed, or `out` cannot be written.
    """
    with needed():
        from gguf import GGUFWriter
    with output_file(out, inputs) as stream:
        if not os.path.isfile(str(stream.name)):
            raise EqualInfoError(
                f"{out} is no place for a GGUF file, which is not written in order; name a file"
            )
        writer = GGUFWriter(Path(stream.name), "llama")
        writer.add_name(name)
        yield writer
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def add_vocabulary(writer: "GGUFWriter", vocabulary: GGUFVocabulary) -> None:
    """Adds a tokenizer whose id 0 ends a text."""
    pieces = vocabulary.pieces
    writer.add_vocab_size(len(pieces))
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.text.encode() for piece in pieces])
    writer.add_token_scores([-piece.score / 1e4 for piece in pieces])
    writer.add_token_types([int(piece.kind) for piece in pieces])
    writer.add_bos_token_id(vocabulary.bos)
    writer.add_eos_token_id(0)
    writer.add_unk_token_id(0)
    if vocabulary.pad is not None:
        writer.add_pad_token_id(vocabulary.pad)
    if vocabulary.chat_template:
        writer.add_chat_template(vocabulary.chat_template)
    writer.add_add_bos_token(vocabulary.model == "plamo2")
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    if len(pieces) > vocabulary.vocab:
        writer.add_array(SUPPRESSED, list(range(vocabulary.vocab, len(pieces))))
