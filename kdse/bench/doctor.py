"""`kdse bench doctor`: how good the SNR estimate of `kdse doctor` is, and from which one on enhancing does harm."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from kdse.apply.enhancer import BLOCK, Enhancer
from kdse.apply.taken import FrontEndMeter
from kdse.core.errors import UserError
from kdse.core.progress import progress
from kdse.data.level import active_power, mean_power
from kdse.runtime.model import RATE, Model
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.packaged import load_model

SNRS = tuple(range(-10, 45, 5))
"""dB."""
SECONDS = 10
"""Of a recording, at most."""
NOISE_ALONE = -99
"""In place of an SNR: there is no speech."""


@dataclass(frozen=True)
class Trial:
    """One mixture.

    Attributes:
        noise: its name.
        snr: dB, as it was mixed.
        estimate: dB.
        gain: SI-SDR that the front end brings, dB.
    """

    noise: str
    snr: float
    estimate: float
    gain: float


def run(*, model: str, speech: Path, noise: Path, each: int) -> None:
    """Print two tables.

    Args:
        model: name or path of the front end.
        speech, noise: folders with FLAC files at 16 kHz, below which all are taken.
        each: mixtures of each noise at each SNR.
    """
    voices, noises = (sorted(folder.rglob("*.flac")) for folder in (speech, noise))
    if not voices or not noises:
        raise UserError(f"there are no FLAC files below {noise if voices else speech}")
    student = load_model(model)
    pairs = list(_pairs(voices, noises, each))
    trials = [trial(student, *pair) for pair in progress(pairs, "mixtures", len(pairs))]
    print(f"\n{len(voices)} recordings of speech, {len(noises)} noises, {len(trials)} mixtures; {student.path}\n")
    print("\n".join([*by_snr(trials), "", *by_noise(trials), "", *by_estimate(trials)]))


def _pairs(voices: list[Path], noises: list[Path], each: int) -> Iterator[tuple[Path, Path, float, np.random.Generator]]:
    """The speech is drawn, the same at every call."""
    rng = np.random.default_rng(0)
    for noise in noises:
        for snr in (*SNRS, NOISE_ALONE):
            for voice in rng.choice(len(voices), each, replace=each > len(voices)):
                yield voices[voice], noise, snr, rng


def trial(student: Model, voice: Path, noise: Path, snr: float, rng: np.random.Generator) -> Trial:
    """Mix, estimate, enhance."""
    clean = _read(voice)[: SECONDS * RATE]
    other = _read(noise)
    start = int(rng.integers(0, max(1, len(other) - len(clean))))
    other = np.resize(other[start:], len(clean))
    other *= np.sqrt(active_power(clean) / max(mean_power(other), 1e-12) / 10 ** (snr / 10))
    if snr == NOISE_ALONE:
        clean = 0 * clean
    peak = 2 * np.abs(clean + other).max()
    clean, noisy = clean / peak, ((clean + other) / peak).astype(np.float32)
    meter = FrontEndMeter(student, RATE, 1)
    for begin in range(0, len(noisy), BLOCK):
        meter.add(noisy[begin : begin + BLOCK, None])
    enhanced = Enhancer(student, OutputStage())(noisy, RATE)
    gain = float("nan") if snr == NOISE_ALONE else si_sdr(clean, enhanced) - si_sdr(clean, noisy)
    return Trial(noise.stem, snr, meter.end().snr, gain)


def si_sdr(clean: np.ndarray, other: np.ndarray) -> float:
    """Scale-invariant SDR (Le Roux et al. 2019) of (N,) signals, dB.

    >>> round(si_sdr(np.array([1.0, 0, 1, 0]), np.array([2.0, 0.2, 2, 0.2])), 6)
    20.0
    """
    target = clean * (other @ clean) / (clean @ clean)
    return float(10 * np.log10((target @ target) / max(float(np.sum((other - target) ** 2)), 1e-20)))


def by_snr(trials: list[Trial]) -> list[str]:
    """Rows: how far the estimate is off at each SNR."""
    rows = ["| SNR dB | estimate: median | 10 % below | 90 % below | SI-SDR gain dB: median |", "|---|---|---|---|---|"]
    for snr in sorted({t.snr for t in trials}):
        found = [t for t in trials if t.snr == snr]
        low, middle, high = np.percentile([t.estimate for t in found], (10, 50, 90))
        name, gain = ("noise alone", "–") if snr == NOISE_ALONE else (f"{snr:g}", f"{np.median([t.gain for t in found]):+.1f}")
        rows.append(f"| {name} | {middle:.1f} | {low:.1f} | {high:.1f} | {gain} |")
    return rows


def by_noise(trials: list[Trial]) -> list[str]:
    """Rows: how far it is off in each noise, from −5 to 30 dB."""
    rows = ["| noise | error dB: mean | of magnitudes |", "|---|---|---|"]
    there = [t for t in trials if -5 <= t.snr <= 30]
    for noise in (*sorted({t.noise for t in trials}), "all"):
        errors = np.array([t.estimate - t.snr for t in there if noise in (t.noise, "all")])
        rows.append(f"| {noise} | {errors.mean():+.1f} | {np.abs(errors).mean():.1f} |")
    return rows


def by_estimate(trials: list[Trial]) -> list[str]:
    """Rows: whether enhancing helps where so much is estimated."""
    rows = ["| estimate dB | mixtures | nearer to clean speech | SI-SDR gain dB: median | mean |", "|---|---|---|---|---|"]
    for low in range(-20, 40, 5):
        gains = np.array([t.gain for t in trials if low <= t.estimate < low + 5 and t.snr != NOISE_ALONE])
        if len(gains):
            share = f"{100 * (gains > 0).mean():.0f} %"
            rows.append(f"| {low} to {low + 5} | {len(gains)} | {share} | {np.median(gains):+.1f} | {gains.mean():+.1f} |")
    return rows


def _read(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path)
    if samples.ndim != 1 or rate != RATE:
        raise UserError(f"{path} is not mono at {RATE} Hz")
    return samples
