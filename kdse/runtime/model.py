"""An exported student: one frame of a spectrum in, one out, with explicit states. The interface is that of GTCRN in sherpa-onnx."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from kdse.core.errors import UserError
from kdse.runtime.frames import Frames, States
from kdse.runtime.output_stage import OutputStage

RATE = 16000
"""Samples per second; the students know no other rate."""
WINDOWS = {"hann": lambda hann: hann, "hann_sqrt": np.sqrt}
"""{window_type: window made of the periodic Hann window}; analysis and synthesis have the same."""
LARGEST = 1e8
"""Values of a state, at most."""
STATES = ("conv_cache", "tra_cache", "inter_cache")
_NEEDED = ("model_type", "sample_rate", "n_fft", "hop_length", "window_length", "window_type")


class Model:
    """A student in ONNX Runtime, on one thread.

    Attributes:
        path: its file, or what it was loaded from, for messages.
        metadata: texts that the file carries, by name.
        rate: samples per second.
        n_fft, hop: of the STFT, in samples.
        window: float32 (n_fft,).
        output: floor, exponent and mix that the file states as its defaults.
    """

    def __init__(self, data: bytes, path: Path | str, checksum: str | None = None):
        """Load a model.

        Args:
            data: the ONNX file.
            path: for messages.
            checksum: SHA-256 that `data` must have.

        Raises: UserError where the file is damaged, no ONNX, of something else, or for another sampling rate.
        """
        self.path = Path(path)
        if checksum and hashlib.sha256(data).hexdigest() != checksum:
            raise UserError(f"{path} is not the file that was packaged: its checksum differs; install kdse again")
        self.session = _session(data, path)
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        self._check_interface()
        self.rate = self._number("sample_rate")
        if self.rate != RATE:
            raise UserError(f"{path} is a model for {self.rate} Hz; kdse enhances at {RATE} Hz, so export one for that rate")
        self.n_fft, self.hop = self._number("n_fft"), self._number("hop_length")
        self.window = self._window()
        self.output = self._output()
        self._names = [value.name for value in self.session.get_inputs()]
        self._check_one_frame()

    @classmethod
    def load(cls, path: Path | str, checksum: str | None = None) -> "Model":
        """Read a model from its file; errors as above, and where there is no file."""
        path = Path(path)
        if os.path.isdir(path):
            raise UserError(f"{path} is a folder, not the .onnx file of a model")
        try:
            data = path.read_bytes()
        except OSError as e:
            raise UserError(f"cannot read the model {path}: {e.strerror or e}") from e
        return cls(data, path, checksum)

    def initial_states(self) -> States:
        """Zeros, as before the first frame."""
        return tuple(np.zeros(self._shape(f"{name}_shape"), np.float32) for name in STATES)

    def step(self, spectrum: np.ndarray, states: States) -> tuple[np.ndarray, States]:
        """Enhance the next frame.

        Args:
            spectrum: float32 (1, F, 1, 2), real and imaginary parts of F = n_fft/2 + 1 bins.
            states: of the frame before.
        """
        enhanced, *states = self.session.run(None, dict(zip(self._names, (spectrum, *states), strict=True)))
        return enhanced, tuple(states)

    def frames(self, states: States | None = None) -> Frames:
        """What enhances frames of one stream quickly, from these states on; from the initial ones without them."""
        return Frames(self.session, self.n_fft // 2 + 1, self.initial_states() if states is None else states)

    def steps(self, spectra: np.ndarray, states: States) -> tuple[np.ndarray, States]:
        """Enhance frames one after another: complex (T, F) to complex64 (T, F), and the states after them."""
        frames = self.frames(states)
        return frames.run(spectra), frames.states

    def _check_interface(self) -> None:
        """Raise UserError where this is a network of another kind."""
        missing = [name for name in (*_NEEDED, *(f"{state}_shape" for state in STATES)) if name not in self.metadata]
        kind = self.metadata.get("model_type")
        if missing or kind != "gtcrn":
            why = f"it states no {missing[0]}" if missing else f"its model_type is {kind!r}"
            raise UserError(f"{self.path} is no front end that kdse exported, nor a GTCRN for sherpa-onnx: {why}")
        if len(self.session.get_inputs()) != 4 or len(self.session.get_outputs()) != 4:
            raise UserError(f"{self.path} is no front end for single frames: it must have four inputs and four outputs")

    def _check_one_frame(self) -> None:
        """Raise UserError where the network does not take the shapes that its metadata state."""
        frame, states = np.full((1, self.n_fft // 2 + 1, 1, 2), 0.1, np.float32), self.initial_states()
        try:
            enhanced, after = self.step(frame, states)
        except Exception as e:  # ONNX Runtime raises classes of its own that it does not export
            raise UserError(f"{self.path}: the network does not fit what its metadata state: {_first_line(e)}") from e
        wanted = [(x.shape, np.float32) for x in (frame, *states)]
        if [(np.shape(x), getattr(x, "dtype", None)) for x in (enhanced, *after)] != wanted:
            raise UserError(f"{self.path}: the network's outputs have other shapes or types than its inputs")
        if not all(np.isfinite(x).all() for x in (enhanced, *after)):
            raise UserError(f"{self.path}: the network gives NaN or infinite numbers")

    def _number(self, name: str) -> int:
        """A whole number above 0 in the metadata."""
        if "," in self.metadata[name]:
            raise UserError(f"{self.path}: {name} must be one number, not {self.metadata[name]!r}")
        return self._shape(name)[0]

    def _output(self) -> OutputStage:
        """The output stage in the metadata."""
        try:
            return OutputStage.of(self.metadata)
        except UserError as e:
            raise UserError(f"{self.path}: {e}") from e

    def _shape(self, name: str) -> tuple[int, ...]:
        """Whole numbers above 0, separated by commas, in the metadata."""
        try:
            shape = tuple(int(size) for size in self.metadata[name].split(","))
        except ValueError:
            shape = ()
        if not shape or min(shape) < 1:
            raise UserError(f"{self.path}: {name} must be whole numbers above 0, not {self.metadata[name]!r}")
        if np.prod(shape, dtype=float) > LARGEST:
            raise UserError(f"{self.path}: {name} is too large: {self.metadata[name]}")
        return shape

    def _window(self) -> np.ndarray:
        """The window of the STFT, in the middle of n_fft samples."""
        kind, length = self.metadata["window_type"], self._number("window_length")
        if kind not in WINDOWS:
            raise UserError(f"{self.path}: there is no window_type {kind!r}; it is one of {', '.join(WINDOWS)}")
        if not self.hop <= length // 2 or not length <= self.n_fft or self.n_fft % (2 * self.hop):
            raise UserError(f"{self.path}: n_fft {self.n_fft}, window_length {length} and hop_length {self.hop} do not fit")
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
        return np.pad(WINDOWS[kind](hann), ((self.n_fft - length) // 2, (self.n_fft - length + 1) // 2)).astype(np.float32)


def _session(data: bytes, path: Path | str) -> onnxruntime.InferenceSession:
    """One thread that does not wait in a loop.

    Denormal numbers are left as they are: `session.set_denormal_as_zero` would round them in all that the caller's thread computes,
    NumPy included, and for good. `kdse.runtime.stream` lets none come up.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # ONNX Runtime raises classes of its own that it does not export
        raise UserError(f"{path} is damaged or no ONNX model: {_first_line(e)}") from e


def _first_line(error: Exception) -> str:
    """What ONNX Runtime says first, without its code."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rpartition(" : ")[2][:200]


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as the metadata state it.

    >>> shape_text((2, 1, 80))
    '2,1,80'
    """
    return ",".join(map(str, shape))


def describe(metadata: Mapping[str, str]) -> str:
    """One line on a model: its name and where it comes from."""
    return ", ".join(f"{name} {metadata[name]}" for name in ("name", "approach", "commit") if name in metadata)
