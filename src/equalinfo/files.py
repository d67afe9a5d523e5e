"""Files that appear whole or not at all, the manifests of artifacts, and the hashes that name them."""

import hashlib
import json
import os
import re
import secrets
import stat
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from equalinfo.errors import DamagedArtifact, EqualInfoError

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a binary file that replaces `path` when the block ends without an error.

    For files in a directory that is being made, or that workers share. What a user names is `outputs.output_file`'s.
    """
    path = Path(path)
    if path.is_dir():
        raise EqualInfoError(f"{path} is a directory; name a file to write")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if path.exists() else 0o666  # as private as the old file may be, or as the umask has it
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        copy_mode(path, temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise EqualInfoError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


PART = re.compile(r"^\..+\.[0-9a-f]{8}\.part$")  # what `atomic_file` leaves where it is killed


def copy_mode(old: Path, new: Path) -> None:
    """Gives `new` the mode of `old`, if that is there and of the same type; owner and group where that is allowed."""
    try:
        before, after = old.stat(), new.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_IFMT(before.st_mode) != stat.S_IFMT(after.st_mode):
        return
    if hasattr(os, "chown"):
        for user in (before.st_uid, -1):
            with suppress(OSError):
                os.chown(new, user, before.st_gid)
                break
    # What the old group could read is not for another one.
    kept = 0o777 if new.stat().st_gid == before.st_gid else 0o707
    kept |= 0o7000 if stat.S_ISDIR(before.st_mode) else 0
    with suppress(OSError):  # file systems without modes
        os.chmod(new, before.st_mode & kept)


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


def parse_json(text: bytes) -> Any:
    """The JSON value of UTF-8 text; ValueError otherwise.

    `json.loads` guesses at the encoding of bytes, and would take UTF-16 and UTF-32 too.
    """
    try:
        return json.loads(text.removeprefix(BOM_UTF8).decode("utf-8", "surrogatepass"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: Path) -> Any:
    """The JSON value in `path`; DamagedArtifact with one line if it is missing or not JSON."""
    require_file(path)
    try:
        return parse_json(Path(path).read_bytes())
    except (ValueError, OSError) as error:
        raise DamagedArtifact(f"{path} cannot be read as JSON ({error}); make it again") from error


def require_file(path: Path) -> None:
    """Raises DamagedArtifact unless `path` is an ordinary file: reading a pipe or a device may not end."""
    try:
        is_file = Path(path).is_file()
    except OSError as error:
        raise DamagedArtifact(f"{path} cannot be read ({error.strerror})") from error
    if not is_file:
        raise DamagedArtifact(f"{path} is missing; is {Path(path).parent} the right directory?")


def write_array(stream: IO[bytes], array: "np.ndarray") -> None:
    """Writes a .npy file; to a stream of the system, `numpy.save` writes by a call that hides that the disk is full."""
    import numpy as np

    np.save(SimpleNamespace(write=stream.write), array, allow_pickle=False)


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

    Called last, inside `outputs.output_directory`.

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


def kind_of(directory: Path) -> str | None:
    """What kind of artifact a directory says it is; None if it is none. Nothing is checked."""
    manifest = read_json(directory / MANIFEST) if (directory / MANIFEST).is_file() else None
    return manifest.get("kind") if isinstance(manifest, dict) else None


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
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not all(map(_is_below, files)):
        raise DamagedArtifact(f"{directory / MANIFEST} is damaged; make the {kind} again")
    if manifest.get("kind") != kind:
        raise EqualInfoError(f"{directory} is a {manifest.get('kind')}, not a {kind}")
    if manifest.get("format") != FORMAT:
        raise DamagedArtifact(
            f"{directory} has format {manifest.get('format')}, this equalinfo reads {FORMAT}; "
            f"install the version that wrote it or make the {kind} again"
        )
    if verify:
        for name in files:
            path = directory / name
            require_file(path)
            if path.name not in shared and not as_written(directory, manifest, name):
                raise DamagedArtifact(f"{path} is damaged (its SHA-256 differs); make the {kind} again")
    return manifest


def _is_below(name: str) -> bool:
    """Whether a path in a manifest stays inside its directory."""
    path = PurePath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def as_written(directory: Path, manifest: dict[str, Any], name: str) -> bool:
    """Whether a file of an artifact directory is the one its manifest was written with, or is not listed there.

    Raises:
        EqualInfoError: it cannot be read.
    """
    expected = manifest["files"].get(name)
    try:
        return expected is None or sha256_file(directory / name) == expected
    except OSError as error:
        raise EqualInfoError(f"cannot read {directory / name}: {error.strerror or error}") from error
