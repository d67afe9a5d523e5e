"""Items that follow each other, in groups of about a size."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def grouped(
    items: Iterable[Item],
    limit: int,
    size: Callable[[Item], int] = len,  # type: ignore[assignment]
) -> Iterator[list[Item]]:
    """Groups that end with the item that brings their sizes to `limit`; the last may be smaller. None is empty."""
    group: list[Item] = []
    held = 0
    for item in items:
        group.append(item)
        held += size(item)
        if held >= limit:
            yield group
            group, held = [], 0
    if group:
        yield group
