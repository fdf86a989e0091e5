"""Plots of WER against the share of the noisy signal, and against the size of the student."""

from pathlib import Path

import numpy as np

from kdse.report.omega import chosen, mixing, oracle, tried
from kdse.report.plots import COLOURS, OTHER_COLOURS, blank, save
from kdse.report.rows import WER, Results
from kdse.report.size import COMPARED, sizes


def plot_omega(results: Results, set_name: str, path: Path) -> bool:
    """Draw WER against ω, on dev as a line and on `set_name` dashed; return whether several ω were tried.

    A circle marks the ω that dev chooses. Of an approach with several students the one with the most seeds is drawn.
    """
    several = mixing(results, set_name)
    drawn = [system for system in results.headline(set_name) if system in several]
    if not drawn:
        return False
    figure, axes = blank(9, 4.5)
    sets = (("dev_noisy", "-"), (set_name, "--"))
    for number, system in enumerate(drawn):
        colour, best = COLOURS.get(system.approach, OTHER_COLOURS[number % len(OTHER_COLOURS)]), chosen(results, system, set_name)
        axes.plot([], [], color=colour, label=results.label(system))
        for name, line in sets:
            points = [(s.omega, s.scores(name, WER).value) for s in tried(results, system, set_name)]
            points = [(omega, value) for omega, value in points if value is not None]
            if points:
                axes.plot(*zip(*points, strict=True), line, color=colour, marker=".")
            if points and system.seeds_on("dev_noisy"):
                axes.plot(best.omega, best.scores(name, WER).value, "o", ms=10, mfc="none", color=colour)
    axes.plot([], [], color=COLOURS["mct_noisy"], label="no front end")
    for name, line in sets:
        axes.plot([], [], line, color="black", label=name)
        for value in (s.scores(name, WER).value for s in results.on(name) if s.approach == "mct_noisy"):
            axes.axhline(value, color=COLOURS["mct_noisy"], lw=1, ls=line)
    axes.set(xlabel="share ω of the noisy signal", ylabel="WER in %", title=f"Observation adding, {results.corpus}")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, path)
    return True


def plot_omega_panels(results: Results, set_name: str, path: Path) -> bool:
    """Draw WER against ω in a panel for each approach that began with the same weights, dev as a line and `set_name` dashed, WER
    without a front end in grey; return whether several ω were tried."""
    several = mixing(results, set_name)
    drawn = [system for system in results.from_one_start(set_name) if system in several]
    if not drawn:
        return False
    columns = min(5, len(drawn))
    lines = -(-len(drawn) // columns)
    figure, grid = blank(2.3 * columns + 0.5, 2.0 * lines + 0.6, lines, columns)
    panels = np.atleast_1d(grid).ravel()
    highest = 0.0
    for axes, system in zip(panels, drawn, strict=False):
        best = chosen(results, system, set_name)
        for name, line in (("dev_noisy", "-"), (set_name, "--")):
            points = [(s.omega, s.scores(name, WER).value) for s in tried(results, system, set_name)]
            points = [(omega, value) for omega, value in points if value is not None]
            if points:
                axes.plot(*zip(*points, strict=True), line, color=COLOURS["kd"], marker=".", ms=4)
                highest = max(highest, *(value for _, value in points))
            for value in (s.scores(name, WER).value for s in results.on(name) if s.approach == "mct_noisy"):
                axes.axhline(value, color=COLOURS["mct_noisy"], lw=1, ls=line)
                highest = max(highest, value)
        if system.seeds_on("dev_noisy"):
            axes.axvline(best.omega, color=COLOURS["standalone_se"], lw=3, alpha=0.4)
        axes.set_title(system.approach, fontsize=9)
        axes.tick_params(labelsize=7)
    for axes in panels[len(drawn) :]:
        axes.set_visible(False)
    low = min(axes.get_ylim()[0] for axes in panels[: len(drawn)])
    for axes in panels[: len(drawn)]:
        axes.set_ylim(low, highest + 0.5)
    figure.suptitle(f"WER in % against ω: dev, {set_name} (dashed), no front end (grey), ω that dev chooses (red)", fontsize=10)
    save(figure, path)
    return True


def plot_size(results: Results, set_name: str, clean: str, path: Path) -> bool:
    """Draw WER with intervals against the student's parameters, one line for each approach, ceilings beside them; return whether
    several sizes were tried."""
    families = sizes(results, set_name)
    if not families:
        return False
    figure, axes = blank(9, 4.8)
    for number, family in enumerate(families):
        for approach in COMPARED:
            found = [
                (by_approach[approach].params, by_approach[approach].scores(set_name, WER).estimate()) for by_approach in family
            ]
            x, y = np.array([x for x, _ in found]), np.array([e.value for _, e in found])
            ends = np.array([(e.value, e.value) if e.low is None else (e.low, e.high) for _, e in found])
            style = {"color": COLOURS[approach], "marker": "os^D"[number % 4], "ls": ("-", "--", ":")[number % 3]}
            label = f"{approach} ({family[0][approach].student.rpartition('-')[0]})"
            axes.errorbar(
                x * (0.97, 1.03)[approach == "kd"],
                y,
                np.clip([y - ends[:, 0], ends[:, 1] - y], 0, None),
                capsize=3,
                label=label,
                **style,
            )
        mixed = [size["kd"] for size in family if len(tried(results, size["kd"], set_name)) > 1]
        best = [(system.params, oracle(results, system, set_name).value) for system in mixed]
        if best:
            axes.plot(*zip(*best, strict=True), ls="-.", lw=1, marker=".", color=COLOURS["kd"], label="kd, oracle ω")
    for approach, where, label, line in (
        ("mct_noisy", set_name, "no front end", "-"),
        ("oracle_irm", set_name, "ideal ratio mask", "--"),
        ("mct_noisy", clean, "clean speech", ":"),
    ):
        estimates = [s.scores(where, WER).estimate() for s in results.on(where) if s.approach == approach]
        if estimates and estimates[0] is not None:
            axes.axhline(estimates[0].value, color=COLOURS["mct_noisy"], lw=1.2, ls=line, label=label)
    for system in results.on(set_name):
        if system.approach == "se_teacher":
            axes.plot(system.params, system.scores(set_name, WER).value, "P", color=COLOURS["se_teacher"], label="SE teacher")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set(xlabel="parameters of the front end", ylabel="WER in %", title=f"Size of the student, {set_name}, {results.corpus}")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, path)
    return True
