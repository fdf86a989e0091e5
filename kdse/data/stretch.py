"""Which stretch of a noise is added to an utterance."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from kdse.core.errors import UserError
from kdse.data.audio import RATE
from kdse.data.level import SILENT, mean_power

TRIES = 8
"""How many stretches of a noise are tried for one that is not silent, before the loudest is taken."""

T = TypeVar("T")


def pick(rng: np.random.Generator, among: Sequence[T]) -> T:
    """Draw one, each as likely as the others."""
    return among[rng.integers(len(among))]


def choose_stretch(
    rng: np.random.Generator, samples: np.ndarray, length: int, utt: str, noise_id: str, short_noise: str = "error"
) -> tuple[int, np.ndarray]:
    """Draw a stretch of a noise, int16 (M,), that is not silent; return (offset, int16 (length,))."""
    if len(samples) < length and short_noise == "error":
        raise UserError(too_short(utt, length, noise_id, len(samples)))
    # A noise that is shorter than the speech may start anywhere, and goes on from its beginning.
    last = len(samples) - length if len(samples) >= length else len(samples) - 1
    for _ in range(TRIES):
        offset = int(rng.integers(last + 1))
        stretch = cut(samples, offset, length)
        if mean_power(stretch) >= SILENT:
            return offset, stretch
    loudest = int(np.argmax(np.abs(samples.astype(np.int32))))
    offset = min(max(loudest - length // 2, 0), last)
    return offset, cut(samples, offset, length)


def cut(noise: np.ndarray, offset: int, length: int) -> np.ndarray:
    """noise[offset : offset + length], going on from the beginning where the noise (M,) is shorter."""
    if offset + length <= len(noise):
        return noise[offset : offset + length]
    return np.take(noise, np.arange(offset, offset + length), mode="wrap")


def too_short(utt: str, length: int, noise_id: str, noise_length: int) -> str:
    """The message for a noise shorter than the speech it is to be mixed with."""
    return (
        f"noise {noise_id} ({noise_length / RATE:.2f} s) is shorter than utterance {utt} ({length / RATE:.2f} s); "
        "remove it, or set 'short_noise: repeat' to play it again from its beginning"
    )
