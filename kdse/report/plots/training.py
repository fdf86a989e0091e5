"""Training losses of the joint approaches and of the proposal, as in the paper's figure 3."""

from pathlib import Path

import numpy as np

from kdse.approaches.registry import BOTH, PROPOSED, SYSTEMS
from kdse.report.plots.losses import Curves, read_curves
from kdse.report.plots.style import OTHER_COLOURS, blank, colour_of, save
from kdse.report.results import Results
from kdse.report.tables.paper import published
from kdse.scoring.metrics import WER

Curve = tuple[list[int], list[float]]


def shown() -> list[str]:
    """The approaches of the paper that train front end and recogniser together, and the proposal.

    >>> shown()
    ['joint_straight', 'joint_aso', 'joint_grad', 'kd']
    """
    of_paper = published()["table_1"][WER.name]
    return [name for name in of_paper if SYSTEMS[name].trains == BOTH] + [PROPOSED]


def plot_training(results: Results, expdir: Path, path: Path) -> bool:
    """Draw the training loss of the joint approaches (left axis) and of the proposal (right axis), as figure 3 of the paper does;
    return whether the logs of any joint approach and of the proposal are there."""
    curves = _curves(results, expdir)
    if PROPOSED not in curves or len(curves) < 2:
        return False
    figure, axes = blank(7.5, 4.2)
    right = axes.twinx()
    others = [approach for approach in curves if approach != PROPOSED]
    colours = {PROPOSED: colour_of(PROPOSED), **dict(zip(others, OTHER_COLOURS, strict=False))}
    for approach, (steps, values) in curves.items():
        epochs = np.arange(1, len(steps) + 1)
        (right if approach == PROPOSED else axes).plot(epochs, values, color=colours[approach], marker=".", label=approach)
    axes.set(xlabel="epoch", ylabel="training loss, joint approaches", title=f"Training loss, {results.corpus}")
    right.set_ylabel(f"training loss, {PROPOSED}", color=colours[PROPOSED])
    right.spines["top"].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=4)
    save(figure, path)
    return True


def _curves(results: Results, expdir: Path) -> dict[str, Curve]:
    """{approach: its training loss by epoch} of those whose logs are there."""
    systems = {s.approach: s for s in results.from_one_start(results.info.dev)}
    curves = {}
    for approach in shown():
        if approach not in systems:
            continue
        run = systems[approach].first_run
        logged = read_curves(expdir / run / "tensorboard")
        if "train" in logged.get("loss", {}):
            curves[approach] = _second_step(logged, results.configs[run]) if approach == "joint_aso" else logged["loss"]["train"]
    return curves


def _second_step(logged: Curves, config: dict) -> Curve:
    """The loss of `joint_aso`'s second step: ESPnet averages those of its two steps."""
    share = config["config"]["kdse_conf"]["approach_conf"].get("alpha_2", 0.5)
    steps, l_asr = logged["l_asr"]["train"]
    mixed = share * np.array(logged["l_r"]["train"][1]) + (1 - share) * np.array(l_asr)
    return steps, list(mixed)
