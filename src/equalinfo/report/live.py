"""What a page needs to tokenize by itself, for the methods that run without a model.

Dictionaries, listed windows (up to 16 bits), Bytes and SentencePiece vocabularies are entries and a parse, which
`tokens.js` does as `tests.oracles.dictionary_reference` and the SentencePiece library do. Methods that code
with a predictor are not live: the page shows them for the texts that it was made with.
"""

import base64
import gzip
from typing import Any

import numpy as np

from equalinfo.tokens.tokenizer import Tokenizer

# A page with more entries than these would be slow to open.
MOST_ENTRIES = 1 << 17

Data = dict[str, Any]


def packed(data: bytes) -> str:
    """Bytes as the page holds them: gzip, then base64; the same for the same bytes."""
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def live_data(tokenizer: Tokenizer) -> Data | None:
    """What the page's script tokenizes with; None for methods that it cannot run.

    Returns:
        kind: bytes, dictionary or sentencepiece; for a dictionary also how it is parsed and how entries become ids.
    """
    form = tokenizer.page_form()
    if form is None or len(form.get("entries", ())) > MOST_ENTRIES:
        return None
    return {name: _for_page(value) for name, value in form.items()}


def _for_page(value: Any) -> Any:
    if hasattr(value, "tobytes"):
        return packed(value.astype(value.dtype.newbyteorder("<")).tobytes())
    if isinstance(value, list) and isinstance(value[0], bytes):
        # Lengths (uint16, little-endian), then all entries without a gap; the number of them comes first (uint32).
        lengths = np.array([len(entry) for entry in value], "<u2")
        return packed(len(value).to_bytes(4, "little") + lengths.tobytes() + b"".join(value))
    return value
