"""WER against ω, the share of the noisy signal."""

from pathlib import Path

from kdse.approaches.registry import BASELINE, NO_FRONT_END, PROPOSED
from kdse.report.plots.style import blank, colour_of, panels, save
from kdse.report.results import Results
from kdse.report.systems import System
from kdse.report.tables.omega import at_chosen_omega, omegas_tried, with_several_omegas
from kdse.scoring.metrics import WER


def plot_omega(results: Results, set_name: str, path: Path) -> bool:
    """Draw WER against ω, on dev as a line and on `set_name` dashed; return whether several ω were tried.

    A circle marks the ω that dev chooses. Of an approach with several students the one with the most seeds is drawn.
    """
    several = with_several_omegas(results, set_name)
    drawn = [system for system in results.headline(set_name) if system in several]
    if not drawn:
        return False
    figure, axes = blank(9, 4.5)
    sets = _lines(results, set_name)
    for number, system in enumerate(drawn):
        colour, best = colour_of(system.approach, number), at_chosen_omega(results, system, set_name)
        axes.plot([], [], color=colour, label=results.label(system))
        for name, line in sets.items():
            points = _points(results, system, set_name, name)
            if points:
                axes.plot(*zip(*points, strict=True), line, color=colour, marker=".")
            if points and system.seeds_on(results.info.dev):
                axes.plot(best.omega, best.scores(name, WER).value, "o", ms=10, mfc="none", color=colour)
    grey = colour_of(NO_FRONT_END)
    axes.plot([], [], color=grey, label="no front end")
    for name, line in sets.items():
        axes.plot([], [], line, color="black", label=name)
        for value in _without_front_end(results, name):
            axes.axhline(value, color=grey, lw=1, ls=line)
    axes.set(xlabel="share ω of the noisy signal", ylabel="WER in %", title=f"Observation adding, {results.corpus}")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, path)
    return True


def plot_omega_panels(results: Results, set_name: str, path: Path) -> bool:
    """Draw WER against ω in a panel for each approach that began with the same weights, dev as a line and `set_name` dashed, WER
    without a front end in grey; return whether several ω were tried."""
    several = with_several_omegas(results, set_name)
    drawn = [system for system in results.from_one_start(set_name) if system in several]
    if not drawn:
        return False
    figure, every = panels(2.3, 2.0, len(drawn), 5, margin=(0.5, 0.6))
    highest = max(_draw_panel(axes, results, system, set_name) for axes, system in zip(every, drawn, strict=True))
    low = min(axes.get_ylim()[0] for axes in every)
    for axes in every:
        axes.set_ylim(low, highest + 0.5)
    figure.suptitle(f"WER in % against ω: dev, {set_name} (dashed), no front end (grey), ω that dev chooses (red)", fontsize=10)
    save(figure, path)
    return True


def _draw_panel(axes, results: Results, system: System, set_name: str) -> float:
    """Draw one approach; return the highest WER in it."""
    highest = 0.0
    for name, line in _lines(results, set_name).items():
        points = _points(results, system, set_name, name)
        if points:
            axes.plot(*zip(*points, strict=True), line, color=colour_of(PROPOSED), marker=".", ms=4)
            highest = max(highest, *(value for _, value in points))
        for value in _without_front_end(results, name):
            axes.axhline(value, color=colour_of(NO_FRONT_END), lw=1, ls=line)
            highest = max(highest, value)
    if system.seeds_on(results.info.dev):
        chosen = at_chosen_omega(results, system, set_name)
        axes.axvline(chosen.omega, color=colour_of(BASELINE), lw=3, alpha=0.4)
    axes.set_title(system.approach, fontsize=9)
    axes.tick_params(labelsize=7)
    return highest


def _lines(results: Results, set_name: str) -> dict[str, str]:
    """{set: style of its line}."""
    return {results.info.dev: "-", set_name: "--"}


def _points(results: Results, system: System, set_name: str, name: str) -> list[tuple[float, float]]:
    """(ω, WER on the set `name`) of each ω that was tried on dev and `set_name`."""
    points = [(s.omega, s.scores(name, WER).value) for s in omegas_tried(results, system, set_name)]
    return [(omega, value) for omega, value in points if value is not None]


def _without_front_end(results: Results, name: str) -> list[float]:
    return [s.scores(name, WER).value for s in results.on(name) if s.approach == NO_FRONT_END]
