"""The stage script: the commands that it prints and runs, with a `kdse` that names runs and does nothing else."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest

from kdse.approaches.registry import APPROACHES

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_CONFIGS = re.findall(r"^\w+_config=(conf/\S+)", (ROOT / "egs/TEMPLATE/kd1/kd.sh").read_text(), re.M)
STUDENT = Path(next(config for config in DEFAULT_CONFIGS if "student" in config)).stem
NAMES = f'[ "$1" != runs ] || PYTHONPATH={ROOT} exec {sys.executable} -m kdse.cli "$@"'
"""The line of a stand-in for `kdse` that lets the real one name runs."""


def bash(*args: str, env: dict | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", *args], capture_output=True, text=True, env=os.environ | (env or {}), cwd=cwd, timeout=60)


@pytest.fixture
def fake_recipe(tmp_path):
    """A recipe in a copy of the tree's shell part, where `kdse` only prints its arguments, or fails in the verb $FAIL."""
    for name in ("egs/TEMPLATE", "utils", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    recipe = tmp_path / "egs/x/kd1"
    recipe.mkdir(parents=True)
    for name in ("path", "cmd", "db"):
        (recipe / f"{name}.sh").symlink_to(f"../../TEMPLATE/kd1/{name}.sh")
    kdse = tmp_path / "bin/kdse"
    kdse.parent.mkdir()
    fail = '[ "$1" != "$FAIL" ] || { echo "kdse $1: no such thing" >&2; exit 2; }'
    kdse.write_text(f'#!/bin/sh\n{NAMES}\n{fail}\nfor a; do printf "<%s>" "$a"; done\necho\n')
    kdse.chmod(0o755)

    def run(*args: str, wait: bool = True, **env: str) -> subprocess.CompletedProcess | subprocess.Popen:
        command = ["../../TEMPLATE/kd1/kd.sh", "--corpus", "mini", *args]
        env = {"PATH": f"{kdse.parent}:{os.environ['PATH']}", "FAIL": "", **env}
        if wait:
            return bash(*command, cwd=recipe, env=env)
        return subprocess.Popen(["bash", *command], cwd=recipe, env=os.environ | env, stdout=subprocess.PIPE, text=True)

    return run


def commands(done: subprocess.CompletedProcess) -> list[str]:
    """The commands that were printed."""
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("$ ") for line in done.stdout.splitlines() if line.startswith("$ ")]


def trained(done: subprocess.CompletedProcess) -> list[str]:
    """The runs that were trained."""
    return [line.split("--out exp/")[1].split()[0] for line in commands(done) if line.startswith("kdse train")]


def cases_of_b03cdb5() -> list[tuple[str, list[str]]]:
    """(options, commands) as the stage script of that commit printed them; `--second` is `--teacher` since."""
    text = (Path(__file__).parent / "commands_b03cdb5.txt").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in text.split("./run.sh")[1:]]
    return [(block[0].strip(), [line.strip().replace(" --second ", " --teacher ") for line in block[1:]]) for block in blocks]


@pytest.mark.parametrize("options, expected", cases_of_b03cdb5(), ids=lambda value: value if isinstance(value, str) else "")
def test_commands_are_those_that_made_finished_runs(fake_recipe, tmp_path, options, expected):
    """But results stand beside the experiments now, `--second` is `--teacher`, stage 7 `enhance-sets`; 11 is new."""
    (tmp_path / "egs/x/kd1/models/asr_big").mkdir(parents=True)
    renamed = {" --second ": " --teacher ", "--out results": "--out exp/results", "kdse enhance ": "kdse enhance-sets "}
    since = [reduce(lambda text, old: text.replace(old, renamed[old]), renamed, line) for line in expected]
    now = commands(fake_recipe("--nj", "1", *shlex.split(options)))
    assert [line for line in now if not line.startswith("kdse export ")] == since


def test_stages_print_the_commands_they_run(fake_recipe):
    done = fake_recipe("--stage", "1", "--stop_stage", "3", "--data_opts", "--an4\n/a b's/ü")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("$", "<"))]
    assert lines[0].startswith("$ kdse data mini --an4 ")
    assert lines[1].startswith("<data><mini><--an4></a b's/ü><--out><data><--nj>")
    assert [line.split()[2] for line in lines if line.startswith("$")] == ["data", "mix", "train"]


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
def test_runs_of_stages_8_and_9_are_shared_out(fake_recipe, jobs):
    """Each run is in one job of the stage; no job is without any, and there are as many as asked for, or as there are runs."""
    words = ("--stage", "8", "--stop_stage", "9", "--approaches", "kd", "--seeds", "0 1", "--exp_tag", "t", "--nj", "4")
    done = fake_recipe(*words, "--inference_nj", str(jobs))
    assert done.returncode == 0, done.stderr
    runs = ["mct_noisy_seed0_t", "spectral_subtraction_t", "se_teacher_conformer_t", *(f"kd_{STUDENT}_seed{s}_t" for s in (0, 1))]
    for stage in ("decode", "score"):
        of_stage = [line for line in commands(done) if line.startswith(f"kdse {stage} ")]
        parts = [re.search(r"--run ((?:exp/\S+ )+)", line)[1].split() for line in of_stage]
        assert len(parts) == min(jobs, len(runs))
        assert sorted(run for part in parts for run in part) == sorted(f"exp/{run}" for run in runs)
    assert all(f"--nj {max(4 // jobs, 1)}" in line for line in of_stage)


def test_train_stage_is_approaches_times_seeds(fake_recipe):
    done = fake_recipe("--stage", "6", "--stop_stage", "6", "--approaches", "kd standalone_se", "--seeds", "0 1", "--exp_tag", "t")
    assert trained(done) == [f"{a}_{STUDENT}_seed{s}_t" for a in ("kd", "standalone_se") for s in (0, 1)]


def test_all_approaches_train_the_warm_student(fake_recipe):
    """Stage 4 still trains the recipe's own student, from which the others start."""
    done = fake_recipe("--stage", "4", "--stop_stage", "7", "--approaches", "all")
    teacher, standalone, *others = trained(done)
    assert (teacher, standalone) == ("se_teacher_conformer", f"standalone_se_{STUDENT}_seed0")
    assert others == [f"{name}_{STUDENT}_warm_seed0" for name in APPROACHES]
    assert all(f"--run exp/{run}" in done.stdout for run in others)


@pytest.mark.parametrize(
    "skipped, verbs",
    [
        (
            "data_prep",
            "train train train tokens train enhance-sets enhance-sets enhance-sets enhance-sets decode score report export",
        ),
        ("train", "data mix enhance-sets enhance-sets enhance-sets enhance-sets decode score report export"),
        ("eval", "data mix train train train tokens train export"),
    ],
)
def test_parts_of_a_recipe_can_be_skipped(fake_recipe, skipped, verbs):
    assert [line.split()[1] for line in commands(fake_recipe(f"--skip_{skipped}", "true"))] == verbs.split()


def test_inference_on_a_gpu(fake_recipe, tmp_path):
    """Jobs of stages 7 and 8 ask for one where training jobs do; nothing else does. Without the option nobody is told of one."""
    (tmp_path / "egs/x/kd1/cmd.sh").unlink()
    job = '#!/bin/sh\necho "asked: $*"\n'
    (tmp_path / "job").write_text(job)
    (tmp_path / "job").chmod(0o755)
    (tmp_path / "egs/x/kd1/cmd.sh").write_text(f"train_cmd='{tmp_path}/job gpus'\ncpu_cmd='{tmp_path}/job cpus'\n")
    done = fake_recipe("--stage", "6", "--gpu_inference", "true", "--nj", "1")
    asked = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("asked: ")]
    where = {words[words.index("kdse") + 1]: " ".join(words[: words.index("--log")]) for words in asked}
    assert where["enhance-sets"] == where["decode"] == "gpus --ngpu 1" and where["score"] == where["report"] == "cpus"
    assert where["train"] == "gpus --ngpu 0 --num_nodes 1"
    with_gpu = {line.split()[1] for line in commands(done) if "--ngpu 1" in line}
    assert with_gpu == {"enhance-sets", "decode"}
    assert "--ngpu" not in "".join(commands(fake_recipe("--stage", "7")))


def test_results_are_published_when_asked_for(fake_recipe):
    report = ("--stage", "10", "--stop_stage", "10", "--claim", "a < b on c")
    assert [shlex.split(line)[2:] for line in commands(fake_recipe(*report, "--publish", "true"))] == [
        ["--recipe", ".", "--expdir", "exp", "--claim", "a < b on c", "--publish"]
    ]
    assert "--publish" not in fake_recipe(*report).stdout


def test_trainings_beside_each_other(fake_recipe):
    """Stages 3 and 4 at once; stage 6 then leaves out what stage 4 trains, and each seed counts once."""
    done = fake_recipe("--stage", "3", "--stop_stage", "6", "--train_jobs", "3", "--seeds", "0\n0 1", OMP_NUM_THREADS="3")
    assert done.returncode == 0, done.stderr
    runs = [Path(line.split("--out ")[1].split()[0]).name for line in commands(done)]
    assert sorted(runs[:3]) == ["asr_conformer", "se_teacher_conformer", f"standalone_se_{STUDENT}_seed0"]
    assert runs[3] == "tokens"
    assert sorted(runs[4:]) == [f"kd_{STUDENT}_seed0", f"kd_{STUDENT}_seed1", f"standalone_se_{STUDENT}_seed1"]
    failed = fake_recipe("--stage", "3", "--stop_stage", "6", "--train_jobs", "3", FAIL="train")
    assert failed.returncode == 2
    assert "kdse tokens" not in failed.stdout


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_recipe_ends_what_it_started(fake_recipe, tmp_path, jobs):
    """Only then can the same command be run again without two writers in one folder; the command's last words are heard."""
    kdse = tmp_path / "bin/kdse"
    kdse.write_text(
        f"#!/bin/sh\n{NAMES}\ntrap 'sleep 1; echo tidied up; touch {tmp_path}/ended; exit 130' TERM\nsleep 30 &\necho up\nwait\n"
    )
    started = fake_recipe("--stage", "6", "--stop_stage", "6", "--train_jobs", jobs, wait=False)
    assert started.stdout.readline().startswith("[")
    while started.stdout.readline() != "up\n":
        pass
    started.terminate()
    out = started.communicate(timeout=90)[0]
    assert started.returncode != 0
    assert (tmp_path / "ended").exists() and "tidied up" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--seeds", "0,1"], "--seeds are whole numbers with blanks between them, not '0,1'"),
        (["--omegas", "1.5"], "--omegas are shares below 1 with blanks between them, such as '0 0.2', not '1.5'"),
        (["--stage", "5", "--stop_stage", "3"], "stages go from 1 to 11, and --stage 5 --stop_stage 3 names none of them"),
        (["--stop_stage", "99"], "stages go from 1 to 11, and --stage 1 --stop_stage 99 names none of them"),
        (["--train_jobs", "0"], "--train_jobs is a whole number from 1, not '0'"),
        (["--approaches", "kd kdq"], "there is no approach 'kdq' (did you mean 'kd_q'?); there are "),
        (["--teacher_asrs", "conformer"], "--teacher_asrs: conformer is the first recogniser, too; name another"),
        (["--student_config", "conf/student/gone.yaml"], "there is no config conf/student/gone.yaml, neither in "),
        (["--exp_tag", "a/b"], "--exp_tag is part of folders' names: one word without '/', not 'a/b'"),
        (["--corpus", ""], "--corpus is missing; call a recipe's run.sh, which sets it"),
        (["--skip_eval", "yes"], "the option '--skip_eval' is true or false, not 'yes'"),
    ],
)
def test_impossible_options_are_refused_before_anything_runs(fake_recipe, args, message):
    """By one sentence."""
    done = fake_recipe(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_failing_stage_stops_with_the_commands_code_and_message(fake_recipe):
    done = fake_recipe("--stage", "1", "--stop_stage", "3", FAIL="mix")
    assert done.returncode == 2
    assert "kdse mix: no such thing" in done.stderr
    assert "kdse train" not in done.stdout


def test_default_configs_exist():
    assert len(DEFAULT_CONFIGS) == 7
    assert [config for config in DEFAULT_CONFIGS if not (ROOT / config).is_file()] == []


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("decode/conformer.yaml", "--inference_config", "conformer is a backend of conf/asr or exp; rename it"),
        ("decode/mine.yaml", "--inference_config", "mine is a backend of conf/asr or exp; rename it"),
        ("decode/whisper.yml", "--inference_config", "a config is a .yaml file, not conf/decode/whisper.yml"),
    ],
)
def test_names_that_would_mix_up_recognisers(fake_recipe, tmp_path, name, options, message):
    """Before any stage runs."""
    config, made = tmp_path / "conf" / name, tmp_path / "egs/x/kd1/exp/asr_mine"
    config.parent.mkdir(parents=True, exist_ok=True)
    made.mkdir(parents=True)
    config.write_text("recogniser: whisper\n")
    done = fake_recipe(*options.split(), f"conf/{name}")
    assert done.returncode == 2 and message in done.stderr and "$ kdse" not in done.stdout


@pytest.mark.parametrize(
    "options, recogniser, results",
    [
        ("", "asr_conformer", "exp/results"),
        ("--exp_tag x", "asr_conformer_x", "exp/results"),
        ("--teacher_asrs transducer --approaches kd", "asr_conformer", "exp/results/backends/conformer"),
        ("--asr_config conf/asr/transformer.yaml", "asr_transformer", "exp/results/backends/transformer"),
        ("--teacher_asrs conformer --asr_config conf/asr/rnn.yaml --approaches kd", "asr_rnn", "exp/results/backends/rnn"),
        ("--inference_config conf/decode/whisper.yaml", "whisper", "exp/results/backends/whisper"),
    ],
)
def test_what_decodes_decides_where_rows_go(tmp_path, options, recogniser, results):
    """Stages 8 to 10, printed by a kdse that does nothing. A claim is about the home backend, and checked for no other."""
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    (tmp_path / "kdse").write_text(f"#!/bin/sh\n{NAMES}\n")
    (tmp_path / "kdse").chmod(0o755)
    run = f"cd {tmp_path}/egs/mini/kd1 && ./run.sh --stage 8 --stop_stage 10 {options}"
    done = bash("-c", run, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    decode, score, report = commands(done)
    assert f" --config ../../../{options.split()[1] if 'inference' in options else 'conf/decode/ctc_greedy.yaml'} " in decode
    assert f" --backend {recogniser} " in score and f" --out {results} " in score
    assert ("--claim" in report) == (results == "exp/results")
    assert report.endswith(f" --backend {Path(results).name}") or results == "exp/results"
