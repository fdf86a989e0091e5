"""egs/chime4 as a user runs it, every stage, on the miniature."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdse.core.files import read_yaml
from kdse.data.corpora.chime4.corpus import SETS
from kdse.data.datadir import DataDir
from kdse.scoring.row import read_rows

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.slow
@pytest.mark.recipe
def test_every_stage_of_the_recipe(chime4_of_all, tmp_path):
    """./run.sh on the miniature with mini's smallest models: every stage runs, and every set has its rows."""
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    folder, small = tmp_path / "egs" / "chime4" / "kd1", "../../mini/kd1/conf/smallest"
    options = [
        "--allow_partial",
        "true",
        "--approaches",
        "standalone_se kd joint_straight",
        "--omegas",
        "0 0.2",
        "--train_jobs",
        "2",
    ]
    options += ["--asr_config", f"{small}/asr/conformer.yaml", "--teacher_config", f"{small}/teacher/conformer.yaml"]
    options += ["--student_config", f"{small}/student/bandcrn-m.yaml", "--tokens_config", f"{small}/tokens.yaml"]
    options += ["--baselines", "spectral_subtraction", "--nj", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    where = {"CHIME4": str(chime4_of_all[0]), "WSJ0": str(chime4_of_all[1]), "PATH": path, "PYTHONPATH": str(ROOT)}
    how = {"cwd": folder, "env": {**os.environ, **where}, "capture_output": True, "text": True, "timeout": 1500}
    done = subprocess.run(["./run.sh", *options], **how)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    items = {name: DataDir(folder / "dump" / name) for name in SETS}
    for run in ("mct_noisy_seed0", "spectral_subtraction", "kd_bandcrn-m_seed0", "joint_straight_bandcrn-m_seed0"):
        rows = list(read_rows(folder / "exp/results" / f"{run}.jsonl.gz"))
        omegas = (0.0,) if run == "mct_noisy_seed0" else (0.0, 0.2)
        assert {(row["set"], row["omega"]) for row in rows} == {(name, omega) for name in SETS for omega in omegas}
        for name, data in items.items():
            scored = [row for row in rows if row["set"] == name and row["omega"] == 0]
            utts = data.tables.get("utt2orig", {utt: utt for utt in data.utts})
            assert sorted((row["utt"], row["ref"]) for row in scored) == sorted((utts[utt], data["text"][utt]) for utt in data.utts)
            assert {row["category"] for row in scored} == {{"bth": "CLEAN", "imu": "SIMU", "eal": "REAL"}[name[-3:]]}
            if name.endswith("real"):
                assert all(row["pesq_wb"] is None and row["missing"]["pesq_wb"] == "no clean reference" for row in scored)
            elif name.endswith("simu"):
                assert all(row["stoi"] is not None for row in scored) and {row["noise"] for row in scored} == {
                    "bus",
                    "caf",
                    "ped",
                    "str",
                }
    shapes = read_yaml(folder / "exp" / "joint_straight_bandcrn-m_seed0" / "train.yaml")["train_shape_file"]
    assert len((folder / shapes[0]).read_text().splitlines()) == len(DataDir(folder / "data" / "train"))
    again = subprocess.run(["./run.sh", *options, "--stage", "1", "--stop_stage", "8"], **how).stdout
    assert "epoch" not in again and "runs again" not in again
