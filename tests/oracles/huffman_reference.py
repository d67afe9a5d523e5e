"""Huffman codes in plain Python: slow, short, and what `huffman` is tested against."""

from heapq import heapify, heappop, heappush

from equalinfo.coding.huffman import END


def code_of(frequencies: list[int], limit: int) -> dict[int, str]:
    """The word of each byte and of END, as a string of 0 and 1, by the rule of `huffman`."""
    weights = dict(enumerate(frequencies))
    weights[max(weights, key=lambda byte: (weights[byte], -byte))] -= 1
    weights[END] = 1
    ascending = sorted(weights, key=lambda symbol: (weights[symbol], symbol != END, symbol))
    while (depths := _depths([weights[symbol] for symbol in ascending]))[0] > limit:
        weights = {symbol: (weight + 1) // 2 for symbol, weight in weights.items()}
    lengths = dict(zip(ascending, depths, strict=True))
    words, word, previous = {}, 0, depths[0]
    for symbol in sorted(weights, key=lambda symbol: (-lengths[symbol], symbol != END, symbol)):
        word >>= previous - lengths[symbol]
        words[symbol] = format(word, f"0{lengths[symbol]}b")
        word, previous = word + 1, lengths[symbol]
    return words


def _depths(weights: list[int]) -> list[int]:
    """Depths of the leaves of a Huffman tree, deepest first; of equal weights, leaves are joined before nodes."""
    depths = [0] * len(weights)
    heap = [(weight, leaf, [leaf]) for leaf, weight in enumerate(weights)]
    heapify(heap)
    joined = len(weights)
    while len(heap) > 1:
        one, _, leaves = heappop(heap)
        other, _, more = heappop(heap)
        for leaf in leaves + more:
            depths[leaf] += 1
        heappush(heap, (one + other, joined, leaves + more))
        joined += 1
    return sorted(depths, reverse=True)
