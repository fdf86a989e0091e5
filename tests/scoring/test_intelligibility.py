"""STOI and ESTOI equal pystoi's."""

import numpy as np
import pystoi
import pytest

from kdse.scoring.intelligibility import stoi_and_estoi
from kdse.scoring.missing import Missing


def pair(seconds: float, level: float, rate: int = 16000) -> tuple[np.ndarray, np.ndarray]:
    """A tone in white noise, both in syllables of 0.2 s."""
    t = np.arange(int(seconds * rate)) / rate
    rng = np.random.default_rng(int(100 * seconds))
    clean = (np.sin(2 * np.pi * 200 * t) + 0.2 * rng.standard_normal(len(t))) * (
        0.02 + np.clip(np.sin(2 * np.pi * 2.5 * t), 0, None)
    )
    return clean, clean + level * rng.standard_normal(len(t))


@pytest.mark.parametrize("rate", [16000, 10000, 8000])
@pytest.mark.parametrize(("seconds", "level"), [(1.3, 0.001), (2.0, 0.01), (4.01, 0.1)])
def test_parity_with_pystoi(seconds, level, rate):
    """pystoi's ESTOI adds random numbers of 1e-16, ours none."""
    clean, estimate = pair(seconds, level, rate)
    expected = [pystoi.stoi(clean, estimate, rate, extended=extended) for extended in (False, True)]
    assert stoi_and_estoi(clean, estimate, rate) == pytest.approx(expected, abs=1e-9)


def test_frames_that_just_fit():
    """Lengths around a whole number of frames, where framings differ by one."""
    for extra in range(-2, 3):
        clean, estimate = (x[: 256 + 128 * 50 + extra] for x in pair(4.0, 0.05, 10000))
        assert stoi_and_estoi(clean, estimate, 10000)[0] == pytest.approx(pystoi.stoi(clean, estimate, 10000), abs=1e-9)


def test_too_little_speech():
    clean, estimate = pair(0.3, 0.01)
    with pytest.raises(Missing, match=r"0\.4 s"):
        stoi_and_estoi(clean, estimate)
    quiet = np.concatenate([clean, np.zeros(64000)])  # long, yet silent but for 0.3 s
    with pytest.raises(Missing):
        stoi_and_estoi(quiet, quiet)
    with pytest.raises(Missing):
        stoi_and_estoi(clean[:100], estimate[:100])
