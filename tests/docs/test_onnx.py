"""What docs/onnx.md says of a student's file is so, and its example gives kdse's samples."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from kdse import Enhancer
from kdse.export.student import Student
from kdse.nets.bandcrn import BandCRN
from kdse.nets.dccrn import DCCRN
from kdse.runtime.output_stage import OutputStage

PAGE = (Path(__file__).resolve().parents[2] / "docs/onnx.md").read_text(encoding="utf-8")
[CODE] = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module", params=["hann", "hann_sqrt"])
def file(request, lived_in, tmp_path_factory) -> Path:
    """A student whose metadata are all there."""
    record = dict.fromkeys(("run", "approach", "corpus", "teacher", "seed", "commit"), "x")
    stft = {"n_fft": 512, "hop_length": 256, "window": request.param}
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    path.write_bytes(Student(lived_in(BandCRN()), stft, record).onnx(OutputStage()))
    return path


@pytest.fixture(scope="module")
def noisy() -> np.ndarray:
    bursts = np.clip(np.sin(np.arange(20000) / 1200), 0.02, None)
    return (0.1 * bursts * np.random.default_rng(0).standard_normal(20000)).astype(np.float32)


def test_the_example_gives_our_samples(file, noisy):
    """To the last one; it is a page, and needs NumPy and ONNX Runtime alone."""
    lines = [line for line in CODE.splitlines() if line.strip()]
    assert len(lines) <= 40
    assert set(re.findall(r"^import (\w+)", CODE, re.M)) == {"sys", "wave", "numpy", "onnxruntime"}
    names = {"__name__": "example"}
    exec(compile(CODE, "docs/onnx.md", "exec"), names)
    wanted = Enhancer.from_pretrained(file)(noisy, 16000)
    np.testing.assert_allclose(names["enhance"](str(file), noisy), wanted, rtol=0, atol=1e-6)
    assert np.abs(wanted - noisy).max() > 0.005


def test_the_example_runs_as_it_stands(file, noisy, tmp_path):
    (tmp_path / "enhance.py").write_text(CODE, encoding="utf-8")
    soundfile.write(tmp_path / "noisy.wav", noisy, 16000, subtype="PCM_16")
    subprocess.run([sys.executable, "enhance.py", file, "noisy.wav", "enhanced.wav"], cwd=tmp_path, check=True, timeout=60)
    read, rate = soundfile.read(tmp_path / "enhanced.wav", dtype="float32")
    noisy, _ = soundfile.read(tmp_path / "noisy.wav", dtype="float32")
    assert rate == 16000
    np.testing.assert_allclose(read, Enhancer.from_pretrained(file)(noisy, 16000), rtol=0, atol=0.51 / 32768)


def test_inputs_and_outputs_are_those_of_the_table(file):
    graph = onnx.load(file).graph
    rows = re.findall(r"^\| (\d) \| `(\w+)` \| `(\w+)` \| ([\w, ]+) \|", PAGE, re.M)
    assert [int(place) for place, *_ in rows] == [0, 1, 2, 3]
    assert [name for _, name, _, _ in rows] == [value.name for value in graph.input]
    assert [name for _, _, name, _ in rows] == [value.name for value in graph.output]
    for (*_, shape), *values in zip(rows, graph.input, graph.output, strict=True):
        words = [int(word) if word.isdigit() else {"F": 257, "layers": 2, "units": 80}.get(word) for word in shape.split(", ")]
        for value in values:
            sizes = [size.dim_value for size in value.type.tensor_type.shape.dim]
            assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT and len(sizes) == len(words)
            assert all(word in (None, size) for word, size in zip(words, sizes, strict=True))


def test_metadata_are_those_of_the_table(file):
    table = PAGE[PAGE.index("| metadata |") : PAGE.index("## Frames")]
    named = {name for line in table.splitlines()[2:] if line for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    stated = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert stated.keys() <= named and named - stated.keys() <= {"exported_at_commit"}  # outside of git there is none
    for line in table.splitlines()[2:6]:
        _, names, values, *_ = line.split("|")
        for name, value in zip(re.findall(r"`(\w+)`", names), re.findall(r"`(\w+)`", values), strict=False):
            assert name == "window_type" or stated[name] == value


@pytest.mark.parametrize("net", [BandCRN, DCCRN])
@pytest.mark.parametrize("place, size", enumerate(("s", "m", "l")))
def test_files_are_as_large_as_the_table_says(net, place, size):
    record = dict.fromkeys(("run", "approach", "corpus", "teacher", "seed"))
    student = Student(net(257, **net.sizes[size]).eval(), {"n_fft": 512, "hop_length": 256}, record)
    for weights in ("float32", "int8"):
        said = re.search(rf"^\| {net.__name__}, {weights} \|(.*)\|$", PAGE, re.M)[1].split("|")[place]
        assert len(student.onnx(OutputStage(), weights == "int8")) / 1000 == pytest.approx(float(said), abs=2)
