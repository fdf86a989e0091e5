"""Students with random weights, exported as files, beside the networks that they were made from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kdse.nets.bandcrn import BandCRN
from kdse.nets.dccrn import DCCRN
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.stream import FrameEnhancer

KINDS = {
    "bandcrn": (lambda: BandCRN(257, (3, 4), 6, bands=16), {}),
    "dccrn": (lambda: DCCRN(257, (2, 3, 4), 5), {"window_type": "hann_sqrt"}),
    "quarter": (lambda: BandCRN(257, (3, 4), 6, bands=16), {"hop_length": 128}),
    "padded": (lambda: BandCRN(257, (3, 4), 6, bands=16), {"hop_length": 128, "window_length": 401}),
}
"""name: the network, and metadata beside 16 kHz and a Hann window of 512 samples with a hop of 256."""


@dataclass
class Student:
    """A network and its file.

    Attributes:
        net: in eval mode.
        data: the ONNX file.
        model: the same, loaded.
    """

    net: torch.nn.Module
    data: bytes
    model: Model

    def torch_whole(self, wave: np.ndarray) -> np.ndarray:
        """torch.stft, the network, torch.istft."""
        options = {"n_fft": 512, "hop_length": self.model.hop, "window": self.torch_window()}
        with torch.inference_mode():
            spectrum = torch.stft(torch.from_numpy(wave), return_complex=True, **options)
            mask = self.net(spectrum.T[None])[0].T
            return torch.istft(spectrum * mask, length=len(wave), **options).numpy()

    def torch_window(self) -> Tensor:
        """Made by torch, not by the runtime."""
        length = int(self.model.metadata["window_length"])
        window = torch.hann_window(length)
        window = window.sqrt() if self.model.metadata["window_type"] == "hann_sqrt" else window
        before = (512 - length) // 2
        return torch.nn.functional.pad(window, (before, 512 - length - before))


@pytest.fixture(scope="session")
def students(exported, lived_in) -> dict[str, Student]:
    made = {}
    for name, (build, metadata) in KINDS.items():
        net = lived_in(build())
        data = exported(net, **metadata)
        made[name] = Student(net, data, Model(data, f"{name}.onnx"))
    return made


@pytest.fixture(params=KINDS, scope="session")
def student(request, students) -> Student:
    return students[request.param]


@pytest.fixture(scope="session")
def model(students) -> Model:
    """One student where the network does not matter."""
    return students["bandcrn"].model


@pytest.fixture
def file(students, tmp_path) -> Path:
    path = tmp_path / "student.onnx"
    path.write_bytes(students["bandcrn"].data)
    return path


@pytest.fixture(scope="session")
def enhanced() -> Callable[..., np.ndarray]:
    """enhanced(model, wave, chunks, output) -> all that a stream gives for the wave in chunks of these lengths, one after another
    until the wave ends; the whole at once without them."""

    def run(model: Model, wave: np.ndarray, chunks: tuple[int, ...] = (), output: OutputStage | None = None) -> np.ndarray:
        stream, parts, start, turn = FrameEnhancer(model, output), [], 0, 0
        while start < len(wave):
            stop = start + chunks[turn % len(chunks)] if chunks else len(wave)
            parts.append(stream.push(wave[start:stop]))
            start, turn = stop, turn + 1
        return np.concatenate([*parts, stream.flush()])

    return run


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """noise(n, seed, level) -> float32 (n,), white, in bursts."""

    def make(n: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
        bursts = 0.1 + np.clip(np.sin(np.arange(n) / 1200 + seed), 0, None)
        return (level * bursts * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)

    return make
