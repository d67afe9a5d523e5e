"""Names that specs use, and the objects that they stand for: ours, and those of other installed packages."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from equalinfo.errors import EqualInfoError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Objects by name, each imported when it is first asked for.

    Args:
        group: the entry point group in which packages name theirs; none of them takes one of our names.
        ours: by name, where ours are, as "module:object".
    """

    def __init__(self, group: str, ours: Mapping[str, str] | None = None) -> None:
        self.group, self.ours = group, dict(ours or {})
        self._loaded: dict[str, T] = {}

    @cached_property
    def installed(self) -> dict[str, EntryPoint]:
        """What other packages name."""
        return {entry.name: entry for entry in entry_points(group=self.group) if entry.name not in self.ours}

    def __getitem__(self, name: str) -> T:
        """The object of a name.

        Raises:
            KeyError: no such name.
            EqualInfoError: a package that names it cannot be imported.
        """
        if name not in self._loaded:
            ours = name in self.ours
            entry = EntryPoint(name, self.ours[name], self.group) if ours else self.installed[name]
            try:
                self._loaded[name] = entry.load()
            except (ImportError, AttributeError) as error:
                if ours:
                    raise
                raise EqualInfoError(
                    f"{name}, which an installed package adds, cannot be used: {error}"
                ) from error
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.ours
        yield from self.installed

    def __len__(self) -> int:
        return len(self.ours) + len(self.installed)

    def __contains__(self, name: object) -> bool:
        return name in self.ours or name in self.installed
