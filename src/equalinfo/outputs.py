"""Where output goes: one guard for every destination that a user names.

A destination is checked before any work, locked while the work lasts, and changed in one step at its end: it holds
what was there or what is new, and nothing that belongs to something else is lost. What is being written stands
meanwhile in a folder that only its owner can read:

    .NAME.equalinfo/lock   held by the process that writes NAME
    .NAME.equalinfo/new    becomes NAME
    .NAME.equalinfo/old    the directory that it replaces, for a moment

A folder that only grows, as that of a run, has a `.equalinfo` of its own for the lock. A kill may leave such a folder
behind; the next run for the same destination clears it away.
"""

import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from equalinfo.errors import EqualInfoError
from equalinfo.files import MANIFEST, PART, copy_mode, read_json

try:
    import fcntl
except ImportError:  # Windows has none: there, do not write to one place from two processes.
    fcntl = None  # type: ignore[assignment]

PIPE = Path("-")  # standard input or output
Inputs = Iterable[str | Path]


def path_or_pipe(text: str | Path) -> Path:
    """A path as a command is given it: a bare "-" is standard input or output, and `./-` a file."""
    path = Path(text)
    return Path.cwd() / path if path == PIPE and text not in ("-", PIPE) else path


def to_standard_output(path: Path | None) -> bool:
    """Whether what is written to `path` goes to standard output: "-", `/dev/stdout`, links to it."""
    return path is not None and (path == PIPE or _descriptor(path) == 1)


@contextmanager
def output_file(path: Path, inputs: Inputs = ()) -> Iterator[IO[bytes]]:
    """Opens a destination for bytes; a file there is replaced when the block ends without an error.

    Args:
        path: "-" is standard output. Links are followed. Devices, named pipes and open descriptors are written as they
            are; a file appears whole or not at all, with the mode of the one it replaces.
        inputs: files and folders that the work reads. Those that do not exist, as names of what ships, do no harm.

    Raises:
        EqualInfoError: `path` is an input or lies in one, lies in an artifact, is a directory or a mount point, cannot
            be written, or another process is writing it. Nothing has changed then.
    """
    path = Path(path)
    place = _place(path)
    facts = None if place is None else _facts(path, place)
    if place is None or (facts and not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode)):
        if place is not None:
            _refuse_inputs(path, place, facts, inputs)
        with _written_as_it_is(path) as stream:
            yield stream
        return

    def check() -> None:
        facts = _check_place(path, place, inputs)
        if facts and stat.S_ISDIR(facts.st_mode):
            raise EqualInfoError(f"{path} is a directory; name a file to write")
        _check_replaceable(path, place, facts)

    work = _work_beside(place)
    with _reserved(path, place, work, check), _write_errors(path, work):
        new = work / "new"
        with open(new, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        copy_mode(place, new)  # until now, nobody else got to it
        os.replace(new, place)


@dataclass(frozen=True)
class Reserved:
    """A directory that this process alone may write now.

    Args:
        path: as the user named it.
        place: where it will stand, links followed.
        new: an empty directory to write into.
    """

    path: Path
    place: Path
    new: Path

    def put(self, built: Path | None = None) -> None:
        """Renames a directory (default: `new`) to `place`, with the modes of what stood there."""
        built = built or self.new
        old = self.new.with_name("old")
        with _write_errors(self.path, self.new.parent):
            for one in (built, *built.rglob("*")):
                copy_mode(self.place / one.relative_to(built), one)
            try:
                if self.place.exists():
                    os.replace(self.place, old)
                os.replace(built, self.place)
            finally:
                _settle(self.new.parent, self.place)

    @contextmanager
    def state(self, suffix: str, ours: Callable[[str], bool]) -> Iterator[Path]:
        """A folder beside `place` for what an interrupted run resumes from; it does not stay if it stays empty.

        Args:
            ours: whether a run may have left a file of that name.

        Raises:
            EqualInfoError: the folder holds something else.
        """
        folder = self.place.with_name(self.place.name + suffix)
        refuse_foreign(folder, "what an interrupted run left", lambda there: all(map(ours, visible(there))))
        if not folder.exists():
            folder.mkdir()
            copy_mode(self.place, folder)
        try:
            yield folder
        finally:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def reserved_directory(path: Path, kind: str, inputs: Inputs = ()) -> Iterator[Reserved]:
    """Keeps `path` for an artifact directory of this kind, which appears with `Reserved.put` and not before.

    What may be there: an empty directory, or an artifact of the same kind with no file that its manifest does not list.

    Raises:
        EqualInfoError: something else is there, or as for `output_file`.
    """
    path = Path(path)
    place = _place_of_directory(path)

    def check() -> None:
        facts = _check_place(path, place, inputs)
        if facts:
            _check_artifact(path, place, kind)
        _check_replaceable(path, place, facts)

    work = _work_beside(place)
    with _reserved(path, place, work, check), _write_errors(path, work):
        (work / "new").mkdir()
        yield Reserved(path, place, work / "new")


@contextmanager
def output_directory(path: Path, kind: str, inputs: Inputs = ()) -> Iterator[Path]:
    """Gives an empty directory that becomes `path` when the block ends without an error; as `reserved_directory`."""
    with reserved_directory(path, kind, inputs) as reserved:
        yield reserved.new
        reserved.put()


@contextmanager
def output_folder(path: Path, what: str, ours: Callable[[Path], bool], inputs: Inputs = ()) -> Iterator[None]:
    """Keeps `path`, which may be a mount point, for a run that adds to what earlier ones made there.

    Args:
        what: the folder is, for the message.
        ours: whether a folder that holds something is one.

    Raises:
        EqualInfoError: something else is there, or as for `output_file`.
    """
    path = Path(path)
    place = _place_of_directory(path)

    def check() -> None:
        _check_place(path, place, inputs, grows=True)
        _refuse_artifact(path, place)
        refuse_foreign(place, what, ours, path)

    with _reserved(path, place, place / ".equalinfo", check):
        # What a kill left half-written; files that are deeper belong to artifacts.
        for pattern in (".*.part", "*/.*.part", "*/*/.*.part"):
            for left in place.glob(pattern):
                if PART.search(left.name):
                    left.unlink(missing_ok=True)
        yield


def refuse_foreign(folder: Path, what: str, ours: Callable[[Path], bool], path: Path | None = None) -> None:
    """Raises EqualInfoError if `folder` (for the user: `path`) holds something and is not `ours`."""
    if os.path.lexists(folder) and not (folder.is_dir() and (not visible(folder) or ours(folder))):
        raise _refusal(path or folder, f"exists and is not {what}")


def visible(folder: Path) -> list[str]:
    """Names in a folder, without hidden ones and what comes with a new file system."""
    return [name for name in os.listdir(folder) if not name.startswith(".") and name != "lost+found"]


def refuse_in_artifact(path: Path) -> None:
    """Raises EqualInfoError if `path` is an artifact directory or lies in one."""
    place = _place_of_directory(path)
    _refuse_artifact(path, place)
    _check_place(path, place, ())


def _refusal(path: Path, reason: str, advice: str = "choose another --out") -> EqualInfoError:
    return EqualInfoError(f"{path} {reason}; {advice}")


# Places


def _descriptor(path: Path) -> int | None:
    """The open descriptor that a name stands for (`/dev/stdout`, `/dev/fd/3`, links to them)."""
    for _ in range(40):  # as many links as the system follows
        folder = os.path.realpath(path.parent)
        if folder in (f"/proc/{os.getpid()}/fd", "/dev/fd") and path.name.isdecimal():
            return int(path.name)
        path = Path(folder, path.name)
        if not path.is_symlink():
            return None
        path = path.parent / os.readlink(path)
    return None


def _place(path: Path) -> Path | None:
    """Where `path` is, links followed; None if that is an open descriptor."""
    if path == PIPE or _descriptor(path) is not None:
        return None
    return Path(os.path.realpath(path))


def _place_of_directory(path: Path) -> Path:
    place = _place(path)
    if place is None:
        raise _refusal(path, "takes a file, and a directory is to be written")
    return place


def _facts(path: Path, place: Path) -> os.stat_result | None:
    """What the system says of `place`; None if nothing is there."""
    try:
        return os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror}") from error


def _work_beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.equalinfo")


# Checks


def _check_place(path: Path, place: Path, inputs: Inputs, grows: bool = False) -> os.stat_result | None:
    """What is at `place`, if output may go there at all."""
    facts = _facts(path, place)
    _refuse_inputs(path, place, facts, inputs, grows)
    for folder in place.parents:
        _refuse_artifact(path, folder)
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise _refusal(path, f"cannot be written, because {folder} is not a folder")
    return facts


def _refuse_inputs(
    path: Path, place: Path, facts: os.stat_result | None, inputs: Inputs, grows: bool = False
) -> None:
    """Raises if `place` is an input, lies in one or, unless it `grows`, holds one. Hard links are the same file."""

    def among(one: os.stat_result, paths: Iterable[Path]) -> bool:
        return any(status and os.path.samestat(one, status) for status in map(_status, paths))

    for named in map(Path, inputs):
        read = _status(0 if named == PIPE else named)
        # A terminal or /dev/null may well be both.
        if read is None or stat.S_ISCHR(read.st_mode):
            continue
        if facts and os.path.samestat(facts, read):
            raise _refusal(path, f"is the {'folder' if stat.S_ISDIR(read.st_mode) else 'file'} to be read")
        if stat.S_ISDIR(read.st_mode) and among(read, place.parents):
            raise _refusal(path, f"lies in {named}, which is to be read")
        if facts and not grows and named != PIPE and among(facts, Path(os.path.realpath(named)).parents):
            raise _refusal(path, f"holds {named}, which is to be read")


def _status(path: Path | int) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _refuse_artifact(path: Path, folder: Path) -> None:
    """Raises if `folder` is an artifact; `path` is in it, or would be."""
    if os.path.isfile(folder / MANIFEST):
        raise _refusal(path, f"is in the artifact {folder}, and an artifact has no other files than its own")


def _check_artifact(path: Path, place: Path, kind: str) -> None:
    """Raises unless `place` may be replaced by an artifact of this kind: it is one, or empty."""
    if not place.is_dir() or (os.listdir(place) and not os.path.isfile(place / MANIFEST)):
        raise _refusal(path, "exists and is not an equalinfo artifact")
    if not os.listdir(place):
        return
    manifest = read_json(place / MANIFEST)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise _refusal(
            path, f"has a damaged {MANIFEST}, so it may hold anything", "delete it or choose another --out"
        )
    if manifest.get("kind") != kind:
        raise _refusal(path, f"is an artifact of another kind ({manifest.get('kind')}, not {kind})")
    listed = {Path(name) for name in manifest["files"]}
    folders = {folder for name in listed for folder in name.parents}
    for parent, names, files in os.walk(place):
        if not os.access(parent, os.W_OK | os.X_OK):
            raise EqualInfoError(f"cannot write {path}: its folder {parent} is write-protected")
        below = Path(parent).relative_to(place)
        unknown = [below / name for name in names if below / name not in folders]
        # Artifacts inside have manifests too, which none lists.
        unknown += [below / name for name in files if name != MANIFEST and below / name not in listed]
        if unknown:
            raise _refusal(
                path,
                f"holds {min(unknown)}, which is not a part of the {kind}",
                "move it away or choose another --out",
            )


def _check_replaceable(path: Path, place: Path, facts: os.stat_result | None) -> None:
    """Raises if what is at `place` cannot be renamed or may not be written."""
    if facts is None:
        return
    folder = stat.S_ISDIR(facts.st_mode)
    advice = "choose a folder inside it" if folder else "choose another --out"
    if os.path.ismount(place) or str(place) in _mount_points():
        raise _refusal(path, "is a mount point, which cannot be replaced", advice)
    if folder and place in (Path.cwd(), *Path.cwd().parents):
        raise _refusal(path, "is or holds the working directory, which cannot be replaced", advice)
    parent = os.stat(place.parent)
    of_others = hasattr(os, "geteuid") and os.geteuid() not in (0, facts.st_uid, parent.st_uid)
    if not os.access(place, os.W_OK) or (parent.st_mode & stat.S_ISVTX and of_others):
        raise EqualInfoError(f"cannot write {path}: it is write-protected")


def _mount_points() -> set[str]:
    """All of them where Linux lists them: `ismount` does not see those within one file system."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return set()
    octal = re.compile(rb"\\([0-7]{3})")
    return {os.fsdecode(octal.sub(lambda n: bytes([int(n[1], 8)]), line.split()[4])) for line in lines}


# Writing


@contextmanager
def _write_errors(path: Path, work: Path) -> Iterator[None]:
    """Has errors of the disk name `path`; those that name another file are left as they are."""
    try:
        yield
    except ConnectionError:  # a reader of standard output that left, or a network
        raise
    except OSError as error:
        named = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else None
        if named is not None and work not in Path(os.fsdecode(named)).parents:
            raise
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def _written_as_it_is(path: Path) -> Iterator[IO[bytes]]:
    """Opens what is no ordinary file, which keeps being what it is."""
    descriptor = _descriptor(path)
    standard = to_standard_output(path)
    if standard and sys.stdout is None:
        raise EqualInfoError(f"cannot write {path}: standard output is closed")
    try:
        if standard:
            stream: IO[bytes] = sys.stdout.buffer
        else:
            # Opened by its name, a file behind a descriptor would lose what it holds.
            handle = os.dup(descriptor) if descriptor is not None else os.open(path, os.O_WRONLY)
            stream = os.fdopen(handle, "wb")
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror}") from error
    try:
        with _write_errors(path, path):
            yield stream
            stream.flush()
    finally:
        if not standard:
            with suppress(OSError):  # has been raised by the flush
                stream.close()


@contextmanager
def _reserved(path: Path, place: Path, work: Path, check: Callable[[], None]) -> Iterator[None]:
    """Checks, then holds the lock in the folder `work`, and leaves nothing behind."""
    check()
    missing = [folder for folder in work.parents if not folder.exists()]
    try:
        handle = _locked(path, work)
        _HELD.add(handle)
        try:
            _settle(work, place)
            check()  # another process may have been at it
            yield
        finally:
            _settle(work, place)
            (work / "lock").unlink(missing_ok=True)
            with suppress(OSError):
                work.rmdir()
            _HELD.discard(handle)
            os.close(handle)
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()  # if nothing came of it


def _locked(path: Path, work: Path) -> int:
    """Opens and locks `work`/lock; the system lets go of it when the process ends, however it does."""
    for _ in range(100):  # its holder may end just now, and remove what is opened here
        try:
            work.parent.mkdir(parents=True, exist_ok=True)
            _make_work(work)
            handle = os.open(work / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except FileNotFoundError as error:
            failed: OSError = error
            continue
        except OSError as error:
            failed = error
            break
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise EqualInfoError(
                f"another process is writing {path}; wait for it or choose another --out"
            ) from None
        except OSError:
            pass  # a file system without locks
        there = _status(work / "lock")
        if there and os.path.samestat(there, os.fstat(handle)):
            return handle
        os.close(handle)
        failed = OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(work))
    raise EqualInfoError(f"cannot write {path}: {failed.strerror} ({failed.filename})") from failed


def _make_work(work: Path) -> None:
    try:
        work.mkdir(0o700)
    except FileExistsError:
        # Where all may write, as in /tmp, somebody else may have put a trap there.
        there = os.lstat(work)
        if not stat.S_ISDIR(there.st_mode) or (hasattr(os, "geteuid") and there.st_uid != os.geteuid()):
            raise EqualInfoError(f"{work} is in the way and not of this user; remove it") from None


def _settle(work: Path, place: Path) -> None:
    """Removes what a run left; a directory goes back that was moved away and not replaced."""
    new, old = work / "new", work / "old"
    if old.is_dir() and not os.path.lexists(place):
        os.replace(old, place)
    for left in (new, old):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


# A process that forks, as readers of training data are, must not keep the lock after the one that took it has ended.
_HELD: set[int] = set()


def _let_go() -> None:
    for handle in _HELD:
        os.close(handle)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
