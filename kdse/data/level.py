"""How loud a signal is: the active level of speech, the mean level of noise, and what counts as silence."""

import numpy as np

FRAME = 512
"""Samples of a block for speech activity: 32 ms, the time constant of P.56's envelope being 30 ms."""
MARGIN_DB = 15.9
"""P.56: a moment is active where its level is above the active speech level minus this margin."""
SILENT = 30.0
"""A mean square of int16 samples below this (−75 dB of full scale) is silence: made louder, its rounding would be heard."""


def active_power(x: np.ndarray) -> float:
    """Mean square of x (N,) where speech is active, in the units of x squared; 0 for silence.

    The rule follows ITU-T P.56 (method B): the active level is the mean power of the moments whose level lies at most 15.9 dB
    below the active level itself. Here the envelope is the power of 32 ms blocks (a last block of less than half is left out), and
    there is no hangover, so that pauses shorter than 0.2 s count as pauses. Sums of int16 squares are exact in float64: the result
    is the same on every machine.
    """
    count = max(1, round(len(x) / FRAME))
    blocks = np.zeros(count * FRAME)
    blocks[: len(x)] = x[: count * FRAME]
    blocks = blocks.reshape(count, FRAME)
    power = np.einsum("tn,tn->t", blocks, blocks) / FRAME
    if 0 < len(x) < count * FRAME:
        power[-1] *= FRAME / (len(x) - (count - 1) * FRAME)
    return active_level(power)


def active_level(power: np.ndarray) -> float:
    """Mean of those powers (T,) that lie at most 15.9 dB below it: the active level of moments with these powers.

    >>> active_level(np.array([1.0, 3.0, 0.01]))
    2.0
    """
    level, threshold = 0.0, 10 ** (-MARGIN_DB / 10)
    while True:
        new = float(power[power >= level * threshold].mean())
        if new <= level * (1 + 1e-9):
            return new
        # Moments that fall out are quieter than the mean, so the level only rises and soon stands still.
        level = new


def mean_power(x: np.ndarray) -> float:
    """Mean square of x (N,), int16, in the units of x squared."""
    x = x.astype(np.float64)
    return float(np.einsum("n,n->", x, x)) / len(x)


def peak_of(x: np.ndarray) -> float:
    """Largest magnitude of x (N,)."""
    return max(float(x.max()), -float(x.min()))
