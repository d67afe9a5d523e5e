"""Texts cut by tokenizers, ready for the page: what its template shows first and what its script takes over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from equalinfo.errors import EqualInfoError
from equalinfo.report.live import live_data
from equalinfo.report.segments import as_records, cut, segments_html
from equalinfo.tokens.texts import as_bytes
from equalinfo.tokens.tokenizer import Tokenizer

EXAMPLE = "Windows of equal information: every token is to hold as many bits as the next. Größe, naïve, 東京."


@dataclass(frozen=True)
class Method:
    """A tokenizer on the page.

    Args:
        live: whether the page can run it.
        html: the first text cut by it.
        for_script: what `tokens.js` needs.
    """

    spec: str
    live: bool
    html: str
    for_script: dict[str, Any]


@dataclass(frozen=True)
class Text:
    """A text that the page was made with; `for_script` also holds its segments by the methods that are not live."""

    text: str
    for_script: dict[str, Any]


@dataclass(frozen=True)
class TokenView:
    methods: list[Method]
    texts: list[Text]


def token_view(tokenizers: Sequence[Tokenizer], texts: Sequence[str] = ()) -> TokenView | None:
    """Texts as tokenizers cut them; an example where none is given, None without tokenizers.

    Raises:
        EqualInfoError: a text that is no Unicode text.
    """
    if not tokenizers:
        return None
    # A text box gives line ends back as \n.
    strings = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts or [EXAMPLE]]
    datas = [as_bytes(text) for text in strings]
    methods: list[Method] = []
    fixed: list[list[Any]] = []
    for tokenizer in tokenizers:
        live = live_data(tokenizer)
        cuts = [cut(tokenizer, data) for data in (datas if live is None else datas[:1])]
        fixed.append([as_records(one) for one in cuts] if live is None else [None] * len(datas))
        spec = str(tokenizer.spec)
        per_id, window = math.log2(tokenizer.vocab), tokenizer.window_bits
        data = {"spec": spec, "perId": per_id, "window": window, "live": live}
        methods.append(Method(spec, live is not None, segments_html(cuts[0]), data))
    shown = [
        Text(text, {"text": text, "cuts": [records[number] for records in fixed]})
        for number, text in enumerate(strings)
    ]
    return TokenView(methods, shown)


def text_from_bytes(data: bytes) -> str:
    """Bytes of the command line or a file as text; EqualInfoError where they are not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise EqualInfoError(
            f"the text to cut is not UTF-8 at byte {error.start}; `equalinfo show` cuts any bytes"
        ) from error
