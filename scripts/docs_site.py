"""Hooks of mkdocs: pages link to files of the repository, so the site holds those files too.

In a checkout `../src/equalinfo/files.py` opens the file. In the site such a link opens a page with its text, or a copy
of it where a browser shows it well. What those files link to comes along. Links that lead nowhere stay as they are,
and mkdocs, which is strict (`mkdocs.yml`), stops at them.
"""

import re
from pathlib import Path
from posixpath import dirname, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")
COPIED = (".json", ".jsonl", ".svg", ".png")
LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "sh", ".js": "javascript"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files of the repository that pages link to, and those that these link to."""
    waiting = [file for file in files if file.is_documentation_page()]
    while waiting:
        page = waiting.pop()
        for target in LINK.findall(page.content_string):
            path = _in_repository(page.src_uri, target)
            if path and not path.startswith(DOCS) and files.get_file_from_path(_in_site(path)) is None:
                added = _file(path, config)
                files.append(added)
                if path.endswith(".md"):
                    waiting.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links to files of the repository at what the site has of them."""

    def pointed(link: re.Match[str]) -> str:
        path = _in_repository(page.file.src_uri, link[0])
        if path is None:
            return link[0]
        _, mark, anchor = link[0].partition("#")
        return relpath(_in_site(path), dirname(page.file.src_uri) or ".") + mark + anchor

    return LINK.sub(pointed, markdown)


def _in_repository(page: str, target: str) -> str | None:
    """The file that a page's link means, from the root of the repository; None if it is no such file.

    Args:
        page: the page's place in the site's sources.
    """
    path = target.partition("#")[0]
    if not path or re.match(r"\w+:", path):
        return None
    here = page.removeprefix("repository/") if page.startswith("repository/") else DOCS + page
    found = normpath(f"{dirname(here)}/{path}") if dirname(here) else normpath(path)
    return found if (ROOT / found).is_file() and not found.startswith("..") else None


def _in_site(path: str) -> str:
    """Where the site's sources have a file of the repository."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return f"repository/{path}" + ("" if path.endswith((".md", *COPIED)) else ".md")


def _file(path: str, config: MkDocsConfig) -> File:
    if path.endswith(COPIED):
        return File.generated(config, _in_site(path), abs_src_path=str(ROOT / path))
    text = (ROOT / path).read_text()
    if not path.endswith(".md"):
        fence = "````"
        text = f"# {path}\n\n{fence}{LANGUAGES.get(Path(path).suffix, '')}\n{text.rstrip()}\n{fence}\n"
    return File.generated(config, _in_site(path), content=text, inclusion=InclusionLevel.NOT_IN_NAV)
