"""Names of runs and folders, against what the stage script printed when finished runs got theirs."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from kdse.cli.runs import names
from kdse.core.errors import UserError
from kdse.runs.naming import RecipeNames, asr_name, find_config, recogniser_name, teacher_names

ROOT = Path(__file__).resolve().parents[2]
TABLE = yaml.safe_load((Path(__file__).parent / "names_b03cdb5.yaml").read_text(encoding="utf-8"))
KD_SH = (ROOT / "egs/TEMPLATE/kd1/kd.sh").read_text(encoding="utf-8").partition("help_message")[0]
ASSIGNED = re.findall(r"^[a-z_]+=.*$", KD_SH, re.M)
DEFAULTS = dict(word.split("=", 1) for line in ASSIGNED for word in shlex.split(line, comments=True) if "=" in word)


def options(text: str, root: str) -> dict[str, str]:
    """All options of kd.sh, those of `text` in place of its defaults."""
    values = DEFAULTS | {"nj": "1", "corpus": "mini", "root": root}
    words = shlex.split(text)
    return values | dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    """A recipe's folder as the table has it, which becomes the working folder; `conf` is the repository's."""
    folder = tmp_path / "egs/x/kd1"
    for name in ("conf/student/own.yaml", "conf/approach/mimic.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "models/asr_big").mkdir(parents=True)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.chdir(folder)
    return folder


def described(words: list[str]) -> str:
    """A training's arguments as the table has them."""
    value = dict(pairwise(words))
    teachers = [word for word in words[words.index("--backend") :] if not word.startswith("--")]
    return " ".join([value["--approach"], value["--seed"], value["--config"], value.get("--approach_config", "-"), *teachers])


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case["options"] or "defaults")
def test_names_are_those_of_finished_runs(recipe, case):
    plan = names(options(case["options"], "../../.."))
    expdir = plan["backend"].partition("/")[0]
    if "backend" in case:
        assert (plan["backend"], f"{expdir}/{plan['se_teacher']}") == (case["backend"], case["se_teacher"])
    assert plan["tokens"] == case.get("tokens", plan["tokens"])
    trained = {f"{expdir}/{run}": described(words) for run, words in plan["training_of"].items()}
    assert {run: trained.get(run) for run in case["trained"]} == case["trained"]
    assert plan["tested"][0] == case["without_front_end"]
    assert sorted(plan["tested"][1:]) == sorted(f"{expdir}/{run}" for run in plan["enhanced"]) == sorted(case["enhanced"])
    backend, results = case["scored"].split()
    assert (plan["score_backend"], plan["results"]) == (backend, f"{expdir}/{results}")  # beside the experiments since
    assert " ".join(plan["report_of"]) == case["report"]


def test_the_table_is_of_real_runs():
    """So that a name that both the table and the code have wrong is noticed: committed rows have these names."""
    committed = {path.name.partition(".")[0] for path in (ROOT / "egs/an4_noisy/kd1/results").rglob("*.jsonl.gz")}
    named = {Path(run).name for case in TABLE for run in case["trained"]}
    assert {"kd_bandcrn-m_seed0", "kd_bandcrn-m_with-transducer_seed0", "kd_bandcrn-m_transformer_seed0"} <= committed & named


def test_any_number_of_teachers_are_in_the_name_in_their_order():
    asked = RecipeNames(asr="rnn", teacher_asrs=("transducer", "conformer"), tag="t")
    assert asked.run("kd", "1", "conf/student/x.yaml") == "kd_x_rnn_with-transducer_with-conformer_seed1_t"
    assert asked.run("standalone_se", "1", "conf/student/x.yaml") == "standalone_se_x_seed1_t"
    assert [asked.tokens(name) for name in asked.teacher_asrs] == ["exp/tokens_transducer_t", "exp/tokens_t"]


@pytest.mark.parametrize(
    "teachers, message",
    [(["rnn"], "rnn is the first recogniser, too"), (["a", "b", "a"], "--teacher_asrs names a twice")],
)
def test_a_recogniser_teaches_once(teachers, message):
    with pytest.raises(UserError, match=message):
        teacher_names(teachers, "rnn")


@pytest.mark.parametrize(
    "model, name",
    [
        ("../asr_big/valid.acc.ave.pth", "big"),
        ("../x/asr_other_1.zip", "other-1"),
        ("../asr_big/", "big"),
        ("big.tar.gz", "big"),
        ("ü b.tgz", "---b"),
    ],
)
def test_an_adopted_model_names_its_backend(tmp_path, monkeypatch, model, name):
    (tmp_path / "asr_big").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert asr_name("conf/asr/rnn.yaml", model) == name
    assert asr_name("conf/asr/rnn.yaml", "a.pth") == "here"


@pytest.mark.parametrize(
    "model, message",
    [("gone/a.pth", "there is no folder .*gone"), ("x/asr_conformer.zip", "has the name of this recipe's own backend, conformer")],
)
def test_models_that_cannot_be_named(model, message):
    with pytest.raises(UserError, match=message):
        asr_name("conf/asr/rnn.yaml", model)


def test_the_recogniser_of_a_config(tmp_path):
    """A backend's has no name here; a config based on another chooses what that chooses."""
    texts = {"greedy": "decode: ctc_greedy", "own": "recogniser: espnet", "w": "recogniser: whisper", "based": "base: w.yaml"}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    found = [recogniser_name(str(tmp_path / f"{name}.yaml"), "exp", str(tmp_path)) for name in texts]
    assert found == ["", "", "w", "based"]


@pytest.mark.parametrize("taken", ["conf/asr/w.yaml", "exp/asr_w/.done"])
def test_a_recogniser_that_has_the_name_of_a_backend(tmp_path, taken):
    (tmp_path / taken).parent.mkdir(parents=True)
    (tmp_path / taken).touch()
    (tmp_path / "w.yaml").write_text("recogniser: whisper")
    with pytest.raises(UserError, match=r"w is a backend of conf/asr or .*exp; rename it"):
        recogniser_name(str(tmp_path / "w.yaml"), str(tmp_path / "exp"), str(tmp_path))


def test_a_config_of_the_recipe_comes_first(recipe):
    assert find_config("conf/approach/mimic.yaml", "../../..") == "conf/approach/mimic.yaml"
    assert find_config("conf/approach/kd.yaml", "../../..") == "../../../conf/approach/kd.yaml"
    with pytest.raises(UserError, match=r"there is no config conf/x.yaml, neither in "):
        find_config("conf/x.yaml", "../../..")
    with pytest.raises(UserError, match=r"a config is a .yaml file, not x.yml"):
        find_config("x.yml", "../../..")
