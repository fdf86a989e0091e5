"""How late an enhancer is, measured on what it is given, and its output brought back to the sample."""

from collections.abc import Callable, Sequence
from statistics import median_low

import numpy as np
import soxr

LONGEST = 0.25
"""Seconds that an output may be late, or early."""
QUIET = 1e-4
"""An output whose root mean square lies below that of its input times this has no place that could be told."""


def delay(given: np.ndarray, returned: np.ndarray, longest: int) -> int | None:
    """Samples by which an output follows its input (negative where it is ahead): where the two correlate best; None for silence.

    Args:
        given, returned: (N,) and (M,).
        longest: samples, in both directions.

    >>> noise = np.random.default_rng(0).standard_normal(4000)
    >>> delay(noise, np.pad(noise, (160, 0))[:3000], 500), delay(noise, noise[7:], 500)
    (160, -7)
    """
    length = min(len(given), len(returned))
    given, returned = (np.asarray(signal[:length], np.float64) for signal in (given, returned))
    if not np.sqrt(np.mean(returned**2)) > QUIET * np.sqrt(np.mean(given**2)):
        return None
    size = 1 << (2 * length - 1).bit_length()
    spectrum = np.fft.rfft(returned, size) * np.conj(np.fft.rfft(given, size))
    correlation = np.fft.irfft(spectrum, size)
    longest = min(longest, length - 1)
    around = np.concatenate([correlation[-longest:], correlation[: longest + 1]]) if longest else correlation[:1]
    return int(around.argmax()) - longest


def agreed(delays: Sequence[int | None]) -> tuple[int, int]:
    """The delay of an enhancer from those of several recordings, and how far they lie apart.

    >>> agreed([480, 480, None, 481])
    (480, 1)
    """
    known = [value for value in delays if value is not None]
    return (median_low(known), max(known) - min(known)) if known else (0, 0)


def aligned(function: Callable[[np.ndarray], np.ndarray], signal: np.ndarray, late: int) -> np.ndarray:
    """The enhanced signal, (N,) as the signal and aligned with it; an enhancer that is late hears silence after its end.

    >>> aligned(lambda x: np.pad(x, (2, 0))[: len(x)], np.arange(1.0, 5.0), 2)
    array([1., 2., 3., 4.])
    """
    returned = function(np.pad(signal, (0, max(0, late))))
    return fit(returned[late:] if late >= 0 else np.pad(returned, (-late, 0)), len(signal))


def at_rate(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 at another sampling rate, aligned; `length_at` samples."""
    if rate == wanted:
        return samples
    return fit(soxr.resample(samples, rate, wanted), length_at(len(samples), rate, wanted))


def length_at(length: int, rate: int, wanted: int) -> int:
    """Samples at another rate."""
    return round(length * wanted / rate)


def fit(samples: np.ndarray, length: int) -> np.ndarray:
    """The first `length` samples, or zeros after them."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))
