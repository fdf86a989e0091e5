"""Jobs on a real Slurm of two nodes on this machine (start.sh). A whole recipe through it: run_mini.sh and its committed log."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
JOBS = HERE.parent.parent / "utils/jobs.sh"
PATH = f"{os.environ['PATH']}:/usr/sbin"
MISSING = [program for program in ("sbatch", "slurmctld", "slurmd", "munged") if not shutil.which(program, path=PATH)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"there is no {', '.join(MISSING)}: Debian's slurm-wlm and munge have it"),
    pytest.mark.skipif(os.geteuid() != 0, reason="munged and slurmd are started as root"),
]


class Cluster:
    """A running cluster in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.env = {**os.environ, "PATH": PATH, "SLURM_CONF": str(folder / "slurm.conf")}

    def __call__(self, *command: object) -> str:
        """The output of one of the scripts here or of Slurm's commands."""
        words = [str(HERE / command[0]) if str(command[0]).endswith(".sh") else str(command[0]), *map(str, command[1:])]
        return subprocess.run(words, env=self.env, check=True, stdout=subprocess.PIPE, text=True, timeout=90).stdout.strip()

    def job(self, log: Path, *command: str, options: tuple[str, ...] = ()) -> subprocess.Popen:
        """Start a job by utils/jobs.sh."""
        words = [str(JOBS), "--where", "slurm", *options, "--log", str(log), *command]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # pytest in the background ignores SIGINT, and so would its children
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(words, env=self.env, start_new_session=True, **pipes)
        finally:
            signal.signal(signal.SIGINT, before)

    def node(self) -> str:
        """The node of the one job that runs."""
        return self("squeue", "--noheader", "--states", "running", "--format", "%N")

    def wait_for(self, path: Path, seconds: int = 30) -> None:
        for _ in range(10 * seconds):
            if path.exists():
                return
            time.sleep(0.1)
        pytest.fail(f"no {path.name} after {seconds} s; {self('squeue')}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        made("start.sh", made.folder)
        yield made
    finally:
        made("stop.sh", made.folder)


def finish(job: subprocess.Popen, seconds: int = 60) -> tuple[int, str, str]:
    out, err = job.communicate(timeout=seconds)
    return job.returncode, out, err


def test_output_log_and_words_of_a_job(cluster, tmp_path):
    """Blanks, quotes and letters survive the way to the node, which has as many threads as were asked for."""
    words = ("bash", "-c", 'echo "$1|$OMP_NUM_THREADS"', "x", "two  words 'ü'")
    job = cluster.job(tmp_path / "a.log", *words, options=("--threads", "2"))
    code, out, err = finish(job)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].endswith("on node1") and out.splitlines()[1:] == ["two  words 'ü'|2"]
    assert (tmp_path / "a.log").read_text().endswith(out)


def test_failed_job_returns_its_own_code_and_last_words(cluster, tmp_path):
    code, _, err = finish(cluster.job(tmp_path / "a.log", "bash", "-c", "echo 'kdse data: no such folder' >&2; exit 7"))
    assert code == 7
    assert err.splitlines()[-1].strip() == "kdse data: no such folder"


def test_refused_job_says_why(cluster, tmp_path):
    code, out, err = finish(cluster.job(tmp_path / "a.log", "true", options=("--slurm_opts", "--partition=gone")))
    assert (code != 0, out) == (True, "")
    assert "invalid partition" in err


def test_job_of_a_lost_node_goes_on_on_the_other(cluster, tmp_path):
    """It counts from where it was, as kdse's stages do."""
    count = "n=$(cat n || echo 0); while [ $n -lt 6 ]; do n=$((n + 1)); echo $n >n; echo $n >>all; sleep 1; done; exit 4"
    job = cluster.job(tmp_path / "a.log", "bash", "-c", f"cd {tmp_path}; {count}")
    cluster.wait_for(tmp_path / "n")
    time.sleep(2)
    first = cluster.node()
    cluster("kill_node.sh", cluster.folder, first)
    killed_at = int((tmp_path / "n").read_text())
    assert killed_at < 6
    time.sleep(2)
    assert int((tmp_path / "n").read_text()) == killed_at, "the node's processes are dead"
    code, out, _ = finish(job, 120)
    assert code == 4
    second = {"node1": "node2", "node2": "node1"}[first]
    heads = [line.split(" ", 3)[3] for line in out.splitlines() if line.startswith("# job")]
    assert heads == [f"on {first}", f"on {second}, started again (1)"]
    assert (tmp_path / "all").read_text().split() == list("123456")
    cluster("start.sh", cluster.folder, first)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_cancels_the_job(cluster, tmp_path, sign):
    """To the whole group, as a terminal and kd.sh send it; when the script has ended, so have the job's processes."""
    words = f"cd {tmp_path}; trap 'sleep 1; touch ended' TERM; touch up; sleep 60"
    job = cluster.job(tmp_path / "a.log", "bash", "-c", words)
    cluster.wait_for(tmp_path / "up")
    os.killpg(job.pid, sign)
    code, _, err = finish(job)
    assert code not in (0, None)
    assert "is cancelled" in err
    assert cluster("squeue", "--noheader") == ""
    assert (tmp_path / "ended").exists()


def test_two_nodes_find_each_other(cluster, tmp_path):
    """The command runs once on each node with what torch.distributed asks for."""
    for _ in range(60):
        if len(cluster("sinfo", "--noheader", "--Node", "--states", "idle").splitlines()) == 2:
            break
        time.sleep(0.5)
    words = 'echo "$RANK of $WORLD_SIZE at $MASTER_ADDR on $SLURMD_NODENAME port $((MASTER_PORT > 1024))"'
    code, out, err = finish(cluster.job(tmp_path / "a.log", "bash", "-c", words, options=("--num_nodes", "2")))
    host = os.uname().nodename
    assert (code, err) == (0, "")
    assert sorted(out.splitlines()[1:]) == [f"{i} of 2 at {host} on node{i + 1} port 1" for i in range(2)]


def test_one_node_that_fails_ends_both(cluster, tmp_path):
    words = '[ "$RANK" = 0 ] || exit 6; sleep 50'
    started = time.monotonic()
    code, out, _ = finish(cluster.job(tmp_path / "a.log", "bash", "-c", words, options=("--num_nodes", "2")))
    assert code == 128 + signal.SIGTERM  # the larger of 6 and what the other was ended by
    assert "Exited with exit code 6" in out
    assert time.monotonic() - started < 40
