"""One channel through a student, chunk by chunk, as exactly as the whole at once."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kdse.core.errors import UserError
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage

FRAMES = 512
"""Frames that are transformed at once, at most: it bounds the memory of a long chunk."""
LOUDEST = 1e6
"""Samples beyond this are no audio; full scale is 1."""
SILENT = 1e-12
"""A chunk below this (−240 dB) becomes 0: squares in its spectrum would be denormal numbers, which are slow to compute with."""
NOTHING = np.zeros(0, np.float32)


class FrameEnhancer:
    """A student on a stream of samples at its own rate. All outputs together are as long as all inputs, and aligned with them.

    Frames are those of torch.stft with `center`: frame t is centred at sample t·hop, and half a window is mirrored before the
    beginning and after the end. A frame more at the end lets the last samples have as many windows as all others.

    Args:
        model: the student; many streams may share it.
        output: floor, exponent and mix; None for the model's defaults.

    >>> stream = FrameEnhancer(model)                                       # doctest: +SKIP
    >>> parts = [stream.push(chunk) for chunk in chunks] + [stream.flush()] # doctest: +SKIP
    """

    def __init__(self, model: Model, output: OutputStage | None = None):
        self.model = model
        self.output = model.output if output is None else output
        self._bare = self.output == OutputStage()
        self._half = model.n_fft // 2
        self._norms = _norms(model.window, model.hop)
        self._synthesis = model.window / np.tile(self._norms[-1], model.n_fft // model.hop)  # divided by the sum already
        self._network = model.frames()
        self.reset()

    @property
    def latency(self) -> int:
        """Samples that an output waits for by design, itself included: a whole window."""
        return self.model.n_fft

    def reset(self) -> None:
        """Forget everything: the next chunk begins another signal."""
        self._network.reset()
        self._pending = NOTHING  # from the next frame's first sample on, the mirrored beginning included
        self._before = NOTHING  # the sample before those, because the end may mirror it
        self._sums = np.zeros(self.model.n_fft - self.model.hop, np.float32)  # windows that others will overlap
        self._frames = self._taken = self._given = 0
        self._begun = False

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """Take samples (n,) and give those that are ready, float32 (m,).

        Raises: UserError for NaN, infinite or absurd samples, and for another shape. The stream then stays as it was.
        """
        if np.ndim(chunk) != 1:
            raise UserError(f"a chunk is one channel (n,), not an array of shape {np.shape(chunk)}")
        chunk = checked(chunk, self._taken)
        self._taken += len(chunk)
        self._pending = np.concatenate((self._pending, chunk))
        if not self._begun:
            if self._taken <= self._half:
                return NOTHING
            self._begun = True
            self._pending = np.concatenate((self._pending[self._half : 0 : -1], self._pending))
        return self._ready()

    def flush(self) -> np.ndarray:
        """The rest of the signal, float32 (m,). The stream begins anew."""
        rest = self._taken - self._given
        if self._begun:
            mirror = np.concatenate((self._before, self._pending))[-2 : -self._half - 2 : -1]
        else:  # shorter than half a window: nothing to mirror
            mirror = np.zeros(self._half, np.float32)
            self._pending = np.concatenate([mirror, self._pending])
        self._pending = np.concatenate([self._pending, mirror, np.zeros(self.model.n_fft, np.float32)])
        last = self._ready()[:rest] if rest else NOTHING
        self.reset()
        return last

    def _ready(self) -> np.ndarray:
        """Enhance the frames that are complete."""
        hop, parts = self.model.hop, []
        while (count := min(FRAMES, (len(self._pending) - self.model.n_fft) // hop + 1)) > 0:
            parts.append(self._enhanced(count))
            self._before, self._pending = self._pending[count * hop - 1 : count * hop], self._pending[count * hop :]
        if not parts:
            return NOTHING
        ready = np.concatenate(parts) if len(parts) > 1 else parts[0]
        self._given += len(ready)
        return ready

    def _enhanced(self, count: int) -> np.ndarray:
        """The samples that the next `count` frames complete."""
        model, hop, network = self.model, self.model.hop, self._network
        if count == 1:
            noisy = np.fft.rfft(self._pending[None, : model.n_fft] * model.window, out=network.noisy)
            network.step()
            enhanced = network.enhanced
        else:
            frames = sliding_window_view(self._pending[: (count - 1) * hop + model.n_fft], model.n_fft)[::hop]
            noisy = np.fft.rfft(frames * model.window)
            enhanced = network.run(noisy)
        if not self._bare:
            enhanced = self.output.apply(noisy, enhanced)
        before, self._frames = self._frames, self._frames + count
        with np.errstate(invalid="ignore", over="ignore"):  # what is wrong is said below
            ready = self._overlapped(np.fft.irfft(enhanced, model.n_fft) * self._synthesis, before)
        if not np.isfinite(ready).all():
            raise UserError(f"the model {model.path} makes NaN or infinite samples of this signal")
        return ready[self._half - before * hop :] if before * hop < self._half else ready

    def _overlapped(self, windows: np.ndarray, before: int) -> np.ndarray:
        """Add windows (T, n_fft) to those before them; give the T·hop samples that are complete, mirrored beginning included."""
        hop = self.model.hop
        ready = len(windows) * hop
        if len(windows) == 1:
            sums = windows[0]
            sums[:-hop] += self._sums
        else:
            sums = np.concatenate((self._sums, np.zeros(ready, np.float32)))
            for shift in range(0, self.model.n_fft, hop):
                sums[shift : shift + ready] += windows[:, shift : shift + hop].ravel()
        self._sums = sums[ready:]
        complete = sums[:ready]
        if before < len(self._norms) - 1:  # the first samples have fewer windows than others
            norms = self._norms[np.minimum(before + np.arange(len(windows)), len(self._norms) - 1)]
            complete = complete * (self._norms[-1] / norms).ravel()
        return complete


def checked(samples: np.ndarray, before: int = 0) -> np.ndarray:
    """Samples as float32; where all are next to nothing, zeros.

    Args:
        samples: (n,) or (n, C), full scale ±1.
        before: samples of the signal before them, for the message.

    Raises: UserError for integers, and for numbers that cannot be audio, naming the first.
    """
    samples = np.asarray(samples)
    if samples.dtype.kind != "f":
        raise UserError(f"samples are floats with full scale ±1, not {samples.dtype}; divide 16-bit integers by 32768")
    given = samples
    if samples.dtype != np.float32:
        with np.errstate(over="ignore"):  # float64 beyond float32 is too loud, too
            samples = given.astype(np.float32)
    loudness = np.abs(samples)
    loudest = loudness.max(initial=0)
    if not loudest <= LOUDEST:
        first = np.argwhere(~(loudness <= LOUDEST))[0]
        what = "samples beyond ±1e6 where full scale is ±1" if np.isfinite(given[tuple(first)]) else "NaN or infinite samples"
        raise UserError(f"the input holds {what}, the first at sample {before + first[0]}")
    return samples if loudest >= SILENT else np.zeros_like(samples)


def _norms(window: np.ndarray, hop: int) -> np.ndarray:
    """(n_fft/hop, hop): the sum of the squared windows over the hop that frame t completes; later frames have the last row's."""
    return np.maximum(np.cumsum((window**2).reshape(-1, hop), axis=0), 1e-8)
