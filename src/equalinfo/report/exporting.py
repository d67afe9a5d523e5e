"""The page's figures as files, drawn as those of the experiments are."""

import re
from collections.abc import Mapping
from pathlib import Path

from equalinfo.experiments.drawing import write_figure
from equalinfo.experiments.figures import Figure
from equalinfo.outputs import Inputs

KINDS = ("svg", "png")


def write_figures(figures: Mapping[str, Figure], folder: Path, inputs: Inputs = ()) -> list[Path]:
    """Each figure as NAME.svg and NAME.png.

    Raises:
        EqualInfoError: matplotlib is missing, or `folder` cannot be written.
    """
    written = []
    for name, figure in figures.items():
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
        for kind in KINDS:
            path = folder / f"{safe}.{kind}"
            write_figure(figure, path, inputs)
            written.append(path)
    return written
