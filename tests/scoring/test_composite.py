"""LLR, WSS, segmental SNR and the composite ratings, against what the authors' formulas gave under Octave 7.3."""

import numpy as np
import pytest
from scipy.signal import lfilter

from kdse.scoring.composite import Distances, distances, ratings


def speech_like(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """As in test_quality.py: the reference points are of exactly this signal."""
    t = np.arange(int(seconds * 16000)) / 16000
    turns = 120 * t + 10 * np.sin(2 * np.pi * 0.7 * t)
    voice = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 2 * t), 0, None)
    return 0.1 * voice * syllables + 0.001 * np.random.default_rng(seed).standard_normal(len(t))


def noisy(clean: np.ndarray, level: float, seed: int = 1) -> np.ndarray:
    return clean + level * np.random.default_rng(seed).standard_normal(len(clean))


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    clean = speech_like()
    gated = np.where(np.abs(clean) > 0.02, clean, 0) + 0.003 * np.random.default_rng(5).standard_normal(len(clean))
    longer = speech_like(3.37, 2)
    return {
        "white": (clean, noisy(clean, 0.01), 16000),
        "dull": (clean, lfilter([0.3], [1, -0.7], clean), 16000),
        "gated": (clean, gated, 16000),
        "long": (longer, noisy(longer, 0.03, 3), 16000),
        "8 kHz": (clean[::2], noisy(clean, 0.01)[::2], 8000),
    }


@pytest.mark.parametrize(
    ("name", "llr", "ssnr", "wss"),
    [
        ("white", 0.863177, 1.936696, 20.731080),
        ("dull", 0.399624, 7.031775, 0.237537),
        ("gated", 0.428315, 4.276301, 20.375204),
        ("long", 1.431923, -2.589670, 26.905902),
        ("8 kHz", 0.343600, 1.962236, 22.338181),
    ],
)
def test_reference_points(name, llr, ssnr, wss):
    """A loop over frames and bands in Octave, written after Hu and Loizou's composite.m, gave these for the same samples."""
    reference, estimate, rate = pairs()[name]
    computed = distances(reference, estimate, rate)
    assert (computed.llr, computed.ssnr, computed.wss) == pytest.approx((llr, ssnr, wss), abs=1e-6)


def test_ratings_of_the_published_example():
    """The readme of composite.m: sp09.wav against enhanced_logmmse.wav, narrow-band PESQ."""
    assert ratings(2.255732, Distances(3.991727, 0.681368, 49.671978)) == pytest.approx((3.3050, 2.6160, 2.7133), abs=5e-5)


def test_ratings_stay_on_their_scale():
    assert ratings(1.0, Distances(-10.0, 3.0, 150.0)) == (1.0, 1.0, 1.0)
    assert ratings(4.64, Distances(35.0, 0.0, 0.0)) == (5.0, 5.0, 5.0)


def test_equal_signals_are_at_no_distance_and_the_snr_at_its_limit():
    clean = speech_like()
    assert distances(clean, clean) == Distances(35.0, 0.0, 0.0)


def test_the_spectral_distances_do_not_hear_the_level():
    clean = speech_like()
    one, other = distances(clean, noisy(clean, 0.01)), distances(0.25 * clean, 0.25 * noisy(clean, 0.01))
    assert (other.llr, other.wss) == pytest.approx((one.llr, one.wss), rel=1e-3)


def test_shorter_than_a_frame():
    with pytest.raises(ValueError, match=r"37\.5 ms"):
        distances(np.ones(500), np.ones(500))
