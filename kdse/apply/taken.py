"""What a front end takes away from a recording, and the SNR that follows from it."""

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from kdse.apply.enhancer import StreamingEnhancer, resampled
from kdse.data.level import MARGIN_DB, active_level
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage

EDGES = (62.5, 500, 1000, 2000, 4000, 8000)
"""Of the bands, Hz. What lies below the first counts nowhere: it is hum and DC offset more than speech."""
WINDOW, HOP = 512, 256
"""Samples of a frame that is speech or a pause, and between two of them, at the model's rate."""
SNR_RANGE = (-20.0, 40.0)
"""dB; beyond, an estimate says nothing."""
TINY = 1e-20


@dataclass(frozen=True)
class Taken:
    """What a front end takes away, all channels together, from 62.5 Hz to 8 kHz.

    Attributes:
        snr: estimate, dB: the active level of what is kept over the mean power of what is taken away.
        gain: dB, of the whole.
        gain_speech, gain_pauses: dB; NaN where there is none.
        speech: share of the time that is speech, as the front end hears it.
        removed: share of the energy; below 0 where the front end adds some.
        bands: (from Hz, to Hz, gain in dB); NaN for a band without energy.
    """

    snr: float
    gain: float
    gain_speech: float
    gain_pauses: float
    speech: float
    removed: float
    bands: tuple[tuple[float, float, float], ...]


class FrontEndMeter:
    """Puts a recording through a front end, bare of floor, exponent and mix, and compares.

    Args:
        model: the front end.
        rate: of the recording, Hz.
        channels: of the recording.
    """

    def __init__(self, model: Model, rate: int, channels: int):
        self._stream = StreamingEnhancer(model, model.rate, channels, OutputStage())
        self._down = None if rate == model.rate else soxr.ResampleStream(rate, model.rate, channels)
        self._channels = channels
        self._window = np.hanning(WINDOW + 1)[:-1]
        frequencies = np.arange(WINDOW // 2 + 1) * model.rate / WINDOW
        edges = np.array(EDGES)
        self._bands = ((frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])).astype(float)
        self._noisy = self._enhanced = np.zeros((HOP, channels), np.float32)  # the first samples stand amid a frame, too
        self._powers: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Take samples (n, C), float32, full scale ±1."""
        self._push(block, last=False)

    def end(self) -> Taken:
        """The rest, and the comparison."""
        self._push(np.zeros((0, self._channels), np.float32), last=True)
        rest = np.zeros((WINDOW, self._channels), np.float32)
        self._noisy, self._enhanced = np.concatenate([self._noisy, rest]), np.concatenate([self._enhanced, rest])
        self._compare()
        return compare(np.concatenate(self._powers))

    def _push(self, block: np.ndarray, last: bool) -> None:
        block = resampled(self._down, block, last)
        parts = [self._enhanced, self._stream.push(block)] + ([self._stream.flush()] if last else [])
        self._noisy, self._enhanced = np.concatenate([self._noisy, block]), np.concatenate(parts)
        self._compare()

    def _compare(self) -> None:
        """Powers of the frames that are complete in both."""
        count = (len(self._enhanced) - WINDOW) // HOP + 1
        if count < 1:
            return
        spectra = [self._spectra(x[: (count - 1) * HOP + WINDOW]) for x in (self._noisy, self._enhanced)]
        powers = [(np.abs(x) ** 2).sum(axis=1) @ self._bands for x in (*spectra, spectra[0] - spectra[1])]
        self._powers.append(np.stack(powers, axis=1).astype(np.float32))
        self._noisy, self._enhanced = self._noisy[count * HOP :], self._enhanced[count * HOP :]

    def _spectra(self, x: np.ndarray) -> np.ndarray:
        """(T, C, F) of samples (n, C)."""
        return np.fft.rfft(sliding_window_view(x, WINDOW, axis=0)[::HOP] * self._window)


def compare(powers: np.ndarray) -> Taken:
    """Compare powers (T, 3, bands) of a recording, of what is kept and of what is taken away, in T frames.

    Speech is where the kept power is at most 15.9 dB below its active level (ITU-T P.56, see `kdse.data.level`).
    """
    powers = powers.astype(np.float64)
    noisy, kept, lost = powers.sum(axis=2).T
    active = active_level(kept)
    speech = kept >= max(active * 10 ** (-MARGIN_DB / 10), TINY)
    bands = zip(EDGES[:-1], EDGES[1:], powers.sum(axis=0)[:2].T, strict=True)
    return Taken(
        snr=float(np.clip(_db(active, lost.mean()), *SNR_RANGE)),
        gain=_db(kept.sum(), noisy.sum()),
        gain_speech=_db(kept[speech].sum(), noisy[speech].sum()),
        gain_pauses=_db(kept[~speech].sum(), noisy[~speech].sum()),
        speech=float(speech.mean()),
        removed=float(1 - kept.sum() / max(noisy.sum(), TINY)),
        bands=tuple((low, high, _db(after, before)) for low, high, (before, after) in bands),
    )


def _db(power: float, other: float) -> float:
    """How many dB a power is above another; NaN where both are nothing."""
    if max(power, other) < TINY:
        return float("nan")
    return float(10 * np.log10(max(power, TINY) / max(other, TINY)))
