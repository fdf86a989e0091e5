"""A model on one stream: frame by frame in buffers of its own, which ONNX Runtime reads and writes where they are."""

from collections.abc import Sequence

import numpy as np
import onnxruntime

States = tuple[np.ndarray, ...]


class Frames:
    """Frames through a network one after another, and its states between them.

    Handing ONNX Runtime new arrays for every frame, and taking new ones from it, costs a sixth of a frame. So two sets of states
    take turns: what one frame writes, the next one reads.

    Args:
        session: the network; many streams may share it.
        bins: F, of a frame.
        states: those before the first frame, float32; they are copied.

    Attributes:
        noisy: complex64 (1, F), the frame that `step` enhances.
        enhanced: complex64 (1, F), what the last `step` made of it.
    """

    def __init__(self, session: onnxruntime.InferenceSession, bins: int, states: Sequence[np.ndarray]):
        self._session = session
        self.noisy, self.enhanced = np.zeros((1, bins), np.complex64), np.zeros((1, bins), np.complex64)
        self._states = [tuple(np.array(state, np.float32, order="C") for state in states) for _ in range(2)]
        self._turns = [self._binding(*self._states), self._binding(*self._states[::-1])]
        self._turn = 0

    @property
    def states(self) -> States:
        """Copies of the states after the last frame."""
        return tuple(state.copy() for state in self._states[self._turn])

    def reset(self) -> None:
        """Zeros, as before the first frame."""
        for state in self._states[self._turn]:
            state.fill(0)

    def step(self) -> None:
        """Enhance one frame, from `noisy` to `enhanced`."""
        self._session.run_with_iobinding(self._turns[self._turn])
        self._turn ^= 1

    def run(self, spectra: np.ndarray) -> np.ndarray:
        """Enhance the next frames: complex (T, F) to complex64 (T, F)."""
        result = np.empty(spectra.shape, np.complex64)
        for frame, place in zip(spectra, result, strict=True):
            self.noisy[:] = frame
            self.step()
            place[:] = self.enhanced[0]
        return result

    def _binding(self, before: States, after: States) -> onnxruntime.IOBinding:
        """The network's inputs and outputs at the places of these arrays, which live as long as this object."""
        binding = self._session.io_binding()
        noisy, enhanced = (x.view(np.float32).reshape(1, -1, 1, 2) for x in (self.noisy, self.enhanced))
        for value, array in zip(self._session.get_inputs(), (noisy, *before), strict=True):
            binding.bind_input(value.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for value, array in zip(self._session.get_outputs(), (enhanced, *after), strict=True):
            binding.bind_output(value.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return binding
