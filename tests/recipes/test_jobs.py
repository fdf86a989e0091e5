"""utils/jobs.sh: a command as a job, here or on Slurm. What real Slurm does with it: tests/slurm."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

JOBS = Path(__file__).resolve().parents[2] / "utils/jobs.sh"


def jobs(*args: object, **env: str) -> subprocess.CompletedProcess:
    """Run jobs.sh."""
    return subprocess.run([JOBS, *map(str, args)], capture_output=True, text=True, env=os.environ | env, timeout=60)


def test_job_keeps_a_log_and_passes_output_on(tmp_path):
    log = tmp_path / "log" / "job.log"
    done = jobs("--log", log, "echo", "two  words")
    assert (done.returncode, done.stdout, done.stderr) == (0, "two  words\n", "")
    assert log.read_text().splitlines()[1:] == [r"$ echo two\ \ words", "two  words"]


def test_failed_job_repeats_the_commands_own_last_lines(tmp_path):
    log = tmp_path / "job.log"
    failing = "seq 20; echo 'kdse data: the AN4 folder is empty' >&2; exit 2"
    done = jobs("--log", log, "bash", "-c", failing)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].strip() == "kdse data: the AN4 folder is empty"
    assert str(log) in done.stderr
    assert "15" not in done.stderr.split()


def test_slurm_job_asks_for_gpus_and_nodes(tmp_path):
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/asked\ncat > {tmp_path}/script\necho 7\nexit 3\n')
    sbatch.chmod(0o755)
    log = tmp_path / "a.log"
    args = "--where slurm --slurm_opts --partition=x --ngpu 2 --num_nodes 3 --threads 4 --log".split()
    done = jobs(*args, log, "echo", "a b", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 3
    asked = "--wait --parsable --job-name a --nodes 3 --ntasks-per-node 1 --cpus-per-task 4 --gres gpu:2 --requeue"
    assert (tmp_path / "asked").read_text() == f"{asked} --output {log} --open-mode append --partition=x\n"
    script = (tmp_path / "script").read_text()
    assert "OMP_NUM_THREADS=4\n" in script
    assert re.search(r"^exec srun --cpus-per-task 4 --kill-on-bad-exit=1 bash -c .* - echo a\\ b$", script, re.MULTILINE)


@pytest.mark.skipif(shutil.which("sbatch") is not None, reason="this machine has Slurm")
def test_slurm_without_slurm_says_what_to_do(tmp_path):
    done = jobs("--where", "slurm", "--log", tmp_path / "a.log", "true")
    assert done.returncode == 2
    assert "use --where local" in done.stderr
