"""The page's own parts: templates, styles and scripts beside this file."""

from functools import cache
from importlib.resources import files

import jinja2
from plotly.offline import get_plotlyjs

from equalinfo.report.live import packed


@cache
def part(name: str) -> str:
    """A file as it is."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def template(name: str) -> jinja2.Template:
    """A file as a template, which escapes all that it is given."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(part(name))


@cache
def plotly_library() -> str:
    """Plotly's script, packed."""
    return packed(get_plotlyjs().encode())
