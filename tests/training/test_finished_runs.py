"""Finished runs stay finished: what a training depends on has the hash that it had at commit b03cdb5, whatever names changed since.

`states.json` holds the hashes that this commit computed for the trainings below. An entry changes only with what is trained.
"""

import json
from pathlib import Path

import pytest
import yaml

from kdse.cli import main
from kdse.core.files import fingerprint
from kdse.core.step import Step

ROOT = Path(__file__).resolve().parents[2]
APPROACHES = ROOT / "conf" / "approach"
EXPECTED = Path(__file__).with_name("states.json")
STUDENT = {
    "criterions": [],
    "encoder": "stft",
    "separator": "kdse_bandcrn",
    "separator_conf": {"size": "m"},
    "optim": "adamw",
    "optim_conf": {"lr": 0.002},
    "scheduler": "onecyclelr",
    "scheduler_conf": {"max_lr": 0.003},
    "num_iters_per_epoch": 60,
    "max_epoch": 12,
    "num_workers": 1,
}
FINISHED = ("asr_one", "asr_two", "tokens_one", "tokens_two", "se_teacher", "standalone_se_m_seed0", "standalone_se_m_seed0_tag")
ONE = ("--backend", "exp/asr_one", "--tokens", "exp/tokens_one")
TWO = (*ONE, "--second", "exp/asr_two", "exp/tokens_two")
SE_TEACHER = ("--se_teacher", "exp/se_teacher")


def recipe(folder: Path) -> None:
    """A recipe's folder after stages 1 to 5, as far as the state of a training depends on it."""
    for name in ("speech_train", "speech_dev", "noise_train", "noise_dev", "rir_train", "rir_dev"):
        pack = folder / "dump" / "pack" / name
        pack.mkdir(parents=True)
        (pack / "index.json").write_text(json.dumps({"rate": 16000, "index": {f"{name}_1": [0, 16000]}}))
    for name in ("train", "dev"):
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / "text").write_text(f"{name}_1 GO LEFT\n")
    for name in FINISHED:
        (folder / "exp" / name).mkdir(parents=True)
        (folder / "exp" / name / ".done").write_text(json.dumps({"hash": f"hash of {name}", "config": {}}))
    best = {"best_model_criterion": [["valid", "cer_ctc", "min"]]}
    (folder / "exp" / "asr_one" / "config.yaml").write_text(yaml.safe_dump(best))
    for name, options in {
        "m": {},
        "warm": {"kdse_conf": {"init": "standalone_se_m_seed0"}},
        "bf16": {"kdse_conf": {"precision": "bf16", "teacher_precision": "fp32", "cached": False}},
        "mixed": {"mix_conf": {"speeds": [1.0]}, "ngpu": 0, "best_model_criterion": [["valid", "l_r", "min"]]},
    }.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**STUDENT, **options}))
    (folder / "mix.yaml").write_text(yaml.safe_dump({"train": {"snr_low": -5.0, "rir_prob": 0.5}}))
    (folder / "weights.pt").write_bytes(b"weights")
    ssl = {"base": str(ROOT / "conf" / "asr" / "ssl.yaml"), "frontend_conf": {"weights": "weights.pt"}}
    (folder / "ssl.yaml").write_text(yaml.safe_dump(ssl))
    (folder / "adding.yaml").write_text("approach: kd\nfall: 0.5\nadding: 0.4\ntau: 2\n")
    (folder / "oa.yaml").write_text("approach: kd\nanneal_fraction: 0.5\noa_max_weight: 0.4\ntau: 2\n")
    listed = [{"backend": f"exp/asr_{name}", "tokens": f"exp/tokens_{name}"} for name in ("one", "two")]
    (folder / "listed.yaml").write_text(yaml.safe_dump({**STUDENT, "kdse_conf": {"teachers": listed}}))
    old = {"second": {"second": listed[1]}, "tokens": {"tokens": "exp/tokens_two"}, "backend": {"backend": "exp/asr_two"}}
    old["both"] = {"approach_conf": {"fall": 0.3, "anneal_fraction": 0.2}}
    for name, conf in old.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**STUDENT, "kdse_conf": conf}))
    for name in ("kdse_tokens", "kdse_subwords"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"encoder": "conformer", name: {"vocab_size": 30}}))


def front_end(approach: str, student: str, *words: str, out: str = "run") -> list[str]:
    config = APPROACHES / f"{approach}.yaml"
    given = ["--approach_config", str(config)] if config.exists() else []
    return ["se", "--approach", approach, "--config", f"{student}.yaml", "--out", f"exp/{out}", *given, *words]


def trainings() -> dict[str, list[str]]:
    """{name: arguments of `kdse train`, without those that all have}."""
    commands = {
        "se_teacher": front_end("standalone_se", "m", "--name", "se_teacher"),
        "kd alone": ["se", "--approach", "kd", "--config", "m.yaml", "--out", "exp/run", *ONE],
        "kd bf16": front_end("kd", "bf16", *ONE, "--seed", "3"),
        "kd tagged": front_end("kd", "warm", *ONE, out="kd_m_seed1_tag"),
        "kd other tag": front_end("kd", "warm", *ONE, out="kd_m_seed1_other"),
        "kd mixed": front_end("kd", "mixed", *ONE, "--mix", "mix.yaml"),
        "kd two, seed 1": front_end("kd", "warm", *TWO, "--seed", "1"),
        "kd adding": ["se", "--approach", "kd", "--approach_config", "adding.yaml", "--config", "m.yaml", "--out", "exp/run", *ONE],
        "kd_r": ["se", "--approach", "kd_r", "--config", "m.yaml", "--out", "exp/run"],
    }
    for path in sorted(APPROACHES.glob("*.yaml")):
        for student in ("m", "warm"):
            if (path.stem, student) != ("mct_all", "m"):  # it trains no front end
                commands[f"{path.stem} {student}"] = front_end(path.stem, student, *ONE, *SE_TEACHER)
        if path.stem.startswith(("kd", "mimic")):
            commands[f"{path.stem} two"] = front_end(path.stem, "m", *TWO, *SE_TEACHER)
    for path in sorted((ROOT / "conf" / "asr").glob("*.yaml")):
        if path.stem != "ssl":
            commands[f"asr {path.stem}"] = ["asr", "--config", str(path), "--out", "exp/run"]
    commands["asr ssl"] = ["asr", "--config", "ssl.yaml", "--out", "exp/run", "--mix", "mix.yaml"]
    for path in sorted((ROOT / "egs").glob("*/kd1/conf/asr/*.yaml")):
        commands[f"asr {path.parts[-5]} {path.stem}"] = ["asr", "--config", str(path), "--out", "exp/run"]
    return commands


def state_of(words: list[str], patch: pytest.MonkeyPatch) -> dict:
    """The state of a training in the recipe of the current folder, which is not begun."""
    states = []
    patch.setattr(Step, "needed", lambda step: states.append(step.config))  # None: nothing is to be done
    assert main(["train", *words, "--corpus", "tiny", "--dump", "dump", "--data", "data"]) == 0
    (state,) = states
    return state


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("recipe")
    recipe(made)
    return made


HASHES = json.loads(EXPECTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list(HASHES))
def test_the_state_of_a_training_is_what_it_was(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    state = state_of(trainings()[name], monkeypatch)
    assert fingerprint(state) == HASHES[name], json.dumps(state, indent=1, sort_keys=True)


def kd(*words: str, student: str = "m.yaml") -> list[str]:
    return ["se", "--approach", "kd", "--config", student, "--out", "exp/run", *words]


RENAMED = {
    "--second is now called --teacher": (kd(*TWO), kd(*ONE, "--teacher", "exp/asr_two", "exp/tokens_two")),
    "approach kd: 'fall' is now called 'anneal_fraction'": (
        kd(*ONE, "--approach_config", "adding.yaml"),
        kd(*ONE, "--approach_config", "oa.yaml"),
    ),
    "training config: 'kdse_tokens' is now called 'kdse_subwords'": (
        ["asr", "--config", "kdse_tokens.yaml", "--out", "exp/run"],
        ["asr", "--config", "kdse_subwords.yaml", "--out", "exp/run"],
    ),
}


@pytest.mark.parametrize("message", RENAMED)
def test_an_old_name_is_told_and_means_the_same_training(message, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    old, new = RENAMED[message]
    state = state_of(old, monkeypatch)
    assert message in capsys.readouterr().out
    assert state_of(new, monkeypatch) == state
    assert "is now called" not in capsys.readouterr().out


def test_teachers_of_the_training_config_are_those_of_the_command_line(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert state_of(kd(student="listed.yaml"), monkeypatch) == state_of(kd(*TWO), monkeypatch)


@pytest.mark.parametrize(
    "student, same",
    [
        ("second", TWO),
        ("tokens", ("--backend", "exp/asr_one", "--tokens", "exp/tokens_two")),
        ("backend", ("--backend", "exp/asr_two", "--tokens", "exp/tokens_one")),
    ],
)
def test_old_keys_of_a_training_config_stand_over_the_command_line(folder, monkeypatch, student, same):
    """Each takes the place of its own value, and of no other."""
    monkeypatch.chdir(folder)
    assert state_of(kd(*ONE, student=f"{student}.yaml"), monkeypatch) == state_of(kd(*same), monkeypatch)


def test_the_state_has_the_value_that_trains(folder, monkeypatch):
    monkeypatch.chdir(folder)
    conf = state_of(kd(*ONE, student="both.yaml"), monkeypatch)["config"]["kdse_conf"]
    assert conf["approach_conf"] == {"fall": 0.3}


def test_three_teachers_are_a_training_of_their_own(folder, monkeypatch):
    """In their order; what the run depends on names all of them."""
    monkeypatch.chdir(folder)
    third = ("--teacher", "exp/se_teacher", "exp/standalone_se_m_seed0")  # any finished folders
    state = state_of(kd(*TWO, *third), monkeypatch)
    conf = state["config"]["kdse_conf"]
    assert [teacher["backend"] for teacher in conf["teachers"]] == ["exp/asr_one", "exp/se_teacher", "exp/asr_two"]
    assert not {"backend", "tokens", "second"} & conf.keys() and len(state["teachers"]) == 6
