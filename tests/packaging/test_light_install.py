"""`pip install .`: four packages and what these pull in, without a C compiler, and a kdse that says what it leaves out."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from kdse import Enhancer
from kdse.cli import VERBS
from kdse.export.student import Student
from kdse.nets.bandcrn import BandCRN
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.packaged import packaged

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "tools/constraints.txt"
DIRECT = {"numpy", "onnxruntime", "soundfile", "soxr"}
INSTALLED = """
import json
from importlib import metadata
print(json.dumps({d.name.lower().replace("_", "-"): d.requires or [] for d in metadata.distributions()}))
"""
ENHANCE = """
import sys
import numpy as np
from kdse import Enhancer
model, noisy, enhanced = sys.argv[1:]
np.save(enhanced, Enhancer.from_pretrained(model)(np.load(noisy), 44100))
"""
NO_NETWORK = r"Failed to fetch|error sending request|dns error|Network is unreachable|Connection refused"


def tree(folder: Path) -> Path:
    """A copy of what is packaged, with one more file among the models; nothing that was built."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
    shutil.copytree(ROOT / "kdse", folder / "kdse", ignore=unwanted)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    models = folder / "kdse/runtime/models"
    models.mkdir(exist_ok=True)
    (models / "probe.onnx").write_bytes(b"not a model")
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return tree(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def light(source, tmp_path_factory) -> Path:
    """The programs of an environment with a light install of the tree, made where no C compiler works."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("there is no uv beside this Python, which 'make setup' puts there")
    venv = tmp_path_factory.mktemp("light") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    command = [uv, "pip", "install", "--python", venv / "bin/python", "-c", CONSTRAINTS, "--build-constraint", CONSTRAINTS, source]
    for more in (["--offline"], []):  # what 'make setup' left in uv's cache, else from where packages come
        done = subprocess.run([*command, *more], capture_output=True, text=True, env=os.environ | {"CC": "false"}, timeout=120)
        if done.returncode == 0:
            return venv / "bin"
    if re.search(NO_NETWORK, done.stderr):
        pytest.skip(f"packages cannot be had here: {done.stderr.strip().splitlines()[-1]}")
    pytest.fail(done.stderr)


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    """An exported student with random weights."""
    torch.manual_seed(0)
    record = dict.fromkeys(("run", "approach", "corpus", "teacher", "seed"))
    data = Student(BandCRN().eval(), {"n_fft": 512, "hop_length": 256}, record).onnx(OutputStage())
    path = tmp_path_factory.mktemp("model") / "student.onnx"
    path.write_bytes(data)
    return path


@pytest.fixture
def call(light, tmp_path):
    """call(program, *words): run a program of the light install in an empty folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"PYTHONNOUSERSITE": "1"}

    def run(program: str, *words: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [light / program, *map(str, words)], capture_output=True, text=True, cwd=tmp_path, env=env, timeout=60
        )

    return run


def test_what_is_installed(call):
    """kdse, its four packages and what these need; no more."""
    installed = json.loads(call("python", "-c", INSTALLED).stdout)
    needed = {name: {word(text) for text in requires if "extra ==" not in text} for name, requires in installed.items()}
    assert needed["kdse"] == DIRECT
    reached, new = set(), {"kdse"}
    while new:
        reached |= new
        new = set().union(*(needed[name] for name in new)) - reached
    assert reached == installed.keys()
    assert not installed.keys() & {"torch", "torchaudio", "espnet", "scipy", "pyyaml", "tqdm", "librosa", "scikit-learn", "onnx"}


def word(requirement: str) -> str:
    """The name that a requirement begins with."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def test_the_package_is_whole(light, source):
    """Each file of the tree but C is there, models included; without a compiler nothing was built."""
    [home] = light.parent.glob("lib/python*/site-packages/kdse")
    there = {path.relative_to(home) for path in home.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    wanted = {path.relative_to(source / "kdse") for path in (source / "kdse").rglob("*") if path.is_file() and path.suffix != ".c"}
    assert there == wanted and Path("runtime/models/probe.onnx") in there


def test_a_student_at_work(call, student, tmp_path):
    """In Python, at another rate and with two channels: the samples of a full install."""
    noisy = np.random.default_rng(0).normal(0, 0.1, (30000, 2)).astype(np.float32)
    np.save(tmp_path / "noisy.npy", noisy)
    done = call("python", "-c", ENHANCE, student, "noisy.npy", "enhanced.npy")
    assert done.returncode == 0, done.stderr
    enhanced = np.load(tmp_path / "enhanced.npy")
    assert enhanced.shape == noisy.shape and np.abs(enhanced).max() > 0
    np.testing.assert_allclose(enhanced, Enhancer.from_pretrained(student)(noisy, 44100), atol=1e-6)


@pytest.mark.parametrize("name", ["an exported one", *packaged()])
def test_kdse_enhance(call, student, tmp_path, name):
    """A file comes out as in Python, rounded to 16 bits; the command has it after half a second of computing."""
    noisy = np.random.default_rng(0).integers(-3000, 3000, 4000).astype(np.int16)
    soundfile.write(tmp_path / "noisy.wav", noisy, 16000, subtype="PCM_16")
    model = name if name in packaged() else student
    costs = []
    for out in ("first.wav", "again.wav", "third.wav"):  # the first one compiles kdse's modules
        before = os.times()
        done = call("kdse", "enhance", "noisy.wav", out, "--model", model)
        after = os.times()
        assert done.returncode == 0, done.stderr
        costs.append(after.children_user + after.children_system - before.children_user - before.children_system)
    enhanced, rate = soundfile.read(tmp_path / out)
    wanted = Enhancer.from_pretrained(model)(noisy / 32768, 16000)
    assert rate == 16000 and np.abs(enhanced - wanted).max() <= 0.51 / 32768
    assert min(costs) < 0.5


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS)], ids=lambda words: " ".join(["kdse", *words]))
def test_help(call, words):
    done = call("kdse", *words, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: kdse") and not done.stderr


COMMANDS = [
    "train asr --config c.yaml --out x --corpus y",
    "train se --approach kd --config c.yaml --out x --corpus y",
    "mix --data data --dump dump --sets c.yaml",
    "tokens --backend b --dump dump --config c.yaml --out t",
    "decode --run exp/r --backend exp/b --sets dev",
    "score --run exp/r --backend b --sets dev --dump dump --out res",
    "export --run exp/r",
    "bench cost --run exp/r",
    "report --recipe . --expdir exp",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_left_out_is_one_sentence(call, command):
    """With the first package that is missed; what trains needs torch before all else."""
    done = call("kdse", *command.split())
    verb = command.split()[0]
    package = "torch" if verb in ("train", "export", "bench") else r"[\w-]+"
    sentence = (
        rf"kdse {verb}: needs {package}, which a light install leaves out; install the extra with pip install 'kdse\[train\]'\n"
    )
    assert (done.returncode, done.stdout) == (2, "") and re.fullmatch(sentence, done.stderr), done.stderr
