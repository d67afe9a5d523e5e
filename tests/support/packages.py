"""Tiny packages as the registries give them, and a stand-in for the tools that fetch them."""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.corpus_mix import packages

Files = dict[str, str | bytes]


def data_of(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def laid_out(folder: Path, files: Files) -> Path:
    """The files below a folder, as a package unpacks."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data_of(content))
    return folder


def wheel(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, data_of(content))
    return path


def tarball(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data_of(content))
            archive.addfile(member, io.BytesIO(data_of(content)))
    return path


class Registries:
    """Answers the calls of pip, npm and apt-get from files; counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[str, Path] = {}
        self.calls: list[str] = []
        self.missing: set[str] = set()
        real = subprocess.run

        def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
            tool = "pip" if command[0] == sys.executable else command[0]
            if tool in self.missing:
                raise FileNotFoundError(tool)
            if tool == "dpkg-deb":
                return real(command, **options)
            wanted = command[-1]
            self.calls.append(f"{tool} {wanted}")
            if wanted not in self.files:
                return subprocess.CompletedProcess(command, 1, b"", b"notice: x\nERROR: no such package\nbye")
            file = self.files[wanted]
            (options["cwd"] / file.name).write_bytes(file.read_bytes())
            return subprocess.CompletedProcess(command, 0, b"", b"")

        monkeypatch.setattr(packages.subprocess, "run", run)


def sentences(name: str, count: int = 12) -> str:
    """Paragraphs that no other name gives."""
    words = [f"The {name} {'abcdefghijklmnopqrst'[number]} paragraph tells of things that no other one tells of."
             for number in range(count)]  # fmt: skip
    return "\n\n".join(words)
