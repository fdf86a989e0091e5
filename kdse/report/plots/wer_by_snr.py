"""WER against SNR."""

from pathlib import Path

import numpy as np

from kdse.report.plots.style import MARKERS, bars, blank, colour_of, save
from kdse.report.results import Results
from kdse.report.systems import System
from kdse.scoring.metrics import WER
from kdse.scoring.significance import Estimate

CLEAN_GAP = 5.0
"""In dB between a single SNR and clean speech, which is drawn at the right."""


def plot_wer_by_snr(results: Results, set_name: str, clean: str, path: Path) -> bool:
    """Draw WER with intervals against SNR, clean speech at the right; return whether there was anything to draw.

    Of an approach with several students the one with the most seeds is drawn.
    """
    systems, snrs = results.headline(set_name), results.snrs(set_name)
    if not snrs:
        return False
    figure, axes = blank(7.5, 4.5)
    step = min(np.diff(snrs), default=CLEAN_GAP)
    at_clean = snrs[-1] + max(step, 1)
    has_clean = False
    for number, system in enumerate(systems):
        points = _points(system, set_name, clean, snrs, at_clean)
        has_clean |= at_clean in points
        # Markers stand a little apart, so that the bars of two systems do not hide each other.
        x = np.array(list(points)) + step * 0.06 * (number - (len(systems) - 1) / 2)
        y, intervals = bars(list(points.values()))
        style = {"color": colour_of(system.approach, number), "marker": MARKERS[number % len(MARKERS)]}
        axes.errorbar(x, y, intervals, ms=5, lw=1.5, elinewidth=1, capsize=2, label=results.label(system), **style)
    ticks = [*snrs, *([at_clean] if has_clean else [])]
    axes.set_xticks(ticks, [*(f"{snr:g}" for snr in snrs), *(["clean"] if has_clean else [])])
    axes.set(xlabel="SNR in dB", ylabel="WER in %", title=f"{set_name}, {results.corpus}: WER with 95 % intervals by utterance")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    save(figure, path)
    return True


def _points(system: System, set_name: str, clean: str, snrs: list[float], at_clean: float) -> dict[float, Estimate]:
    """{place on the x axis: WER there} where the system was scored."""
    scores = system.scores(set_name, WER)
    points = {snr: scores.at_snr(snr).estimate() for snr in snrs}
    points[at_clean] = system.scores(clean, WER).estimate()
    return {x: estimate for x, estimate in points.items() if estimate is not None}
