"""What a recording is like: level, clipping, silence and bandwidth, from blocks of it at its own rate."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kdse.data.level import SILENT

FULL = 0.98
"""A sample from this on is at full scale: 127/128 in 8 bits is the least largest one."""
RUN = 3
"""So many equal samples at full scale, one after another, are clipped; a loud crest has one or two."""
WORST = 3
"""Clipped places that are named."""
MOMENT = 0.032
"""Seconds of a moment that is silent or not."""
SILENCE = SILENT / 2**30
"""A mean square below this is silence: −75 dB of full scale."""
BAND = 250.0
"""Hz over which a spectrum is smoothed."""
EDGE = 1e-6
"""Where the loudest moment of a band is 60 dB below that of the loudest band, a recording has nothing more."""
FINENESS = 0.064
"""Seconds of a spectrum."""


class LevelMeter:
    """Level and DC offset of each channel, clipped samples, and silence.

    Args:
        rate: Hz.
        channels: how many.
    """

    def __init__(self, rate: int, channels: int):
        self.rate, self.frames = rate, 0
        self._sum, self._squares, self._peak = np.zeros(channels), np.zeros(channels), np.zeros(channels)
        self._clips = [_Clips() for _ in range(channels)]
        self._moment = max(1, round(MOMENT * rate))
        self._pending = np.zeros((0, channels))
        self._powers: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Take samples (n, C), full scale ±1."""
        x = block.astype(np.float64)
        self._sum += x.sum(axis=0)
        self._squares += np.einsum("nc,nc->c", x, x)
        self._peak = np.maximum(self._peak, np.abs(x).max(axis=0, initial=0))
        for clips, channel in zip(self._clips, x.T, strict=True):
            clips.add(channel, self.frames)
        self.frames += len(x)
        self._pending = np.concatenate([self._pending, x])
        whole = len(self._pending) // self._moment * self._moment
        if whole:
            self._powers.append(_powers(self._pending[:whole].reshape(-1, self._moment, x.shape[1])))
            self._pending = self._pending[whole:]

    @property
    def dc(self) -> np.ndarray:
        """(C,) mean of each channel."""
        return self._sum / self.frames

    @property
    def rms(self) -> np.ndarray:
        """(C,) root mean square of each channel without its DC offset."""
        return np.sqrt(np.maximum(self._squares / self.frames - self.dc**2, 0))

    @property
    def peak(self) -> np.ndarray:
        """(C,) largest magnitude of each channel."""
        return self._peak

    def clipped(self) -> tuple[float, list[tuple[float, int]]]:
        """The share of the samples that are clipped, and the longest places: (second, samples)."""
        for clips in self._clips:
            clips.end()
        places = sorted((place for clips in self._clips for place in clips.places), reverse=True)[:WORST]
        count = sum(clips.count for clips in self._clips)
        return count / (self.frames * len(self._clips)), [(start / self.rate, length) for length, start in places]

    def silence(self) -> tuple[float, float, float]:
        """The share of the moments in which all channels are silent; beginning and length of the longest such stretch, seconds."""
        powers = self._powers if self._powers else [_powers(self._pending[None])]
        silent = np.concatenate(powers) < SILENCE
        starts, lengths = runs(silent)
        lengths = np.where(silent[starts], lengths, 0)
        longest = int(lengths.argmax())
        seconds = self._moment / self.rate
        return float(silent.mean()), float(starts[longest] * seconds), float(lengths[longest] * seconds)


class _Clips:
    """Clipped samples of one channel.

    Attributes:
        count: of them.
        places: (length, first sample) of the longest runs.
    """

    def __init__(self):
        self.count, self.places = 0, []
        self._value, self._start, self._length = 0.0, 0, 0  # the run that the last sample stands in, if it is at full scale

    def add(self, x: np.ndarray, before: int) -> None:
        """Take samples (n,); so many came before them."""
        if np.abs(x).max(initial=0) < FULL:
            if len(x):
                self.end()
            return
        starts, lengths = runs(x)
        ends = starts + lengths
        for i in np.flatnonzero((np.abs(x[starts]) >= FULL) & ((lengths >= RUN) | (starts == 0) | (ends == len(x)))):
            if starts[i] == 0 and x[0] == self._value:
                self._length += int(lengths[i])
            else:
                self.end()
                self._value, self._start, self._length = float(x[starts[i]]), before + int(starts[i]), int(lengths[i])
            if ends[i] < len(x):
                self.end()

    def end(self) -> None:
        """The run is over."""
        if self._length >= RUN:
            self.count += self._length
            self.places = sorted([*self.places, (self._length, self._start)], reverse=True)[:WORST]
        self._value, self._length = 0.0, 0


class SpectrumMeter:
    """How far up a recording reaches, and what lies above half of the model's rate.

    Args:
        rate: Hz.
        channels: how many.
    """

    def __init__(self, rate: int, channels: int):
        self.rate = rate
        self._length = max(64, 2 ** round(np.log2(FINENESS * rate)))
        self._window = np.hanning(self._length)
        self._pending = np.zeros((0, channels), np.float32)
        self._loudest = self._sum = np.zeros(self._length // 2 + 1)

    def add(self, block: np.ndarray) -> None:
        """Take samples (n, C)."""
        self._pending = np.concatenate([self._pending, block])
        whole = len(self._pending) // self._length * self._length
        if whole:
            self._take(self._pending[:whole].reshape(-1, self._length, block.shape[1]), self._window)
            self._pending = self._pending[whole:]

    def end(self) -> None:
        """The recording is over. What is left counts only where there was nothing else: cut off, it would reach up to the top."""
        if not self._sum.any() and len(self._pending):
            self._take(self._pending[None], np.hanning(len(self._pending)))

    def _take(self, frames: np.ndarray, window: np.ndarray) -> None:
        """Add the spectra of frames (T, n, C)."""
        frames = (frames - frames.mean(axis=1, keepdims=True)) * window[:, None]
        powers = (np.abs(np.fft.rfft(frames, self._length, axis=1)) ** 2).sum(axis=2)
        width = max(1, round(BAND / (self.rate / self._length)))
        smooth = sliding_window_view(np.pad(powers, ((0, 0), (width // 2, (width - 1) // 2))), width, axis=1).mean(axis=2)
        self._loudest = np.maximum(self._loudest, smooth.max(axis=0))
        self._sum = self._sum + powers.sum(axis=0)

    @property
    def bandwidth(self) -> float:
        """The highest frequency of the recording, Hz; 0 for silence."""
        there = np.flatnonzero(self._loudest > EDGE * self._loudest.max())
        if not len(there):
            return 0.0
        top = float(there[-1] * self.rate / self._length)
        return top if there[-1] == self._length // 2 else max(0.0, top - BAND / 2)  # smoothing reaches half a band farther

    def share_above(self, frequency: float) -> float:
        """The share of the energy above a frequency in Hz."""
        above = np.arange(len(self._sum)) * self.rate / self._length > frequency
        return float(self._sum[above].sum() / max(self._sum.sum(), 1e-30))


def runs(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Beginnings and lengths of the stretches of equal values in x (n,), n > 0.

    >>> runs(np.array([7, 7, 7, 5, 7]))
    (array([0, 3, 4]), array([3, 1, 1]))
    """
    starts = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]]))
    return starts, np.diff(starts, append=len(x))


def _powers(moments: np.ndarray) -> np.ndarray:
    """(T,) variance of the loudest channel in moments (T, n, C)."""
    return moments.var(axis=1).max(axis=1)
