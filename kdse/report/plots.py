"""Plots as PNG: WER by SNR from score rows, losses and gradients from ESPnet's TensorBoard logs."""

from pathlib import Path

import numpy as np

from kdse.core.files import atomic_path
from kdse.report.rows import WER, Results, within
from kdse.runs.record import decoded

COLOURS = {"mct_noisy": "#666666", "standalone_se": "#ee6677", "se_teacher": "#228833", "kd": "#4477aa"}
"""The headline approaches look the same in every plot. Paul Tol's 'bright' scheme, which most people can tell apart."""
OTHER_COLOURS = ("#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#222222")
MARKERS = "osD^vPX*"
CLEAN_GAP = 5.0

SHOWN = ("loss_ctc", "l_", "token_error_rate", "cer_ctc", "grad_cosine", "grad_ratio", "grad_conflicts", "alpha_")
"""Beginnings of what is drawn of ESPnet's logs beside the loss."""

Curves = dict[str, dict[str, tuple[list[int], list[float]]]]
"""{loss name: {'train' or 'valid': (steps, values)}}"""


def plot_wer_by_snr(results: Results, set_name: str, clean: str, path: Path) -> bool:
    """Draw WER with intervals against SNR, clean speech at the right; return whether there was anything to draw.

    Of an approach with several students the one with the most seeds is drawn.
    """
    systems = results.headline(set_name)
    snrs = sorted({row["snr"] for row in results.rows(lambda row: within(row["set"], set_name)) if row["snr"] is not None})
    if not snrs:
        return False
    figure, axes = blank(7.5, 4.5)
    step = min(np.diff(snrs), default=CLEAN_GAP)
    at_clean = snrs[-1] + max(step, 1)
    has_clean = False
    for number, system in enumerate(systems):
        scores = system.scores(set_name, WER)
        points = [(snr, scores.only({item for item in scores.items if item[2] == snr}).estimate()) for snr in snrs]
        points.append((at_clean, system.scores(clean, WER).estimate()))
        has_clean |= points[-1][1] is not None
        points = [(x, e) for x, e in points if e is not None]
        # Markers stand a little apart, so that the bars of two systems do not hide each other.
        x = np.array([x for x, _ in points]) + step * 0.06 * (number - (len(systems) - 1) / 2)
        y = np.array([e.value for _, e in points])
        ends = np.array([(e.value, e.value) if e.low is None else (e.low, e.high) for _, e in points])
        bars = np.clip([y - ends[:, 0], ends[:, 1] - y], 0, None)
        colour = COLOURS.get(system.approach, OTHER_COLOURS[number % len(OTHER_COLOURS)])
        style = {"color": colour, "marker": MARKERS[number % len(MARKERS)]}
        axes.errorbar(x, y, bars, ms=5, lw=1.5, elinewidth=1, capsize=2, label=results.label(system), **style)
    ticks = [*snrs, *([at_clean] if has_clean else [])]
    axes.set_xticks(ticks, [*(f"{snr:g}" for snr in snrs), *(["clean"] if has_clean else [])])
    axes.set(xlabel="SNR in dB", ylabel="WER in %", title=f"{set_name}, {results.corpus}: WER with 95 % intervals by utterance")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    save(figure, path)
    return True


def plot_tokens(results: Results, expdir: Path, set_name: str, path: Path) -> bool:
    """Draw what the recogniser takes frames for, clean and as each system's audio; return whether there was anything to draw.

    The item is the one whose token error rate without a front end is the median at 0 dB (of all items where none has 0 dB), so
    that it was not picked for its looks. A colour is an acoustic token; a black mark below a frame says that it changed.
    """
    from kdse.tokens.codebook import read_tokens

    systems = [(results.label(s).replace("mct_noisy", "noisy"), next(iter(s.rows))) for s in results.headline(set_name)]
    files = [(label, decoded(expdir / row["run"], row["backend"], set_name) / "tokens") for label, row in systems]
    files = [(label, file) for label, file in files if file.exists()]
    reference = expdir / (f"tokens_{results.name}" if results.name else "tokens") / f"clean_{set_name}" / "tokens"
    if not files or not reference.exists():
        return False
    clean, heard = read_tokens(reference), [(label, read_tokens(file)) for label, file in files]
    items = [utt for utt in clean if utt.endswith("__0dB")] or list(clean)
    rates = sorted((float(np.mean(heard[0][1][utt] != clean[utt])), utt) for utt in items)
    utt = rates[len(rates) // 2][1]
    strips = [("clean", clean[utt]), *((label, tokens[utt]) for label, tokens in heard)]
    figure, grid = blank(9, 0.45 * len(heard) + 1.3, len(heard) + 1, 1)
    order = np.random.default_rng(0).permutation(max(int(strip.max()) for _, strip in strips) + 1)
    for axes, (label, strip) in zip(np.atleast_1d(grid).ravel(), strips, strict=True):
        changed = strip != clean[utt]
        axes.imshow(order[strip][None], aspect="auto", cmap="turbo", vmin=0, vmax=len(order) - 1, extent=(0, len(strip), 0, 1))
        axes.bar(np.flatnonzero(changed) + 0.5, -0.35, 1.0, color="black")
        axes.set(ylim=(-0.4, 1), xlim=(0, len(strip)), yticks=[], xticks=[])
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        axes.text(
            1.01, 0.5, f"{100 * changed.mean():.0f} %" if label != "clean" else "changed", transform=axes.transAxes, fontsize=9
        )
    figure.suptitle(f"Acoustic tokens of {utt}, frame by frame", fontsize=11)
    save(figure, path)
    return True


def read_curves(folder: Path) -> Curves:
    """Read the means over each epoch of every loss in `folder/{train,valid}`, ESPnet's logs; {} where there are none.

    ESPnet also logs training within the epoch; `iter_epoch` tells the steps at which an epoch ended.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves: Curves = {}
    for part in ("train", "valid"):
        if not any((folder / part).glob("events.out.tfevents.*")):
            continue
        log = EventAccumulator(str(folder / part), size_guidance={"scalars": 0})
        log.Reload()
        ends = {event.step for event in log.Scalars("iter_epoch")} if "iter_epoch" in log.Tags()["scalars"] else None
        for tag in log.Tags()["scalars"]:
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
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure, grid = blank(3.6 * columns + 0.4, 2.7 * lines + 0.5, lines, columns)
    panels = np.atleast_1d(grid).ravel()
    for axes, name in zip(panels, names, strict=False):
        for part, colour in (("train", COLOURS["kd"]), ("valid", COLOURS["standalone_se"])):
            if part in curves[name]:
                steps, values = curves[name][part]
                axes.plot(steps, values, color=colour, label=part, lw=1.5, marker="." if len(steps) < 30 else "")
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("minibatches", fontsize=9)
        axes.tick_params(labelsize=8)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    panels[0].legend(frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    save(figure, path)


def plot_all_losses(folder: Path, expdir: Path, results: Results) -> list[Path]:
    """Draw `folder/loss_<run>.png` for every scored run whose logs are there; return the paths."""
    found = []
    for run in results.configs:
        curves = read_curves(expdir / run / "tensorboard")
        if curves:
            found.append(folder / f"loss_{run}.png")
            plot_losses(curves, run, found[-1])
    return found


def plot_training(results: Results, expdir: Path, path: Path) -> bool:
    """Draw the training loss of joint_straight, joint_aso and joint_grad (left axis) and of kd (right axis), as figure 3 of the
    paper does; return whether the logs of any joint approach and of kd are there."""
    systems = {s.approach: s for s in results.from_one_start("dev_noisy")}
    found = {}
    for approach in ("joint_straight", "joint_aso", "joint_grad", "kd"):
        curves = read_curves(expdir / systems[approach].rows[0]["run"] / "tensorboard") if approach in systems else {}
        if "train" in curves.get("loss", {}):
            found[approach] = curves["loss"]["train"]
        if (
            approach == "joint_aso" and approach in found
        ):  # ESPnet averages the losses of its two steps; shown is that of the second
            options = results.configs[systems[approach].rows[0]["run"]]["config"]["kdse_conf"]["approach_conf"]
            share = options.get("alpha_2", 0.5)
            mixed = share * np.array(curves["l_r"]["train"][1]) + (1 - share) * np.array(curves["l_asr"]["train"][1])
            found[approach] = (curves["l_asr"]["train"][0], list(mixed))
    if "kd" not in found or len(found) < 2:
        return False
    figure, axes = blank(7.5, 4.2)
    right = axes.twinx()
    colours = {"kd": COLOURS["kd"], **dict(zip([a for a in found if a != "kd"], OTHER_COLOURS, strict=False))}
    for approach, (steps, values) in found.items():
        epochs = np.arange(1, len(steps) + 1)
        (right if approach == "kd" else axes).plot(epochs, values, color=colours[approach], marker=".", label=approach)
    axes.set(xlabel="epoch", ylabel="training loss, joint approaches", title=f"Training loss, {results.corpus}")
    right.set_ylabel("training loss, kd", color=COLOURS["kd"])
    right.spines["top"].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=4)
    save(figure, path)
    return True


def blank(width: float, height: float, rows: int = 1, columns: int = 1):
    """A figure without pyplot, so that no window system and no global state is involved."""
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


def save(figure, path: Path) -> None:
    with atomic_path(path) as part:
        figure.savefig(part, dpi=130, metadata={"Software": None})  # no version text: the same picture is the same file
