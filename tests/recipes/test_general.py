"""egs/general as a user runs its data stages, on tables of signals made here: what is left empty in db.sh is left out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import RATE
from kdse.data.datadir import DataDir
from kdse.data.pack import Pack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, str]:
    """Variables of db.sh for two tables of speech and two of noise; the path of one has a blank."""
    import soundfile

    root = tmp_path_factory.mktemp("sources")
    rng, t = np.random.default_rng(0), np.arange(RATE) / RATE
    for name in ("one", "two"):
        lines = ["utt_id\tspeaker\tpath\ttext\n"]
        for speaker in ("ann", "bob", "eve"):
            samples = 0.1 * np.sin(2 * np.pi * rng.uniform(100, 300) * t) * (np.sin(2 * np.pi * 2 * t) > 0)
            soundfile.write(root / f"{name}-{speaker}.wav", samples, RATE)
            lines.append(f"{name}-{speaker}\t{speaker}\t{name}-{speaker}.wav\tGOOD DAY\n")
        (root / f"{name}.tsv").write_text("".join(lines))
    (root / "my noise").mkdir()
    for name, splits, licence in (
        ("my noise/a", ("train", "dev", "test", "test"), "CC0"),
        ("b", ("train",), "not to be given away"),
    ):
        lines = ["split\tnoise_id\tpath\tlicence\n"]
        for i, split in enumerate(splits):
            noise_id = f"{Path(name).name}{i}"
            soundfile.write((root / name).with_name(f"{noise_id}.wav"), 0.05 * rng.standard_normal(12 * RATE), RATE)
            lines.append(f"{split}\t{noise_id}\t{noise_id}.wav\t{licence}\n")
        (root / f"{name}.tsv").write_text("".join(lines))
    return {
        "SPEECH": f"{root}/one.tsv {root}/two.tsv",
        "SPEECH_DEV": "ann",
        "SPEECH_TEST": "eve",
        "NOISE": f"{root}/my noise/a.tsv",
        "NOISE_MORE": f"{root}/b.tsv",
    }


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A copy of what a recipe needs, away from any shared data."""
    root = tmp_path_factory.mktemp("checkout") / "kdse"
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    return root / "egs" / "general" / "kd1"


def run(recipe: Path, sources: dict[str, str], *arguments: str, code: int = 0) -> str:
    """Run ./run.sh and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    nothing = dict.fromkeys(("AN4", "LIBRISPEECH", "LIBRISPEECH_STAND_INS", "NOISE_TEST", "RIRS"), "")
    env = {**os.environ, **nothing, **sources, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["./run.sh", *arguments], cwd=recipe, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.recipe
def test_data_and_mix(recipe, sources):
    shown = run(recipe, sources, "--stop_stage", "2", "--nj", "2")
    assert "1 training noises are left out for their licence (not to be given away)" in shown
    assert DataDir(recipe / "data/train").utts == ["one-bob", "two-bob"]
    sizes = {name: len(DataDir(recipe / "dump" / name)) for name in ("dev_noisy", "dev_clean", "test_noisy", "test_clean")}
    assert sizes == {"dev_noisy": 2 * 4, "dev_clean": 2, "test_noisy": 2 * 4 * 2, "test_clean": 2}
    packed = set(Pack(recipe / "dump/pack/noise_train"))
    assert "a0" in packed and "b0" not in packed and len(packed) == 61
    assert len(Pack(recipe / "dump/pack/rir_train")) == 160
    again = run(recipe, sources, "--stop_stage", "2", "--mix_config", "conf/mix/rooms.yaml")
    assert "make noises" not in again and again.count("skipped") == 1 + 6 + 4  # the mixes differ in training alone


@pytest.mark.recipe
def test_nothing_given(recipe, sources):
    assert "set NOISE= (folders or TSVs) in db.sh" in run(recipe, {**sources, "NOISE": ""}, "--stop_stage", "1", code=2)
    empty = dict.fromkeys(("SPEECH", "SPEECH_DEV", "SPEECH_TEST"), "")
    assert "there is no speech for 'train'; give --an4," in run(recipe, {**sources, **empty}, "--stop_stage", "1", code=2)
