"""Speech in noise to time front ends on: some leave out work by what they hear, so silence or white noise would flatter them."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 16000
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Recordings beside the checkout, if there are any."""
SNR = 5.0
"""dB."""
LEVEL = 0.05
"""Root mean square of the speech, −26 dB of full scale."""


def noisy_speech(seconds: int, data: Path = DATA) -> tuple[np.ndarray, str]:
    """Speech in noise at an SNR of 5 dB, the same at every call.

    Args:
        data: with `LibriSpeech/test-clean` and `noise/train`, in FLAC; where they are not, a buzz in syllables stands for speech.

    Returns: float32 (seconds · 16000,) at 16 kHz, and what it is, in a few words.
    """
    length = seconds * RATE
    voices = sorted((data / "LibriSpeech" / "test-clean").glob("*/*/*.flac"))
    noises = sorted((data / "noise" / "train").glob("*.flac"))
    if voices and noises:
        speech, noise = _joined(voices, length), _joined(noises, length)
        what = f"LibriSpeech test-clean in recorded noise, {SNR:g} dB"
    else:
        speech, noise = buzz(length), np.random.default_rng(0).standard_normal(length)
        what = f"an artificial voice in white noise, {SNR:g} dB"
    mixture = LEVEL * (speech / _rms(speech) + 10 ** (-SNR / 20) * noise / _rms(noise))
    return np.clip(mixture, -1, 1).astype(np.float32), what


def at_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    """The same at another sampling rate, float32."""
    return samples if rate == RATE else soxr.resample(samples, RATE, rate)


def buzz(length: int) -> np.ndarray:
    """(length,) harmonics of a moving pitch, four syllables a second with gaps between phrases."""
    t = np.arange(length) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    voiced = np.clip(np.sin(2 * np.pi * 4 * t), 0, None) * (np.sin(2 * np.pi * 0.3 * t) > -0.5)
    return voiced * sum(np.sin(k * phase) / k for k in range(1, 25))


def _joined(paths: list[Path], length: int) -> np.ndarray:
    """Recordings one after another, each at the same level, from the first again after the last."""
    found: list[np.ndarray] = []
    for samples in _read(paths):
        found.append(samples / _rms(samples))
        if sum(map(len, found)) >= length:
            return np.concatenate(found)[:length]
    raise AssertionError("a cycle ends")


def _read(paths: list[Path]) -> Iterator[np.ndarray]:
    """The recordings at 16 kHz, for ever."""
    for path in cycle(paths):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        yield soxr.resample(samples[:, 0], rate, RATE)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
