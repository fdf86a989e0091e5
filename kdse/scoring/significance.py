"""How sure a number is: bootstrap intervals of corpus-level ratios, and of the difference between two systems on the same items.

WER, CER and means are all ratios Σ numerator / Σ denominator over items (errors over reference words; a score over 1). Items of one
utterance, at whatever SNR, are not independent, so whole groups are resampled: an utterance with all its SNRs, or a speaker.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import BinaryIO

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
POWER = 0.80


@dataclass(frozen=True)
class Estimate:
    """A corpus-level value with its percentile interval; the interval is None where there are fewer than two groups."""

    value: float
    low: float | None
    high: float | None
    items: int
    groups: int


@dataclass(frozen=True)
class Difference(Estimate):
    """value = a − b on the same items, with the interval of the paired bootstrap.

    `baseline` is b's value, `relative` the difference over it, and `detectable` the smallest true difference that a two-sided
    test at 5 % would find with 80 % power: (z_0.975 + z_0.80) × the standard deviation of the resampled difference.
    """

    baseline: float
    relative: float | None
    detectable: float | None

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high is not None and self.high < 0

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval does not contain 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def estimate(
    groups: Sequence[str], numerator: np.ndarray, denominator: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Σ numerator / Σ denominator with its interval.

    Args:
        groups: (I,) name of the group of each item; groups are resampled whole, with replacement.
        numerator, denominator: (I,) per item.
        seed, resamples: of the bootstrap; the same groups, seed and resamples give the same draws for every quantity.
    Raises: ValueError where there is no item or the denominators sum to 0.
    """
    value = ratio(numerator, denominator)
    _, count = _index(groups)
    low = high = None
    if count > 1:
        low, high = _interval(_resample(groups, numerator, denominator, seed, resamples))
    return Estimate(value, low, high, len(groups), count)


def difference(
    groups: Sequence[str],
    numerator_a: np.ndarray,
    numerator_b: np.ndarray,
    denominator: np.ndarray,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Σ a / Σ d − Σ b / Σ d over the same items, both sides resampled with the same draws.

    Args:
        groups, numerator_a, numerator_b, denominator: (I,), see `estimate`.
    """
    a, b = ratio(numerator_a, denominator), ratio(numerator_b, denominator)
    _, count = _index(groups)
    low = high = detectable = None
    if count > 1:
        # One ratio of the difference is the same as the difference of two ratios over one denominator.
        draws = _resample(groups, np.asarray(numerator_a, float) - np.asarray(numerator_b, float), denominator, seed, resamples)
        low, high = _interval(draws)
        z = NormalDist().inv_cdf
        detectable = (z(0.5 + LEVEL / 2) + z(POWER)) * float(draws.std())
    return Difference(a - b, low, high, len(groups), count, b, (a - b) / b if b else None, detectable)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> float:
    """Σ numerator / Σ denominator.

    Raises: ValueError where the denominators sum to 0.
    """
    total = float(np.sum(denominator))
    if not total:
        raise ValueError("no item to average over")
    return float(np.sum(numerator)) / total


def _index(groups: Sequence[str]) -> tuple[np.ndarray, int]:
    names, index = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return index, len(names)


def _resample(groups: Sequence[str], numerator: np.ndarray, denominator: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """(R,) ratios, one for each draw; a draw without any denominator is left out."""
    index, count = _index(groups)
    sums = np.stack([np.bincount(index, weights=np.asarray(x, float), minlength=count) for x in (numerator, denominator)], axis=1)
    totals = np.concatenate([part @ sums for part in draws(count, seed, resamples)])
    totals = totals[totals[:, 1] != 0]
    return totals[:, 0] / totals[:, 1]


def draws(count: int, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each of G groups is drawn when G are drawn with replacement, R times: (R, G) in parts, as floats."""
    held = _held_draws(count, seed, resamples)
    if isinstance(held, np.ndarray):
        yield held
        return
    held.seek(0)
    for rows in _parts(count, resamples, 2**18):
        yield np.frombuffer(held.read(rows * count), np.uint8).reshape(rows, count).astype(float)


@lru_cache(maxsize=4)
def _held_draws(count: int, seed: int, resamples: int) -> np.ndarray | BinaryIO:
    """The draws as floats where they take no more than 32 MB, else as bytes in a temporary file: 0.5 GB for 50,000 utterances."""
    rng, chances = np.random.default_rng(seed), np.full(count, 1 / count)
    drawn = (rng.multinomial(count, chances, size=rows) for rows in _parts(count, resamples, 2**22))
    if count * resamples <= 2**22:
        return np.concatenate([part.astype(float) for part in drawn])
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the cache holds it)
    for part in drawn:
        assert part.max() < 256  # the mean is 1
        file.write(part.astype(np.uint8).tobytes())
    return file


def _parts(count: int, resamples: int, size: int) -> list[int]:
    """Numbers of draws that sum up to `resamples`, each of about `size` numbers at most."""
    parts = min(resamples, -(-count * resamples // size))
    return [resamples // parts + (number < resamples % parts) for number in range(parts)]


def _interval(samples: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(samples, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
