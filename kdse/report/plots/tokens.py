"""Acoustic tokens of one utterance, clean and as each system's audio has them."""

from pathlib import Path

import numpy as np

from kdse.approaches.registry import NO_FRONT_END
from kdse.report.plots.style import blank, save
from kdse.report.results import Results
from kdse.runs.record import decoded
from kdse.tokens.codebook import read_tokens

Tokens = dict[str, np.ndarray]
"""{utterance: the token of each frame}."""


def plot_tokens(results: Results, expdir: Path, set_name: str, path: Path) -> bool:
    """Draw the tokens of clean speech and of each system's audio, frame by frame; return whether there was anything to draw.

    A colour is an acoustic token; a black mark below a frame says that it changed.
    """
    reference = expdir / (f"tokens_{results.name}" if results.name else "tokens") / f"clean_{set_name}" / "tokens"
    files = {label: file for label, file in _files(results, expdir, set_name).items() if file.exists()}
    if not files or not reference.exists():
        return False
    clean, of_systems = read_tokens(reference), {label: read_tokens(file) for label, file in files.items()}
    utt = _typical(clean, next(iter(of_systems.values())))
    strips = {"clean": clean[utt], **{label: tokens[utt] for label, tokens in of_systems.items()}}
    figure, grid = blank(9, 0.45 * len(of_systems) + 1.3, len(strips), 1)
    # neighbouring tokens get unlike colours
    order = np.random.default_rng(0).permutation(max(int(strip.max()) for strip in strips.values()) + 1)
    for axes, (label, strip) in zip(np.atleast_1d(grid).ravel(), strips.items(), strict=True):
        _draw(axes, label, strip, clean[utt], order)
    figure.suptitle(f"Acoustic tokens of {utt}, frame by frame", fontsize=11)
    save(figure, path)
    return True


def _files(results: Results, expdir: Path, set_name: str) -> dict[str, Path]:
    """{label: the tokens that stage 8 wrote} of the headline systems, each by its first run."""
    files = {}
    for system in results.headline(set_name):
        label = "noisy" if system.approach == NO_FRONT_END else results.label(system)
        files[label] = decoded(expdir / system.first_run, system.rows[0]["backend"], set_name) / "tokens"
    return files


def _typical(clean: Tokens, first: Tokens) -> str:
    """The utterance whose share of changed tokens is the median of the first system at 0 dB (of all where none has 0 dB), so that
    it was not picked for its looks."""
    utts = [utt for utt in clean if utt.endswith("__0dB")] or list(clean)
    rates = sorted((float(np.mean(first[utt] != clean[utt])), utt) for utt in utts)
    return rates[len(rates) // 2][1]


def _draw(axes, label: str, strip: np.ndarray, clean: np.ndarray, order: np.ndarray) -> None:
    changed = strip != clean
    axes.imshow(order[strip][None], aspect="auto", cmap="turbo", vmin=0, vmax=len(order) - 1, extent=(0, len(strip), 0, 1))
    axes.bar(np.flatnonzero(changed) + 0.5, -0.35, 1.0, color="black")
    axes.set(ylim=(-0.4, 1), xlim=(0, len(strip)), yticks=[], xticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    share = "changed" if label == "clean" else f"{100 * changed.mean():.0f} %"
    axes.text(1.01, 0.5, share, transform=axes.transAxes, fontsize=9)
