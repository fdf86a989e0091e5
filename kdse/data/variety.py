"""More kinds of noise from the same recordings, for training: played faster or slower, through a filter, two at once.

What comes out is int16 again and is mixed as any noise is, so that y = s + n stays true to the last bit.
"""

import numpy as np

from kdse.data.level import SILENT, mean_power, peak_of

LEVEL, LARGEST = 3000.0, 32000.0
"""RMS of a varied noise, and its largest sample, before the SNR sets its level."""
FILTER = 3 / 8
"""Coefficients of the random filters are drawn from ±FILTER (Valin, arXiv 1709.08243, section 4)."""
SECOND_DB = 10.0
"""The second of two noises is at most so much louder or quieter than the first."""
LEAST_LEFT = 1e-3
"""Share of a noise's power that must be left."""
POINTS = 129
"""Frequencies at which a filter is computed; between them it is interpolated."""


def draw_speed(rng: np.random.Generator, most: float) -> float:
    """A factor between 1/(1 + most) and 1 + most, its logarithm uniform; 1 where `most` is 0.

    >>> draw_speed(np.random.default_rng(0), 0.0)
    1.0
    """
    return float((1 + most) ** rng.uniform(-1, 1)) if most else 1.0


def samples_needed(length: int, speed: float) -> int:
    """How many samples of a noise become `length` at a speed."""
    return round(length * speed)


def vary(stretch: np.ndarray, length: int, response: np.ndarray | None = None) -> np.ndarray:
    """A stretch of noise, int16 (M,), resampled to (length,) and filtered: int16 at a level of its own.

    Both are done in the frequency domain by one transform and its inverse. So the ends join: what the filter smears over one end
    is heard at the other. A stretch of which next to nothing would be left (high tones, played faster) stays
    as it is.

    Args:
        response: (POINTS,) factors over frequencies from 0 to half the sampling rate; None for no filter.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    if len(stretch) == length and response is None:
        return stretch
    padded = next_fast_len(length, real=True)
    size = next_fast_len(round(len(stretch) * padded / length), real=True)
    spectrum = rfft(np.resize(stretch, size).astype(np.float32))
    bins = padded // 2 + 1
    spectrum = spectrum[:bins]  # irfft fills up what is missing
    if response is not None:
        at = np.arange(len(spectrum)) * ((POINTS - 1) / (bins - 1))
        spectrum *= np.interp(at, np.arange(POINTS), response).astype(np.float32)
    varied = irfft(spectrum, padded)[:length]
    if power_of(varied) * (padded / size) ** 2 < LEAST_LEFT * mean_power(stretch):
        return np.resize(stretch, length)
    return at_level(varied)


def draw_filter(rng: np.random.Generator) -> np.ndarray:
    """Magnitudes (POINTS,) of a random filter of second order, (1 + r₁z⁻¹ + r₂z⁻²) / (1 + r₃z⁻¹ + r₄z⁻²): a gentle colouring."""
    over = rng.uniform(-FILTER, FILTER, (2, 2))
    z = np.exp(-1j * np.pi * np.linspace(0, 1, POINTS))
    above, below = (np.abs(1 + first * z + second * z**2) for first, second in over)
    return above / below


def add_second(first: np.ndarray, second: np.ndarray, level_db: float) -> np.ndarray:
    """Two noises at once, int16 (N,) each; the second at `level_db` relative to the first. A silent second one is left out."""
    powers = mean_power(first), mean_power(second)
    if powers[1] < SILENT:
        return first
    gain = np.float32(np.sqrt(powers[0] / powers[1]) * 10 ** (level_db / 20))
    return at_level(first + second * gain)


def at_level(x: np.ndarray) -> np.ndarray:
    """Float x (N,) as int16 with an RMS of LEVEL, or less where its peaks are high; silence stays silence."""
    rms, peak = np.sqrt(power_of(x)), peak_of(x)
    gain = min(LEVEL / rms, LARGEST / peak) if rms > 0 else 0.0
    x = x * np.float32(gain)
    return np.rint(x, out=x).astype(np.int16)


def power_of(x: np.ndarray) -> float:
    """Mean square of float32 x (N,)."""
    return float(np.dot(x, x)) / len(x)
