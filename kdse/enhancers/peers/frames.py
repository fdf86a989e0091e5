"""What peers share that are networks in ONNX: one thread of onnxruntime, and the STFT of a stream."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@lru_cache(maxsize=8)
def one_thread(path: Path) -> "InferenceSession":
    """A session on one core: one thread, which sleeps while there is nothing to do. It keeps no state, so streams share it."""
    import onnxruntime  # here, because peers without it must not be charged for its memory

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def keeping_states(session: "InferenceSession") -> Callable[[np.ndarray], np.ndarray]:
    """A stream's network, its first input to its first output: the others are states, which begin as zeros, in the same order."""
    given, *inputs = session.get_inputs()
    states = {state.name: np.zeros(state.shape, np.float32) for state in inputs}

    def step(frame: np.ndarray) -> np.ndarray:
        output, *new = session.run(None, {given.name: frame, **states})
        states.update(zip(states, new, strict=True))
        return output

    return step


class OverlapAdd:
    """The STFT of a stream, one hop at a time, and its inverse.

    Args:
        window: (W,) weights of analysis; a frame is the last W samples.
        synthesis: (W,) weights of the inverse.
        hop: samples of a step; what is returned lies W − hop samples behind what was given.
    """

    def __init__(self, window: np.ndarray, synthesis: np.ndarray, hop: int):
        self.window, self.synthesis, self.hop = window.astype(np.float32), synthesis.astype(np.float32), hop
        self.seen, self.sum = np.zeros(len(window), np.float32), np.zeros(len(window), np.float32)

    def analyse(self, samples: np.ndarray) -> np.ndarray:
        """The spectrum, complex64 (W // 2 + 1,), of the frame that ends with these `hop` samples."""
        self.seen[: -self.hop] = self.seen[self.hop :]
        self.seen[-self.hop :] = samples
        return np.fft.rfft(self.seen * self.window)

    def synthesise(self, spectrum: np.ndarray) -> np.ndarray:
        """The `hop` samples that no later frame changes."""
        return self.add(np.fft.irfft(spectrum, len(self.window)) * self.synthesis)

    def add(self, frame: np.ndarray) -> np.ndarray:
        """As `synthesise`, for a frame of W weighted samples."""
        self.sum += frame
        done = self.sum[: self.hop].copy()
        self.sum[: -self.hop] = self.sum[self.hop :]
        self.sum[-self.hop :] = 0
        return done


def hann_root(length: int, hop: int) -> np.ndarray:
    """(length,) square root of a periodic Hann window, used before and after: at half a window's hop their products add up to 1."""
    assert length == 2 * hop
    return np.sin(np.pi * np.arange(length) / length)
