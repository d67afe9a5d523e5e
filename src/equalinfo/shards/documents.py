"""Ids of joined documents: EOS where one ends, for methods that have an id free for it."""

from collections.abc import Callable, Sequence

import numpy as np

from equalinfo.coding.bits import id_dtype
from equalinfo.corpus.examples import END_OF_DOCUMENT
from equalinfo.tokens.tokenizer import Tokenizer

# Of the ids of an example; raised when tokenizers give the same ids and examples others.
VERSION = 2


def encode_examples(
    tokenizer: Tokenizer, texts: Sequence[bytes], advance: Callable[[int], None] | None = None
) -> list[np.ndarray]:
    r"""Ids of each text of joined documents; documents themselves hold no zero byte (`corpus.records`).

    Args:
        advance: told how many more bytes are encoded.

    Examples:
        >>> tokenizer = Tokenizer.from_pretrained("english-65k")
        >>> [tokenizer.token_bytes(token) for token in encode_examples(tokenizer, [b"one\x00two"])[0]]
        [b'one', b'', b'two']
    """
    if tokenizer.eos is None:
        return tokenizer.encode_batch(texts, advance)
    parts = [text.split(END_OF_DOCUMENT) for text in texts]
    streams = iter(
        tokenizer.encode_batch([part for example_parts in parts for part in example_parts], advance)
    )
    end = np.array([tokenizer.eos], id_dtype(tokenizer.vocab))
    examples_ids = []
    for example_parts in parts:
        runs = [next(streams)]
        for _ in example_parts[1:]:
            runs += [end, next(streams)]
        examples_ids.append(np.concatenate(runs) if len(runs) > 1 else runs[0])
    return examples_ids


def decode_examples(tokenizer: Tokenizer, streams: Sequence[np.ndarray]) -> list[bytes]:
    """The texts that `encode_examples`, or `encode_batch`, turned into ids.

    Raises:
        UndecodableTokens: as `Tokenizer.decode_batch`.
    """
    if tokenizer.eos is None:
        return tokenizer.decode_batch(streams)
    places = [np.flatnonzero(ids == tokenizer.eos) for ids in streams]
    # Each part but the first begins with the id that ended the document before.
    parts = [enumerate(np.split(ids, ends)) for ids, ends in zip(streams, places, strict=True)]
    runs = [part[number > 0 :] for example_parts in parts for number, part in example_parts]
    texts = iter(tokenizer.decode_batch(runs))
    return [END_OF_DOCUMENT.join(next(texts) for _ in range(len(ends) + 1)) for ends in places]
