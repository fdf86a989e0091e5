"""WER against the size of the student."""

from pathlib import Path

import numpy as np

from kdse.approaches.registry import NO_FRONT_END, ORACLE, PROPOSED, SE_TEACHER
from kdse.report.plots.style import bars, blank, colour_of, save
from kdse.report.results import Results
from kdse.report.systems import find
from kdse.report.tables.omega import omegas_tried, with_oracle_omega
from kdse.report.tables.size import COMPARED, Sized, sizes
from kdse.scoring.metrics import WER


def plot_size(results: Results, set_name: str, clean: str, path: Path) -> bool:
    """Draw WER with intervals against the student's parameters, one line for each approach, ceilings beside them; return whether
    several sizes were tried."""
    families = sizes(results, set_name)
    if not families:
        return False
    figure, axes = blank(9, 4.8)
    for number, family in enumerate(families):
        for approach in COMPARED:
            _draw_line(axes, family, approach, number, set_name)
        _draw_oracle_omega(axes, results, family, set_name)
    _draw_ceilings(axes, results, set_name, clean)
    for system in results.on(set_name):
        if system.approach == SE_TEACHER:
            axes.plot(system.params, system.scores(set_name, WER).value, "P", color=colour_of(SE_TEACHER), label="SE teacher")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set(xlabel="parameters of the front end", ylabel="WER in %", title=f"Size of the student, {set_name}, {results.corpus}")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, path)
    return True


def _draw_line(axes, family: list[Sized], approach: str, number: int, set_name: str) -> None:
    """One approach of one network, from small to large; a little aside, so that intervals do not hide each other."""
    systems = [sized[approach] for sized in family]
    aside = 1.03 if approach == PROPOSED else 0.97
    x = np.array([system.params for system in systems]) * aside
    y, intervals = bars([system.scores(set_name, WER).estimate() for system in systems])
    style = {"color": colour_of(approach), "marker": "os^D"[number % 4], "ls": ("-", "--", ":")[number % 3]}
    label = f"{approach} ({systems[0].student.rpartition('-')[0]})"
    axes.errorbar(x, y, intervals, capsize=3, label=label, **style)


def _draw_oracle_omega(axes, results: Results, family: list[Sized], set_name: str) -> None:
    tried = [sized[PROPOSED] for sized in family if len(omegas_tried(results, sized[PROPOSED], set_name)) > 1]
    best = [(system.params, with_oracle_omega(results, system, set_name).value) for system in tried]
    if best:
        line = {"ls": "-.", "lw": 1, "marker": ".", "color": colour_of(PROPOSED)}
        axes.plot(*zip(*best, strict=True), label=f"{PROPOSED}, oracle ω", **line)


def _draw_ceilings(axes, results: Results, set_name: str, clean: str) -> None:
    for approach, where, label, line in (
        (NO_FRONT_END, set_name, "no front end", "-"),
        (ORACLE, set_name, "ideal ratio mask", "--"),
        (NO_FRONT_END, clean, "clean speech", ":"),
    ):
        system = find(results.on(where), approach)
        value = system and system.scores(where, WER).value
        if value is not None:
            axes.axhline(value, color=colour_of(NO_FRONT_END), lw=1.2, ls=line, label=label)
