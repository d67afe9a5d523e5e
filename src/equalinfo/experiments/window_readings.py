"""Which bytes of a window each of its tokens settles: what a token can be said to stand for."""

from equalinfo.coding.windows import GUARD, Node, Root, cumulative
from equalinfo.predict.base import Predictor


def settled_lengths(predictor: Predictor, text: bytes, ids: list[int], width: int) -> list[int]:
    """How many bytes of a window are certain after each of its tokens.

    The first k tokens leave an interval of codes; certain is the longest beginning of the text whose own interval holds
    all of it. After the last token that is the whole text.

    Args:
        predictor: M1, which starts afresh with the window.
        text: the window's.
        ids: its tokens of `width` bits each, the whole window.
    """
    bits = width * len(ids)
    node: Node = Root(bits)
    ends = [(node.low, node.low + node.width)]
    for byte, bounds in zip(text, cumulative(predictor.along(text)), strict=True):
        node = node.child(int(bounds[byte]), int(bounds[byte + 1]))
        ends.append((node.low, node.low + node.width))
    lengths, code = [], 0
    for k, token in enumerate(ids[:-1], start=1):
        code = (code << width) | token
        left = bits - k * width + GUARD
        low, high = code << left, (code + 1) << left
        lengths.append(max(j for j, (start, end) in enumerate(ends) if start <= low and high <= end))
    return [*lengths, len(text)]
