"""Wheels and source distributions contain what ships."""

import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta; build_meta.{}(sys.argv[1])"
SHIPPED = ("card.json", "compact.safetensors.gz", "equalinfo.json")


def project_copy(project: Path) -> Path:
    """What a package is built from, where it can be written."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src" / "equalinfo", project / "src" / "equalinfo", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    for path in project.rglob("*"):  # where this clone is read-only
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return project


def test_packages_contain_the_reference_folder(tmp_path: Path) -> None:
    setuptools = pytest.importorskip("setuptools")
    if tuple(map(int, setuptools.__version__.split(".")[:2])) < (77, 0):
        pytest.skip("setuptools before 77 knows no licence by its name")
    project = project_copy(tmp_path / "project")
    added = project / "src" / "equalinfo" / "reference" / "stand-in"
    added.mkdir(parents=True)
    for name in SHIPPED:
        (added / name).write_text(name)
    expected = {
        str(file.relative_to(project / "src"))
        for file in (project / "src" / "equalinfo" / "reference").rglob("*")
        if file.is_file()
    } | {"equalinfo/coding/mixing/primer.txt"}
    for kind in ("build_sdist", "build_wheel"):
        command = [sys.executable, "-c", BUILD.format(kind), str(tmp_path / "made")]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
    (wheel,), (source,) = (tmp_path / "made").glob("*.whl"), (tmp_path / "made").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        assert expected <= set(file.namelist())
    with tarfile.open(source) as archive:
        names = {name.partition("/src/")[2] for name in archive.getnames()}
    assert expected <= names
