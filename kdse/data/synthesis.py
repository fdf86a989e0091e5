"""What synthetic noises are made of: filters without phase, slow changes, resonances that ring, a level. All at 16 kHz."""

from collections.abc import Callable

import numpy as np

from kdse.data.audio import RATE, to_int16

Rng = np.random.Generator


def at_level(x: np.ndarray, level_db: float) -> np.ndarray:
    """x (N,) without its mean, as int16 (N,) with an RMS of `level_db` in dB of full scale unless its peaks would clip."""
    x = x - x.mean()
    x *= min(10 ** (level_db / 20) / np.sqrt(np.mean(x**2)), 0.95 / np.abs(x).max())
    return to_int16(x)


def shape(x: np.ndarray, magnitude: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Filter x (N,) by a magnitude response given over frequencies in Hz, without phase; the ends join (circular)."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(x), real=True)
    return irfft(rfft(x, size) * magnitude(np.fft.rfftfreq(size, 1 / RATE)), size)[: len(x)]


def slow(rng: Rng, length: int, hertz: float) -> np.ndarray:
    """(N,) noise below about `hertz`, standard deviation 1."""
    x = shape(rng.standard_normal(length), lambda f: np.exp(-((f / hertz) ** 2)))
    return x / x.std()


def octave_around(hertz: float, width: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """A magnitude response that falls to 1/e `width` octaves from its middle."""
    return lambda f: np.exp(-((np.log2(np.maximum(f, 20.0) / hertz) / width) ** 2))


def ring(x: np.ndarray, start: int, hertz: float, decay: float, level: float) -> None:
    """Add a sine to x that dies away with a time constant of `decay` seconds; it starts within 1 ms."""
    t = np.arange(int(5 * decay * RATE) + 16) / RATE
    put(x, level * np.sin(2 * np.pi * hertz * t) * np.exp(-t / decay) * np.minimum(1, t * 1000), start)


def put(x: np.ndarray, part: np.ndarray, start: int) -> None:
    part = part[: len(x) - start]
    x[start : start + len(part)] += part


def over_floor(x: np.ndarray, floor: np.ndarray, db: float) -> np.ndarray:
    """x with a floor at `db` relative to it."""
    return x + floor * 10 ** (db / 20) * np.sqrt(np.mean(x**2) / np.mean(floor**2))
