"""The site of docs/ builds without a network, and a link or an anchor that leads nowhere stops it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings_handlers")

# mkdocs as its command runs it, where every connection fails.
BUILD = """
import socket, sys
def refuse(*arguments, **named):
    raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli(["build", "--site-dir", sys.argv[1]])
"""


def built(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BUILD, str(site)], cwd=root, capture_output=True, text=True)


def test_the_site_builds_and_asks_no_network(tmp_path: Path) -> None:
    done = built(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {
        path.relative_to(tmp_path / "site").as_posix(): path.read_text() for path in tmp_path.rglob("*.html")
    }
    assert "decode" in pages["api/tokenizers.html"]
    assert "repository/src/equalinfo/tokens/spec.py.html" in pages  # what the README links to
    loads = (
        r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//|<link[^>]*rel="stylesheet"[^>]*href="(?:https?:)?//'
    )
    assert [name for name, page in pages.items() if re.search(loads, page)] == []


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("[x](nowhere.md)", "nowhere.md"),
        ("[x](../src/equalinfo/nowhere.py)", "nowhere.py"),
        ("[x](methods.md#nowhere)", "nowhere"),
    ],
)
def test_a_broken_link_stops_it(link: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Start\n\n{link}\n")
    (tmp_path / "docs" / "methods.md").write_text("# Methods\n")
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "docs_site.py", tmp_path / "scripts")
    settings = (ROOT / "mkdocs.yml").read_text().partition("nav:\n  - Start")[0]
    (tmp_path / "mkdocs.yml").write_text(settings)
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert complaint in done.stderr
