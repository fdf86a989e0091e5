"""How plots look, and the file they become."""

from pathlib import Path

import numpy as np

from kdse.approaches.registry import describe
from kdse.core.atomic import atomic_path
from kdse.scoring.significance import Estimate

OTHER_COLOURS = ("#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#222222")
"""For approaches without a colour of their own in the registry; of Paul Tol's 'bright' scheme too."""
MARKERS = "osD^vPX*"


def colour_of(approach: str, number: int = 0) -> str:
    """An approach's colour, the same in every plot; of one without a colour the `number`-th of the others."""
    return describe(approach).colour or OTHER_COLOURS[number % len(OTHER_COLOURS)]


def blank(width: float, height: float, rows: int = 1, columns: int = 1):
    """A figure of so many inches without pyplot, so that no window system and no global state is involved."""
    # a second, which a report without plots and every test of tables would wait for
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns)
    for axes in np.atleast_1d(grid).ravel():
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color="#dddddd", lw=0.6)
        axes.set_axisbelow(True)
    return figure, grid


def panels(width: float, height: float, count: int, most_columns: int, margin: tuple[float, float]):
    """A figure of `count` panels of so many inches each; returns it and the axes, of which those too many are hidden."""
    columns = min(most_columns, count)
    lines = -(-count // columns)
    figure, grid = blank(width * columns + margin[0], height * lines + margin[1], lines, columns)
    every = list(np.atleast_1d(grid).ravel())
    for axes in every[count:]:
        axes.set_visible(False)
    return figure, every[:count]


def bars(estimates: list[Estimate]) -> tuple[np.ndarray, np.ndarray]:
    """Values, and the lengths of their intervals below and above, 0 where there is none: what `errorbar` takes."""
    y = np.array([e.value for e in estimates])
    ends = np.array([(e.value, e.value) if e.low is None else (e.low, e.high) for e in estimates])
    return y, np.clip([y - ends[:, 0], ends[:, 1] - y], 0, None)


def save(figure, path: Path) -> None:
    """Write the figure as PNG."""
    with atomic_path(path) as part:
        figure.savefig(part, dpi=130, metadata={"Software": None})  # no version text: the same picture is the same file
