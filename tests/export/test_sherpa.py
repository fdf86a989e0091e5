"""Files of students in sherpa-onnx: its two classes in Python, and its package for Node, give kdse's samples."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx
import soundfile

from kdse.runtime.model import Model
from kdse.runtime.stream import FrameEnhancer

DOCS = Path(__file__).resolve().parents[2] / "docs/onnx.md"
HOP, WINDOW = 256, 512


@pytest.fixture(scope="module", params=["bandcrn-m", "dccrn-m", "gtcrn"])
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def file(name, net_of, exported, tmp_path_factory):
    """file(window_type, int8) -> the path of a student."""
    folder = tmp_path_factory.mktemp("models")

    def write(window: str = "hann_sqrt", int8: bool = False) -> Path:
        path = folder / f"{window}{int8}.onnx"
        path.write_bytes(exported(net_of(name), int8, window_type=window))
        return path

    return write


def ours(path: Path, wave: np.ndarray) -> np.ndarray:
    stream = FrameEnhancer(Model.load(path))
    return np.concatenate([stream.push(wave), stream.flush()])


def config(path: Path) -> sherpa_onnx.OfflineSpeechDenoiserModelConfig:
    gtcrn = sherpa_onnx.OfflineSpeechDenoiserGtcrnModelConfig(model=str(path))
    return sherpa_onnx.OfflineSpeechDenoiserModelConfig(gtcrn=gtcrn, num_threads=1, debug=False, provider="cpu")


def online(path: Path, wave: np.ndarray, chunk: int = 1000) -> np.ndarray:
    denoiser = sherpa_onnx.OnlineSpeechDenoiser(sherpa_onnx.OnlineSpeechDenoiserConfig(model=config(path)))
    parts = [denoiser.run(wave[start : start + chunk], 16000).samples for start in range(0, len(wave), chunk)]
    return np.concatenate([*map(np.asarray, parts), np.asarray(denoiser.flush().samples)])


@pytest.mark.parametrize("window", ["hann", "hann_sqrt"])
@pytest.mark.parametrize("int8", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("length", [300, 16100, 48000])
def test_whole_signals(file, noisy, window, int8, length):
    """Each sample but the last, which its class does not return."""
    path, wave = file(window, int8), noisy[:length]
    denoiser = sherpa_onnx.OfflineSpeechDenoiser(sherpa_onnx.OfflineSpeechDenoiserConfig(model=config(path)))
    got = np.asarray(denoiser(wave, 16000).samples)
    assert denoiser.sample_rate == 16000 and len(got) == length // HOP * HOP
    np.testing.assert_allclose(got, ours(path, wave)[: len(got)], rtol=0, atol=1e-6)
    assert np.abs(got - wave[: len(got)]).max() > 0.005


@pytest.mark.parametrize("int8", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("chunk", [160, 1000])
def test_streams(file, noisy, int8, chunk):
    """Its class begins with zeros where we mirror, and ends with zeros; between them all is the same, at its place."""
    path = file("hann_sqrt", int8)
    got, wanted = online(path, noisy, chunk), ours(path, noisy)
    assert got.shape == wanted.shape
    settled = 20 * HOP  # what a network remembers of its first window fades
    np.testing.assert_allclose(got[settled:-WINDOW], wanted[settled:-WINDOW], rtol=0, atol=1e-5)
    assert np.abs(got[:WINDOW] - wanted[:WINDOW]).max() > 1e-4, "it mirrors now: say so in docs/onnx.md"


def test_streams_of_a_plain_hann_window_are_scaled(file, noisy):
    """By the sum of the squared windows, which its class does not divide by. docs/onnx.md says so."""
    path = file("hann")
    hann = Model.load(path).window
    ripple = np.tile(hann[:HOP] ** 2 + hann[HOP:] ** 2, len(noisy) // HOP + 1)[: len(noisy)]
    assert ripple.min() == pytest.approx(0.5, abs=1e-4) and ripple.max() == pytest.approx(1)
    got, wanted = online(path, noisy), ours(path, noisy) * ripple
    settled = 20 * HOP
    np.testing.assert_allclose(got[settled:-WINDOW], wanted[settled:-WINDOW], rtol=0, atol=1e-5)


def test_node(file, noisy, tmp_path):
    """The example of docs/onnx.md as it stands, with the package that Node finds."""
    node = shutil.which("node")
    found = node and subprocess.run([node, "-p", "require.resolve('sherpa-onnx-node')"], capture_output=True, text=True)
    if not found or found.returncode:
        pytest.skip("needs Node and its package: npm install --prefix DIR sherpa-onnx-node@1.13.8, NODE_PATH=DIR/node_modules")
    [code] = re.findall(r"```js\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    (tmp_path / "enhance.js").write_text(code, encoding="utf-8")
    soundfile.write(tmp_path / "noisy.wav", noisy, 16000, subtype="PCM_16")
    path = file("hann_sqrt", True)
    command = [node, "enhance.js", path, "noisy.wav", "enhanced.wav"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    got, rate = soundfile.read(tmp_path / "enhanced.wav", dtype="float32")
    wanted = ours(path, soundfile.read(tmp_path / "noisy.wav", dtype="float32")[0])[: len(noisy) // HOP * HOP]
    assert rate == 16000
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)  # 16 bits
