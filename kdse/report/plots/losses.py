"""Losses and gradients of each training, from ESPnet's TensorBoard logs."""

from pathlib import Path

from kdse.approaches.registry import BASELINE, PROPOSED
from kdse.report.plots.style import colour_of, panels, save

SHOWN = ("loss_ctc", "l_", "token_error_rate", "cer_ctc", "grad_cosine", "grad_ratio", "grad_conflicts", "alpha_")
"""Beginnings of what is drawn of ESPnet's logs beside the loss."""

Curves = dict[str, dict[str, tuple[list[int], list[float]]]]
"""{loss name: {'train' or 'valid': (steps, values)}}"""


def read_curves(folder: Path) -> Curves:
    """Read the means over each epoch of every loss in `folder/{train,valid}`, ESPnet's logs; {} where there are none.

    ESPnet also logs training within the epoch; `iter_epoch` tells the steps at which an epoch ended.
    """
    parts = [part for part in ("train", "valid") if any((folder / part).glob("events.out.tfevents.*"))]
    if not parts:
        return {}
    # two seconds, which a report without experiments need not wait for
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves: Curves = {}
    for part in parts:
        log = EventAccumulator(str(folder / part), size_guidance={"scalars": 0})
        log.Reload()
        tags = log.Tags()["scalars"]
        ends = {event.step for event in log.Scalars("iter_epoch")} if "iter_epoch" in tags else None
        for tag in tags:
            name = tag.removeprefix(f"{part}/")
            if name == "loss" or name.startswith(SHOWN):
                # A resumed training logs an epoch again: the last value of a step counts.
                values = {event.step: event.value for event in log.Scalars(tag) if ends is None or event.step in ends}
                steps = sorted(values)
                curves.setdefault(name, {})[part] = (steps, [values[step] for step in steps])
    return curves


def plot_losses(curves: Curves, title: str, path: Path) -> None:
    """Draw a panel for each loss and each number measured of the gradients, training and validation together; the total first."""
    names = sorted(curves, key=lambda name: (name != "loss", name))
    figure, every = panels(3.6, 2.7, len(names), 3, margin=(0.4, 0.5))
    for axes, name in zip(every, names, strict=True):
        for part, colour in (("train", colour_of(PROPOSED)), ("valid", colour_of(BASELINE))):
            if part in curves[name]:
                steps, values = curves[name][part]
                axes.plot(steps, values, color=colour, label=part, lw=1.5, marker="." if len(steps) < 30 else "")
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("minibatches", fontsize=9)
        axes.tick_params(labelsize=8)
    every[0].legend(frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    save(figure, path)
