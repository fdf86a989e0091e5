"""egs/librispeech_noisy as a user runs it, every stage, with rooms, on a tree in LibriSpeech's layout with the voices of mini."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import RATE

ROOT = Path(__file__).resolve().parents[2]
SUBSETS = {"train": ("train-clean-100",), "dev": ("dev-clean", "dev-other"), "test": ("test-clean", "test-other")}
UTTERANCES = {"train": 1, "dev": 3, "test": 4}  # of each speaker
SETS = ("dev-clean_noisy", "dev-other_noisy", "test-clean_noisy", "test-other_noisy", "test-clean_clean", "test-other_clean")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, str]:
    """The recipe's variables: speech in LibriSpeech's layout, noises in a folder split by name, rooms as in OpenSLR 28."""
    pytest.importorskip("hibari", reason="mini speaks through text-to-speech wheels; 'make setup' installs them")
    import soundfile

    from kdse.core.errors import UserError
    from kdse.data.corpora.mini.corpus import plan, recording
    from kdse.data.corpora.mini.noises import NoisePlan, make_noises
    from kdse.data.corpora.mini.text import transcript
    from kdse.data.corpora.mini.tts import check_wheels, to_phonemes

    try:
        check_wheels()
    except UserError as e:
        pytest.skip(str(e))
    root = tmp_path_factory.mktemp("sources")
    items = [item for group in plan(Path(), "smallest") for item in group if not item.speaker.voice.mix]  # the quick voice
    for split, subsets in SUBSETS.items():
        for item in (item for item in items if item.speaker.split == split):
            number = 1000 + int(item.speaker.name[1:])
            chapter = root / "LibriSpeech" / subsets[number % len(subsets)] / str(number) / "7"
            chapter.mkdir(parents=True, exist_ok=True)
            speaker, count = str(number), len(list(chapter.glob("*.flac")))
            if count == UTTERANCES[split]:
                continue
            utt = f"{speaker}-7-{count:04d}"
            soundfile.write(chapter / f"{utt}.flac", recording(item, to_phonemes(item.sentence) + "."), RATE)
            with open(chapter / f"{speaker}-7.trans.txt", "a") as file:
                file.write(f"{utt} {transcript(item.sentence)}\n")
    for noise in make_noises(root / "made", NoisePlan(1, 1, 1, 8.0), nj=1):
        target = root / "noise" / noise.split / noise.category / Path(noise.path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(noise.path, target)
    for i in range(40):
        late = np.random.default_rng(i).standard_normal(2000) * np.exp(-np.arange(2000) / 500) * 4000
        path = root / f"RIRS_NOISES/simulated_rirs/smallroom/Room{i:03d}/Room{i:03d}-00001.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.r_[20000, late].astype(np.int16), RATE)
    return {"LIBRISPEECH": str(root / "LibriSpeech"), "NOISE": str(root / "noise"), "RIRS": str(root / "RIRS_NOISES")}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A copy of what a recipe needs, so that a user's own data and models stay untouched."""
    root = tmp_path_factory.mktemp("checkout") / "kdse"
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    return root / "egs" / "librispeech_noisy" / "kd1"


def run(recipe: Path, sources: dict[str, str], *arguments: str, code: int = 0) -> str:
    """Run ./run.sh and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "NOISE_TEST": "", **sources, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["./run.sh", *arguments], cwd=recipe, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def rows(recipe: Path, name: str) -> list[dict]:
    with gzip.open(recipe / "exp/results" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.recipe
def test_options(recipe, sources):
    """What the recipe itself takes; a tree that is not said to be partial is refused by its counts, before anything is written."""
    assert "Usage: ./run.sh" in run(recipe, sources, "--help")
    for wrong in (("--hours", "500"), ("--size=small",), ("--download", "yes"), ("--hours",)):
        assert "--hours is 100, 460 or 960" in run(recipe, sources, *wrong, code=2)
    out = run(recipe, sources, "--stage", "1", "--stop_stage", "1", code=2)
    assert "train-clean-100 of " in out and " holds 20 utterances instead of 28,539" in out and "--allow_partial" in out
    assert not (recipe / "data").exists()
    assert "set LIBRISPEECH=" in run(recipe, {**sources, "LIBRISPEECH": ""}, "--stop_stage", "1", code=2)
    out = run(recipe, sources, "--hours=960", "--allow_partial=true", "--stop_stage", "1", code=2)
    assert "there is no" in out and "train-clean-360" in out


@pytest.mark.slow
@pytest.mark.recipe
def test_from_data_to_report(recipe, sources):
    """The models of mini's smallest size; one run is kept from the test sets, as selected.yaml has it."""
    smallest = "../../mini/kd1/conf/smallest"
    options = ["--size", "tiny", "--asr_config", f"{smallest}/asr/conformer.yaml", "--tokens_config", f"{smallest}/tokens.yaml"]
    options += ["--teacher_config", f"{smallest}/teacher/conformer.yaml", "--student_config", f"{smallest}/student/bandcrn-m.yaml"]
    run(recipe, sources, *options, "--stop_stage", "6")
    (recipe / "selected.yaml").write_text(
        "runs: [mct_noisy_seed0, spectral_subtraction, se_teacher_conformer, kd_bandcrn-m_seed0]\n"
    )
    shown = run(recipe, sources, *options, "--stage", "7", "--claim", "kd < kd on test-other_noisy", code=1)
    assert "standalone_se_bandcrn-m_seed0 is not in selected.yaml: test-clean_noisy, test-other_noisy, test-clean_clean, " in shown
    found = rows(recipe, "kd_bandcrn-m_seed0")
    assert [sum(row["set"] == name for row in found) for name in SETS] == [3, 3, 4, 4, 4, 4]
    assert {row["set"] for row in rows(recipe, "standalone_se_bandcrn-m_seed0")} == set(SETS[:2])
    noisy = [row for row in found if row["set"].endswith("_noisy")]
    assert {row["category"].partition(":")[0] for row in noisy} == {"seen", "unseen"}
    assert all(("_train" in row["noise"]) == row["category"].startswith("seen:") for row in noisy)
    assert any('"rir"' in line for line in (recipe / "dump/test-clean_noisy/manifest.jsonl").read_text().splitlines())
    results = (recipe / "exp/results/RESULTS.md").read_text(encoding="utf-8")
    assert "test_noisy: test-clean_noisy and test-other_noisy together." in results
    assert "dev_noisy: dev-clean_noisy and dev-other_noisy together." in results
    images = [part.partition(")")[0] for part in results.split("](")[1:]]
    assert all((recipe / "exp/results" / image).exists() for image in images if "png" in image)
    again = run(recipe, sources, *options, "--stop_stage", "6")
    assert "epoch" not in again and again.count("skipped") >= 1 + 6 + 6 + 4
