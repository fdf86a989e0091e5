"""What each front end does to WER, against how much noise it removes."""

from pathlib import Path

import numpy as np

from kdse.compare.recordings import CLEAN, NOISY
from kdse.compare.rows import NO_RECOGNISER
from kdse.compare.table import REMOVED, Comparison
from kdse.report.plots.style import bars, blank, save
from kdse.scoring.metrics import Metric

COLOURS = {"student": "#4477aa", "peer": "#ee6677", "classical": "#ccbb44", "command": "#aa3377"}
"""By kind, of Paul Tol's 'bright' scheme."""
MARKERS = "osD^vPX*<>hp"


def plot(comparison: Comparison, path: Path) -> bool:
    """Draw the change of WER with its interval against that of DNSMOS BAK, and of SI-SDR where there is clean speech, a column for
    each recogniser; return whether there was anything to draw."""
    if NO_RECOGNISER in comparison.systems:
        return False
    metrics = [metric for metric in REMOVED if comparison.has(metric)]
    names = [name for name in comparison.any if name not in (NOISY, CLEAN)]
    if not metrics or not names:
        return False
    listeners = list(comparison.systems)
    figure, grid = blank(5.2 * len(listeners) + 1.8, 3.9 * len(metrics), len(metrics), len(listeners))
    axes_of = np.atleast_1d(grid).reshape(len(metrics), len(listeners))
    for metric, line in zip(metrics, axes_of, strict=True):
        for listener, axes in zip(listeners, line, strict=True):
            _panel(axes, comparison, listener, metric, names)
    axes_of[0, -1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.suptitle(f"{comparison.facts['folder']}: below the line words are gained, to the right noise is removed", fontsize=10)
    save(figure, path)
    return True


def _panel(axes, comparison: Comparison, listener: str, metric: Metric, names: list[str]) -> None:
    kinds = {system["name"]: system["kind"] for system in comparison.facts["systems"]}
    axes.axhline(0, color="#666666", lw=1)
    axes.plot(0, 0, "k+", ms=9, label="noisy")
    counts: dict[str, int] = {}
    for name in names:
        words, removed = comparison.change(listener, name), comparison.change(listener, name, metric)
        if words is None or removed is None:
            continue
        kind = kinds[name]
        counts[kind] = counts.get(kind, -1) + 1
        y, interval = bars([words])
        style = {"color": COLOURS.get(kind, "#222222"), "marker": MARKERS[counts[kind] % len(MARKERS)], "label": name}
        axes.errorbar([removed.value], y, interval, capsize=3, ls="", ms=6, alpha=0.9, **style)
    axes.set(xlabel=REMOVED[metric], ylabel="WER, change to noisy in points", title=listener)
    axes.title.set_fontsize(10)
