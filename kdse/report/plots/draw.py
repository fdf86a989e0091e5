"""Which plots there are, and where each is drawn. To add one: its file, an entry here, and its place in `render/sections.py`."""

from collections.abc import Callable
from pathlib import Path

from kdse.report.plots.losses import plot_losses, read_curves
from kdse.report.plots.noise_artifacts import plot_noise_artifacts
from kdse.report.plots.omega import plot_omega, plot_omega_panels
from kdse.report.plots.size import plot_size
from kdse.report.plots.tokens import plot_tokens
from kdse.report.plots.training import plot_training
from kdse.report.plots.wer_by_snr import plot_wer_by_snr
from kdse.report.results import Results


def _tokens(results: Results, expdir: Path, path: Path) -> bool:
    """Of the first part of the test set."""
    return any(plot_tokens(results, expdir, part, path) for part in results.sets_of(results.info.test)[:1])


PLOTS: dict[str, Callable[[Results, Path, Path], bool]] = {
    "wer_by_snr": lambda results, _, path: plot_wer_by_snr(results, results.info.test, results.info.clean, path),
    "errors": lambda results, _, path: plot_noise_artifacts(results, results.info.test, path),
    "size": lambda results, _, path: plot_size(results, results.info.test, results.info.clean, path),
    "training_loss": plot_training,
    "omega": lambda results, _, path: plot_omega(results, results.info.test, path),
    "omega_approaches": lambda results, _, path: plot_omega_panels(results, results.info.test, path),
    "tokens": _tokens,
}
"""{name: function of results, experiments and path that says whether it drew anything}; the file is NAME.png."""


def draw_plots(results: Results, expdir: Path, folder: Path) -> dict[str, Path]:
    """Draw every plot that the rows, and what is left of the experiments, have something for; {name: file} of those."""
    files = {name: folder / f"{name}.png" for name in PLOTS}
    return {name: path for name, path in files.items() if PLOTS[name](results, expdir, path)}


def draw_losses(results: Results, expdir: Path, folder: Path) -> list[Path]:
    """Draw `folder/loss_<run>.png` for every scored run whose logs are there; return the paths."""
    drawn = []
    for run in results.configs:
        curves = read_curves(expdir / run / "tensorboard")
        if curves:
            drawn.append(folder / f"loss_{run}.png")
            plot_losses(curves, run, drawn[-1])
    return drawn
