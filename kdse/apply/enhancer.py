"""Arrays and streams of any sampling rate and any number of channels through a student."""

from numbers import Real

import numpy as np

from kdse.core.errors import UserError
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.packaged import DEFAULT, load_model
from kdse.runtime.stream import LOUDEST, FrameEnhancer, checked

RATES = (1000, 768000)
"""The lowest and the highest sampling rate."""
MOST_CHANNELS = 64
"""An array with more is taken for one of shape (C, N)."""
BLOCK = 1 << 16
"""Samples that `Enhancer` hands on at once."""


class StreamingEnhancer:
    """A student on a stream: chunks in, chunks out, in total as many samples as came, aligned with them.

    Each channel is enhanced by itself. A rate other than the model's is resampled there and back (soxr), so what lies above half
    of the model's rate is lost. Latency: 32 ms; resampling adds about 75 ms at 48 kHz, 100 ms at 44.1 kHz, 230 ms at 8 kHz.

    Args:
        model: the student.
        sample_rate: of the stream, Hz.
        channels: of the stream.
        output: floor, exponent and mix; None for the model's defaults.

    >>> stream = StreamingEnhancer.from_pretrained("general", sample_rate=48000)  # doctest: +SKIP
    >>> for chunk in chunks: play(stream.push(chunk))                         # doctest: +SKIP
    >>> play(stream.flush())                                                  # doctest: +SKIP
    """

    def __init__(self, model: Model, sample_rate: int = 16000, channels: int = 1, output: OutputStage | None = None):
        if not _whole(sample_rate, *RATES):
            raise UserError(f"a sampling rate is a whole number from {RATES[0]} to {RATES[1]} Hz, not {sample_rate}")
        if not _whole(channels, 1, MOST_CHANNELS):
            raise UserError(f"there are 1 to {MOST_CHANNELS} channels, not {channels}; an array of samples is (N, channels)")
        self.model, self.sample_rate, self.channels = model, int(sample_rate), int(channels)
        self._enhancers = [FrameEnhancer(model, output) for _ in range(self.channels)]
        self._as_it_is = self._enhancers[0].output.mix == 1
        self.reset()

    @classmethod
    def from_pretrained(
        cls,
        model: str = DEFAULT,
        sample_rate: int = 16000,
        channels: int = 1,
        *,
        floor: float | None = None,
        exponent: float | None = None,
        mix: float | None = None,
    ) -> "StreamingEnhancer":
        """A stream through the model of this name or path; the others as in `Enhancer.from_pretrained`."""
        loaded = load_model(model)
        return cls(loaded, sample_rate, channels, loaded.output.with_options(floor, exponent, mix))

    def reset(self) -> None:
        """Forget everything: the next chunk begins another signal."""
        for enhancer in self._enhancers:
            enhancer.reset()
        self._taken = self._given = 0
        self._flat = self.channels == 1
        self._down = self._up = None
        if self.sample_rate != self.model.rate:
            import soxr  # a stream at the model's own rate goes without

            self._down = soxr.ResampleStream(self.sample_rate, self.model.rate, self.channels)
            self._up = soxr.ResampleStream(self.model.rate, self.sample_rate, self.channels)

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """Take samples (n,), or (n, C), and give those that are ready, float32 in the same form.

        Raises: UserError for NaN, infinite or absurd samples, and for another number of channels. The stream stays as it was.
        """
        chunk = np.asarray(chunk)
        if chunk.ndim not in (1, 2) or (chunk.shape[1] if chunk.ndim == 2 else 1) != self.channels:
            form = "(n,)" if self.channels == 1 else f"(n, {self.channels})"
            raise UserError(f"a chunk of this stream has the shape {form}, not {chunk.shape}")
        samples = checked(chunk, self._taken)
        self._flat = chunk.ndim == 1
        self._taken += len(samples)
        return self._give(self._through(samples.reshape(len(samples), self.channels), last=False))

    def flush(self) -> np.ndarray:
        """The rest of the signal, in the form of its chunks. The stream begins anew."""
        rest = np.zeros((0, self.channels), np.float32)
        if self._taken:
            rest = self._through(rest, last=True)
        short = max(0, self._taken - self._given - len(rest))  # resampling there and back may end a sample early
        rest = self._give(np.pad(rest, ((0, short), (0, 0))))
        self.reset()
        return rest

    def _give(self, ready: np.ndarray) -> np.ndarray:
        """No more samples than came."""
        ready = ready[: self._taken - self._given]
        self._given += len(ready)
        return ready[:, 0] if self._flat else ready

    def _through(self, samples: np.ndarray, last: bool) -> np.ndarray:
        """(n, C) to (m, C): down to the model's rate, each channel through the student, and up again; with ω = 1 as they are."""
        if self._as_it_is:
            return samples.copy()  # the caller may use the chunk's memory again
        samples = resampled(self._down, samples, last)
        columns = []
        for enhancer, channel in zip(self._enhancers, samples.T, strict=True):
            parts = [enhancer.push(channel)] + ([enhancer.flush()] if last else [])
            columns.append(np.concatenate(parts))
        return resampled(self._up, np.stack(columns, axis=1), last)


class Enhancer:
    """A student as a function of whole signals.

    Args:
        model: the student.
        output: floor, exponent and mix; None for the model's defaults.

    >>> enhancer = Enhancer.from_pretrained("general", mix=0.2)               # doctest: +SKIP
    >>> clean = enhancer(noisy, 44100)                                        # doctest: +SKIP
    """

    def __init__(self, model: Model, output: OutputStage | None = None):
        self.model, self.output = model, output

    @classmethod
    def from_pretrained(
        cls, model: str = DEFAULT, *, floor: float | None = None, exponent: float | None = None, mix: float | None = None
    ) -> "Enhancer":
        """Load a student.

        Args:
            model: name of a packaged model, an `.onnx` file, or an exported run's folder.
            floor: lowest gain in dB, 0 or less; None for the model's default, like the others.
            exponent: of the gains, 0 to 10.
            mix: share of the noisy signal in the output, 0 to 1.

        Raises: UserError where there is no such model, and for a value outside its range.
        """
        loaded = load_model(model)
        return cls(loaded, loaded.output.with_options(floor, exponent, mix))

    def __call__(self, wave: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance a signal, float with full scale ±1, (N,) or (N, C); float32 of the same shape comes back.

        Raises: UserError for integers, NaN, infinite or absurd samples, and for other shapes.
        """
        try:
            wave = np.asarray(wave)
        except ValueError as e:
            raise UserError("a signal is an array of floats, (N,) or (N, channels)") from e
        if wave.ndim not in (1, 2):
            raise UserError(f"a signal has the shape (N,) or (N, channels), not {wave.shape}")
        stream = StreamingEnhancer(self.model, sample_rate, 1 if wave.ndim == 1 else wave.shape[1], self.output)
        parts = [stream.push(wave[start : start + BLOCK]) for start in range(0, len(wave), BLOCK)]
        return np.concatenate([*parts, stream.flush()]) if parts else checked(wave)


def _whole(value: object, lowest: int, highest: int) -> bool:
    """Whether a value is a whole number in this range."""
    return isinstance(value, Real) and lowest <= value <= highest and value == int(value)


def resampled(stream, samples: np.ndarray, last: bool) -> np.ndarray:
    """(n, C) through a stream of soxr, or as it is where there is none; its filter must not overshoot what counts as audio."""
    if stream is None:
        return samples
    channels = samples.shape[1]
    ready = stream.resample_chunk(samples[:, 0] if channels == 1 else samples, last)
    return np.clip(ready, -LOUDEST, LOUDEST).reshape(-1, channels)
