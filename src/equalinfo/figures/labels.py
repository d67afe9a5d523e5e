"""Where names stand beside the points of a plot, so that they do not lie on each other."""

from collections.abc import Sequence

import numpy as np

from equalinfo.figures.figure import Panel


def label_places(panel: Panel) -> list[list[str]]:
    """Where the labels of each series stand: "top", "middle" or "bottom", then "center", "left" or "right".

    Each takes the place where it lies least on labels that have one, on points, and over the edges.
    """
    points = [(series.x[i], series.y[i]) for series in panel.series for i in range(len(series.y))]
    if not points or not _labelled(panel):
        return [[] for _ in panel.series]
    xs = _along([float(x) for x, _ in points], panel.x_log)
    ys = _along([y for _, y in points] + [level for level, _ in panel.levels], panel.y_log)
    up = _spread(ys, Y_ROOM)[: len(points)] * PLOT_HEIGHT
    at = np.stack([_spread(xs, X_ROOM) * PLOT_WIDTH, up], axis=1)
    marks = [np.concatenate([point - 5, point + 5]) for point in at]
    labels = [label for series in panel.series for label in series.labels or [""] * len(series.y)]
    boxes = [
        [_box(point, len(text) * CHARACTER, place) for place in PLACES]
        for point, text in zip(at, labels, strict=True)
    ]
    chosen = [0] * len(labels)
    for _ in range(SWEEPS):
        for i, text in enumerate(labels):
            if text:
                others = [
                    boxes_of_label[chosen[j]]
                    for j, boxes_of_label in enumerate(boxes)
                    if j != i and labels[j]
                ]
                chosen[i] = min(
                    range(len(PLACES)), key=lambda n: (_over(boxes[i][n], marks * COVERED + others), n)
                )
    names = iter([PLACES[number] for number in chosen])
    return [[next(names) for _ in series.y][: len(series.labels)] for series in panel.series]


SWEEPS, COVERED = 4, 20  # a covered point is worse than a covered label
PLACES = [f"{up} {across}" for up in ("top", "bottom") for across in ("center", "right", "left")]
PLACES += ["middle right", "middle left"]
PLOT_WIDTH, PLOT_HEIGHT, CHARACTER, LINE = 680.0, 330.0, 5.8, 13.0  # pixels, about
X_ROOM, Y_ROOM = 0.1, 0.05  # at each end of an axis, of its length


def x_ends(panel: Panel) -> tuple[float, float] | None:
    """Ends of an axis with room for labels at both; None where there are none."""
    values = [float(x) for series in panel.series for x in series.x] if _labelled(panel) else []
    if not values or min(values) == max(values):
        return None
    along = _along(values, panel.x_log)
    room = X_ROOM / (1 - 2 * X_ROOM) * np.ptp(along)
    low, high = (float(end) for end in (along.min() - room, along.max() + room))
    return (10**low, 10**high) if panel.x_log else (low, high)


def _labelled(panel: Panel) -> bool:
    return any(series.labels for series in panel.series)


def _along(values: Sequence[float], logarithmic: bool) -> np.ndarray:
    return np.log10(values) if logarithmic else np.array(values)


def _spread(values: np.ndarray, room: float) -> np.ndarray:
    """Where values stand on an axis from 0 to 1 that has some room at its ends."""
    width = float(np.ptp(values))
    return room + (1 - 2 * room) * (values - values.min()) / width if width else np.full(len(values), 0.5)


def _box(point: np.ndarray, width: float, place: str) -> np.ndarray:
    """Left, bottom, right and top of a label."""
    up, across = place.split()
    left = point[0] + {"center": -width / 2, "right": 6.0, "left": -6.0 - width}[across]
    bottom = point[1] + {"top": 6.0, "middle": -LINE / 2, "bottom": -6.0 - LINE}[up]
    return np.array([left, bottom, left + width, bottom + LINE])


def _over(box: np.ndarray, taken: list[np.ndarray]) -> float:
    """Area of a label that lies on others or, twice as bad, beyond the plot."""
    across, up = (
        max(0.0, min(box[2 + i], size) - max(box[i], 0.0)) for i, size in enumerate((PLOT_WIDTH, PLOT_HEIGHT))
    )
    area = 2 * ((box[2] - box[0]) * (box[3] - box[1]) - across * up)
    for other in taken:
        shared = [max(0.0, min(box[2 + i], other[2 + i]) - max(box[i], other[i])) for i in range(2)]
        area += shared[0] * shared[1]
    return float(area)
