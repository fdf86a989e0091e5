"""The error of enhanced speech split into left-over noise and artifacts, and what each does to recognition."""

from pathlib import Path

import numpy as np

from kdse.approaches.registry import NO_FRONT_END, ORACLE
from kdse.report.plots.style import blank, colour_of, save
from kdse.report.results import Results
from kdse.report.systems import System, find
from kdse.report.tables.omega import omegas_tried
from kdse.scoring.metrics import WER
from kdse.scoring.separation import artifact_error

Point = tuple[float, float, float]
"""Artifact error and noise error in dB of the speech's energy, and WER in per cent."""
Paths = dict[str, list[Point]]
"""{label: its point at each ω, 0 first}."""


def noise_and_artifacts(system: System, set_name: str) -> Point | None:
    """Means over the items that have SDR and SIR; None where none has.

    The artifact error follows from SDR and SIR (see kdse/scoring/separation.py), the noise error is −SIR.
    """
    rows = [row for row in system.rows_on(set_name) if row["sdr"] is not None and row["sir"] is not None]
    wer = system.scores(set_name, WER).value
    if not rows or wer is None:
        return None
    artifacts = float(np.mean([artifact_error(row["sdr"], row["sir"]) for row in rows]))
    return artifacts, float(np.mean([-row["sir"] for row in rows])), wer


def paths(results: Results, systems: list[System], set_name: str) -> Paths:
    """The systems that have both errors, each with every ω that was tried; not the mixture itself, which has no artifacts."""
    compared = {system.family for system in results.from_one_start(set_name)}
    points_of: Paths = {}
    for system in systems:
        if system.approach == NO_FRONT_END:
            continue
        tried = omegas_tried(results, system, set_name) or [system]
        points = [noise_and_artifacts(s, set_name) for s in tried]
        if points[0] is not None:
            label = system.approach if system.family in compared else results.label(system)
            points_of[label] = [point for point in points if point is not None]
    return points_of


def plot_noise_artifacts(results: Results, set_name: str, path: Path) -> bool:
    """Draw noise error against artifact error with WER as colour; return whether there was anything to draw.

    A line goes from ω = 0, where the name stands, towards the mixture, whose noise error is a dotted line because it has no
    artifacts. Headline systems in one panel, those that began with the same weights in another.
    """
    groups = {"headline": results.headline(set_name), "from the same start": results.from_one_start(set_name)}
    panels = {title: points for title, systems in groups.items() if (points := paths(results, systems, set_name))}
    if not panels:
        return False
    figure, grid = blank(7.2 * len(panels), 5.6, 1, len(panels))
    every = np.atleast_1d(grid).ravel()
    bare = find(results.on(set_name), NO_FRONT_END)
    mixture, limits, scatter = bare and noise_and_artifacts(bare, set_name), _colour_limits(panels), None
    for axes, (title, points_of) in zip(every, panels.items(), strict=True):
        scatter = _draw_panel(axes, points_of, mixture, limits)
        axes.set(xlabel="artifact error in dB of the speech", ylabel="noise error in dB of the speech", title=title)
        _write_names(axes, points_of)
    figure.colorbar(scatter, ax=every.tolist(), label="WER in %", pad=0.14, extend="min")
    figure.suptitle(f"{set_name}, {results.corpus}: what is wrong with enhanced speech; lines go to larger ω", fontsize=10)
    save(figure, path)
    return True


def _colour_limits(panels: dict[str, Paths]) -> tuple[float, float]:
    """Lowest and highest WER, without that of a ceiling, which would take most of the colours for itself."""
    wers = []
    for points_of in panels.values():
        for label, points in points_of.items():
            if label != ORACLE:
                wers += [wer for *_, wer in points]
    return (min(wers), max(wers)) if wers else (0.0, 1.0)


def _draw_panel(axes, points_of: Paths, mixture: Point | None, limits: tuple[float, float]):
    """Draw the paths, and the mixture's noise error; return the points, for the colour bar."""
    scatter = None
    low, high = limits
    for points in points_of.values():
        x, y, colour = np.array(points).T
        axes.plot(x, y, color="#999999", lw=0.8, zorder=1)
        sizes = [46, *[14] * (len(x) - 1)]
        scatter = axes.scatter(x, y, c=colour, cmap="viridis_r", vmin=low, vmax=high, s=sizes, zorder=2)
    if mixture:
        _, noise, wer = mixture
        axes.axhline(noise, color=colour_of(NO_FRONT_END), ls=":", lw=1)
        where = {"xycoords": ("axes fraction", "data"), "fontsize": 7, "va": "bottom"}
        axes.annotate(f"no front end, {wer:.1f} %", (0.01, noise), **where)
    return scatter


def _write_names(axes, points_of: Paths) -> None:
    """Write the names in a column at the right, in the order of their points at ω = 0, so that none hides another."""
    low, high = axes.get_ylim()
    gap, place = 0.045, -np.inf
    for label, points in sorted(points_of.items(), key=lambda pair: pair[1][0][1]):
        x, y, wer = points[0]
        place = max((y - low) / (high - low), place + gap)
        line = {"arrowstyle": "-", "color": "#bbbbbb", "lw": 0.5, "shrinkA": 0, "shrinkB": 3}
        at = {"xytext": (1.02, place), "textcoords": "axes fraction", "annotation_clip": False}
        axes.annotate(f"{label}, {wer:.1f} %", (x, y), fontsize=7, va="center", arrowprops=line, **at)
