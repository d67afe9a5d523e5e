"""Kernels: functions that Numba compiles, and the one place that decides where their machine code is kept.

Numba's own cache refuses to work where it finds no folder to write to, as in a container with another user; it takes
whatever lies in its folder for its own; it gives a kernel the wrong code when two processes write at once; and it does
not notice that a kernel in another file, which is compiled into this one, has changed.

Code is kept in `$NUMBA_CACHE_DIR` or, if that is not set, in the `__pycache__` beside the source or, where that cannot
be written, in the user's cache (`$XDG_CACHE_HOME` or `~/.cache`). Where none can be written, each process compiles the
kernels that it calls, and one line on standard error says so.
"""

import hashlib
import inspect
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, overload

# Set once it has been said that code is not kept: processes that this one starts need not say it again.
SAID = "EQUALINFO_UNCACHED_SAID"

F = TypeVar("F", bound=Callable[..., Any])

KERNELS: list[Any] = []  # Numba's dispatchers of those that were imported
KEPT_IN: set[Path] = set()  # folders that this process found code in or wrote some to


@overload
def kernel(function: F, /) -> F: ...


@overload
def kernel(**options: Any) -> Callable[[F], F]: ...


def kernel(function: Any = None, /, **options: Any) -> Any:
    """Decorates a function that Numba compiles when it is first called, or reads from where it is kept.

    Args:
        options: of `numba.njit`; kernels let go of the interpreter's lock.
    """
    from numba import njit

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, **options)(function)
        if hasattr(dispatcher, "_cache"):  # NUMBA_DISABLE_JIT leaves the function as it is
            dispatcher._cache = _KeptCode(function)
        KERNELS.append(dispatcher)
        return dispatcher

    return compiled if function is None else compiled(function)


class _KeptCode:
    """The code of one kernel, a file for each signature and processor: what Numba's dispatchers take for a cache."""

    cache_path = None

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._source = Path(inspect.getfile(function)).absolute()
        _content(self._source)  # as it is imported; it may be edited before the kernel is called

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compiled kernel, or None where no whole and current code of it is kept."""
        # Numba's own cache calls `target.refresh()`, which takes half a second: it imports what compiling needs, and
        # SciPy where that is there. Compiled code needs no more than Numba's allocator, unless it has matrix products,
        # hashes of strings or parallel loops, which kernels here have not.
        from numba.core.runtime import rtsys

        rtsys.initialize(target)
        name = self._name(signature, target.codegen())
        for folder in _folders(self._source):
            data = _trusted_bytes(folder / name, self._source)
            digest, code = data[:32], data[32:]
            if digest == self._digest(name, code):
                # What cannot be read although it is whole comes from a Numba that differs in what it does not tell.
                with suppress(Exception):
                    from numba.core.compiler import CompileResult

                    compiled = CompileResult._rebuild(target, *pickle.loads(code))
                    KEPT_IN.add(folder)
                    return compiled
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keeps a compiled kernel in the first folder that takes it."""
        from numba.core.serialize import dumps

        if compiled.library.has_dynamic_globals:
            return  # it holds addresses of this process
        name = self._name(signature, compiled.codegen)
        code = dumps(compiled._reduce())
        reason = "no home directory"
        for folder in _folders(self._source):
            try:
                _write(folder / name, self._digest(name, code) + code)
                return KEPT_IN.add(folder)
            except OSError as error:
                reason = f"{folder}: {error.strerror or error}"
        _say_once(reason)

    def _name(self, signature: Any, codegen: Any) -> str:
        key = f"{signature} {codegen.magic_tuple()}".encode()
        function = f"{self._source.stem}.{self._function.__qualname__}"
        return f"{function}-{hashlib.sha256(key).hexdigest()[:16]}.{sys.implementation.cache_tag}.code"

    def _digest(self, name: str, code: bytes) -> bytes:
        return hashlib.sha256(_stamp(self._function) + name.encode() + code).digest()

    def flush(self) -> None:
        """Nothing: code is written at once."""

    enable = disable = flush


def _folders(source: Path) -> list[Path]:
    """Where the code of a source file's kernels may be, best first."""
    name = Path(f"{source.parent.name}-{hashlib.sha256(os.fsencode(source.parent)).hexdigest()[:16]}")
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(folder).absolute() / name]
    folders = [source.parent / "__pycache__"]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(home):
        folders.append(Path(home, "equalinfo", name))
    return folders


def _trusted_bytes(path: Path, source: Path) -> bytes:
    """What a file holds; nothing where others than this user, root and the source's owner could have written it.

    It is code that will run, and a folder may be one that others write to.
    """
    try:
        with path.open("rb") as stream:
            if os.name == "posix":
                status = os.fstat(stream.fileno())
                if status.st_mode & 0o022 or status.st_uid not in (0, os.geteuid(), source.stat().st_uid):
                    return b""
            return stream.read()
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    """Writes a file that appears whole, and that only this user can change."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _say_once(reason: str) -> None:
    if os.environ.get(SAID):
        return
    os.environ[SAID] = "1"
    if sys.stderr:
        print(
            f"warning: compiled kernels cannot be kept ({reason}), so each run takes up to a minute to compile them; "
            "set NUMBA_CACHE_DIR to a folder that you can write to",
            file=sys.stderr,
        )


@cache
def _stamp(function: Callable[..., Any]) -> bytes:
    """A hash of what decides a kernel's code: its file, the constants it names, the same of what it calls, versions."""
    import llvmlite
    import numba

    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} ".encode())
    digest.update(_content(Path(inspect.getfile(function)).absolute()))
    for name in sorted(function.__code__.co_names):
        value: Any = function.__globals__.get(name)
        # Kernels and intrinsics hold the function that they were made from.
        inner = getattr(value, "py_func", None) or getattr(value, "_defn", None)
        if inner is not None and inner is not function:
            digest.update(_stamp(inner))
        elif hasattr(value, "tobytes"):  # NumPy's
            digest.update(f"{name}: {value.dtype} ".encode() + value.tobytes())
        elif isinstance(value, int | float):
            digest.update(f"{name}: {value!r} ".encode())
    return digest.digest()


@cache
def _content(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
