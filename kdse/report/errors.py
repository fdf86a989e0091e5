"""The error of enhanced speech split into left-over noise and artifacts, and what each does to recognition."""

from pathlib import Path

import numpy as np

from kdse.report.omega import tried
from kdse.report.plots import blank, save
from kdse.report.rows import WER, Results, System
from kdse.scoring.separation import artifact_error

ORACLE = "oracle_irm"
Point = tuple[float, float, float]
"""Artifact error and noise error in dB of the speech's energy, and WER in per cent."""


def errors(system: System, set_name: str) -> Point | None:
    """Means over the items that have SDR and SIR; None where none has.

    The artifact error follows from SDR and SIR (see kdse/scoring/separation.py), the noise error is −SIR.
    """
    rows = [row for row in system.rows_on(set_name) if row["sdr"] is not None and row["sir"] is not None]
    wer = system.scores(set_name, WER).value
    if not rows or wer is None:
        return None
    artifacts = float(np.mean([artifact_error(row["sdr"], row["sir"]) for row in rows]))
    return artifacts, float(np.mean([-row["sir"] for row in rows])), wer


def paths(results: Results, systems: list[System], set_name: str) -> dict[str, list[Point]]:
    """{label: its point at each ω that was tried, 0 first} of the systems that have errors to show."""
    found = {}
    for system in systems:
        points = [errors(s, set_name) for s in tried(results, system, set_name) or [system]]
        if points and points[0] is not None and system.approach != "mct_noisy":
            same = any(system is s for s in results.from_one_start(set_name))
            found[system.approach if same else results.label(system)] = [p for p in points if p is not None]
    return found


def plot_errors(results: Results, set_name: str, path: Path) -> bool:
    """Draw noise error against artifact error with WER as colour; return whether there was anything to draw.

    A line goes from ω = 0, where the name stands, towards the mixture, whose noise error is a dotted line because it has no
    artifacts. Headline systems in one panel, those that began with the same weights in another.
    """
    groups = {"headline": results.headline(set_name), "from the same start": results.from_one_start(set_name)}
    drawn = {title: found for title, systems in groups.items() if (found := paths(results, systems, set_name))}
    if not drawn:
        return False
    figure, grid = blank(7.2 * len(drawn), 5.6, 1, len(drawn))
    panels = np.atleast_1d(grid).ravel()
    # A ceiling would take most of the colours for itself.
    wers = [wer for found in drawn.values() for label, points in found.items() if label != ORACLE for *_, wer in points] or [
        0.0,
        1.0,
    ]
    bare = next((errors(s, set_name) for s in results.on(set_name) if s.approach == "mct_noisy"), None)
    scatter = None
    for axes, (title, found) in zip(panels, drawn.items(), strict=True):
        for points in found.values():
            x, y, colour = np.array(points).T
            axes.plot(x, y, color="#999999", lw=0.8, zorder=1)
            sizes = [46, *[14] * (len(x) - 1)]
            scatter = axes.scatter(x, y, c=colour, cmap="viridis_r", vmin=min(wers), vmax=max(wers), s=sizes, zorder=2)
        if bare:
            axes.axhline(bare[1], color="#666666", ls=":", lw=1)
            where = {"xycoords": ("axes fraction", "data"), "fontsize": 7, "va": "bottom"}
            axes.annotate(f"no front end, {bare[2]:.1f} %", (0.01, bare[1]), **where)
        axes.set(xlabel="artifact error in dB of the speech", ylabel="noise error in dB of the speech", title=title)
        _name(axes, found)
    figure.colorbar(scatter, ax=panels.tolist(), label="WER in %", pad=0.14, extend="min")
    figure.suptitle(f"{set_name}, {results.corpus}: what is wrong with enhanced speech; lines go to larger ω", fontsize=10)
    save(figure, path)
    return True


def _name(axes, found: dict[str, list[Point]]) -> None:
    """Write the names in a column at the right, in the order of their points at ω = 0, so that none hides another."""
    low, high = axes.get_ylim()
    gap, place = 0.045, -np.inf
    for label, points in sorted(found.items(), key=lambda pair: pair[1][0][1]):
        x, y, wer = points[0]
        place = max((y - low) / (high - low), place + gap)
        line = {"arrowstyle": "-", "color": "#bbbbbb", "lw": 0.5, "shrinkA": 0, "shrinkB": 3}
        at = {"xytext": (1.02, place), "textcoords": "axes fraction", "annotation_clip": False}
        axes.annotate(f"{label}, {wer:.1f} %", (x, y), fontsize=7, va="center", arrowprops=line, **at)
