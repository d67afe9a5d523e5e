"""Files and directories that appear whole or not at all, and the hashes that name them.

Everything is written beside its destination and renamed into place, so a kill, a full disk or an
error leaves either the old artifact or the new one, never a part of it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from equalinfo.errors import DamagedArtifact, EqualInfoError


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a binary file that replaces `path` when the block ends without an error."""
    path = Path(path)
    if path.is_dir():
        raise EqualInfoError(f"{path} is a directory; name a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Gives an empty directory that becomes `path` when the block ends without an error.

    An artifact already at `path` is replaced; a directory that is not an artifact of this package
    (it has no ``equalinfo.json``) is refused, so that a mistyped ``--out`` destroys nothing.
    """
    path = Path(path)
    refuse_foreign_directory(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        temporary.chmod(0o755)
        yield temporary
        replace_directory(temporary, path, temporary.with_suffix(".old"))
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_directory(new: Path, path: Path, old: Path) -> None:
    """Renames `new` to `path`, on the same file system; what stood at `path` stands at `old` meanwhile."""
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(path, old)
    os.replace(new, path)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path`, which the system lets go when the process ends, however it does.

    Raises:
        EqualInfoError: another process holds it.
    """
    with open(path, "ab") as stream:
        try:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # a system without such locks
        except BlockingIOError:
            raise EqualInfoError(f"another process is writing {path.parent}; wait for it") from None
        except OSError:
            pass  # a file system without them
        yield


def refuse_foreign_directory(path: Path) -> None:
    """Raises EqualInfoError if writing an artifact to `path` would destroy something else.

    Commands call it before long work, so that the refusal comes at the start.
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file()):
        raise EqualInfoError(f"{path} exists and is not an equalinfo artifact; choose another --out")


MANIFEST = "equalinfo.json"


def json_bytes(value: Any) -> bytes:
    """`value` as JSON that is the same for equal values: sorted keys, a final newline.

    File names that are not UTF-8 pass through `json.loads` of these bytes unchanged.
    """
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")


def write_json(path: Path, value: Any) -> None:
    with atomic_file(path) as stream:
        stream.write(json_bytes(value))


def read_json(path: Path) -> Any:
    """The JSON value in `path`; DamagedArtifact with one line if it is missing or not JSON."""
    try:
        return json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise DamagedArtifact(f"{path} is missing; is {Path(path).parent} the right directory?") from None
    except (ValueError, OSError) as error:
        raise DamagedArtifact(f"{path} cannot be read as JSON ({error}); make it again") from error


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's contents, read in pieces."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(
    directory: Path, kind: str, known: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    """Writes ``equalinfo.json`` naming the artifact's kind, format version and every file's SHA-256.

    Called last, inside `atomic_directory`.

    Args:
        known: hashes that need not be computed again, by path below `directory`.
    """
    known = known or {}
    files = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            name = str(path.relative_to(directory))
            files[name] = known.get(name) or sha256_file(path)
    manifest = {"kind": kind, "format": FORMAT, "files": files, **fields}
    (directory / MANIFEST).write_bytes(json_bytes(manifest))
    return manifest


FORMAT = 1


def read_manifest(
    directory: Path, kind: str, verify: bool = True, shared: Collection[str] = ()
) -> dict[str, Any]:
    """The manifest of an artifact directory, after checking its kind, version and file hashes.

    Args:
        shared: names of files that other libraries write too where they save into the directory. Their hashes are
            not checked here: whoever needs what such a file says asks `as_written`.

    Raises:
        EqualInfoError: no such directory, or an artifact of another kind.
        DamagedArtifact: a file is missing or altered, or a newer version wrote it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise EqualInfoError(f"{directory}: no such {kind} directory")
    if not (directory / MANIFEST).is_file():
        raise EqualInfoError(f"{directory} is not an equalinfo {kind} (it has no {MANIFEST})")
    manifest = read_json(directory / MANIFEST)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise DamagedArtifact(f"{directory / MANIFEST} is damaged; make the {kind} again")
    if manifest.get("kind") != kind:
        raise EqualInfoError(f"{directory} is a {manifest.get('kind')}, not a {kind}")
    if manifest.get("format") != FORMAT:
        raise DamagedArtifact(
            f"{directory} has format {manifest.get('format')}, this equalinfo reads {FORMAT}; "
            f"install the version that wrote it or make the {kind} again"
        )
    if verify:
        for name in manifest["files"]:
            path = directory / name
            if not path.is_file():
                raise DamagedArtifact(f"{path} is missing; make the {kind} again")
            if path.name not in shared and not as_written(directory, manifest, name):
                raise DamagedArtifact(f"{path} is damaged (its SHA-256 differs); make the {kind} again")
    return manifest


def as_written(directory: Path, manifest: dict[str, Any], name: str) -> bool:
    """Whether a file of an artifact directory is the one its manifest was written with, or is not listed there."""
    expected = manifest["files"].get(name)
    return expected is None or sha256_file(directory / name) == expected
