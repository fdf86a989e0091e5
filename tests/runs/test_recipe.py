"""What a recipe trains and tests for its options, and the assignments that its stage script reads."""

import subprocess

import pytest

from kdse.core.errors import UserError
from kdse.runs.recipe import SKIPS, RecipeOptions, check_counts, omegas, plan, seeds, shell, stages

CONFIGS = ("teacher", "student", "all", "tokens", "mix", "inference")
TEXTS = dict.fromkeys(RecipeOptions.__dataclass_fields__, "")


def options(**values: str) -> RecipeOptions:
    given = {"home_asr": "conformer", "stage": "1", "stop_stage": "11", "seeds": "0", "omegas": "0", "expdir": "exp", "sets": "dev"}
    configs = {f"{name}_config": f"{name}.yaml" for name in CONFIGS} | {"asr_config": "conformer.yaml"}
    return RecipeOptions(**TEXTS | given | configs | {"root": "."} | values)


@pytest.fixture
def configs(tmp_path, monkeypatch):
    """A working folder with a config of each kind."""
    for name in ("conformer", "rnn", *CONFIGS):
        (tmp_path / f"{name}.yaml").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, "1 2 3 4 5 6 7 8 9 10 11"),
        ({"stage": "3", "stop_stage": "6"}, "3 4 5 6"),
        ({"skip_data_prep": "true"}, "3 4 5 6 7 8 9 10 11"),
        ({"skip_train": "true", "stop_stage": "8"}, "1 2 7 8"),
        ({"skip_eval": "true"}, "1 2 3 4 5 6 11"),
        (dict.fromkeys(SKIPS, "true"), "11"),
    ],
)
def test_stages_that_run(values, expected):
    assert " ".join(stages(options(**values))) == expected


@pytest.mark.parametrize(
    "stage, stop_stage, message",
    [
        ("5", "3", "names none of them"),
        ("0", "3", "names none"),
        ("1", "12", "stages go from 1 to 11"),
        ("x", "3", "--stage is a number"),
    ],
)
def test_stages_that_there_are_not(stage, stop_stage, message):
    with pytest.raises(UserError, match=message):
        plan(options(stage=stage, stop_stage=stop_stage), students_of={}, baselines=[])


def test_stage_6_leaves_out_what_stage_4_trained(configs):
    """But not where it starts later, where the student is another, or with another seed."""
    wanted = {"students_of": dict.fromkeys(["standalone_se", "kd"], "student.yaml"), "baselines": []}
    first = plan(options(stage="4", seeds="0 1"), **wanted)
    assert first["front_ends"] == ["standalone_se_student_seed1", "kd_student_seed0", "kd_student_seed1"]
    assert first["enhanced"] == ["se_teacher_teacher", "standalone_se_student_seed0", *first["front_ends"]]
    assert plan(options(stage="5"), **wanted)["front_ends"] == ["standalone_se_student_seed0", "kd_student_seed0"]
    other = plan(options(stage="4"), **wanted | {"students_of": dict.fromkeys(["standalone_se", "kd"], "all.yaml")})
    assert other["standalone"] == "standalone_se_student_seed0"
    assert other["front_ends"] == ["standalone_se_all_seed0", "kd_all_seed0"]


def test_a_student_may_start_from_stage_4s(configs):
    """standalone_se trains one config and kd another; without an SE teacher, stage 4 trains none and nothing asks for one."""
    students = {"standalone_se": "student.yaml", "kd": "all.yaml"}
    of = plan(options(teacher_config="", asr_config="rnn.yaml", home_asr="rnn"), students_of=students, baselines=[])
    assert of["se_teacher"] == "" and of["enhanced"] == ["standalone_se_student_seed0", "kd_all_seed0"]
    assert of["front_ends"] == ["kd_all_seed0"] and "teacher_yaml" not in of
    assert (of["tokens"], of["results"], of["report_of"]) == ("exp/tokens", "exp/results", [])


def test_teachers_are_arguments_of_what_learns_from_them(configs):
    asked = options(teacher_asrs="b c", second_asr="d", asr_config="rnn.yaml")
    of = plan(asked, students_of={"kd": "student.yaml"}, baselines=["wiener"])
    taught = of["training_of"]["kd_student_rnn_with-b_with-c_with-d_seed0"]
    assert taught[:8] == "--approach kd --seed 0 --config student.yaml --backend exp/asr_rnn".split()
    assert taught[10:] == [word for name in "bcd" for word in ("--teacher", f"exp/asr_{name}", f"exp/tokens_{name}")]
    assert "--teacher" not in of["training_of"]["standalone_se_student_seed0"]
    assert of["enhancing_of"] == {"wiener": ["--approach", "wiener", "--corpus", ""]}


def test_results_of_another_recogniser_claim_nothing(configs):
    wanted = {"students_of": {"kd": "student.yaml"}, "baselines": []}
    assert plan(options(claim="a < b on c"), **wanted)["report_of"] == ["--claim", "a < b on c"]
    for other in ({"asr_config": "rnn.yaml"}, {"asr_model": "conf/asr_rnn.zip"}):
        assert plan(options(claim="a < b on c", **other), **wanted)["report_of"] == ["--backend", "rnn"]


def test_a_selection_and_data_options(configs, tmp_path):
    wanted = {"students_of": {}, "baselines": []}
    of = plan(options(sets="b a\nb", data_opts="--an4\n/a b's\n"), **wanted)
    assert (of["testing"], of["data_of"]) == (["--sets", "b", "a"], ["--an4", "/a b's"])
    (tmp_path / "selected.yaml").touch()
    assert plan(options(), **wanted)["testing"] == ["--sets", "dev", "--selected", "selected.yaml"]


@pytest.mark.parametrize("text", ["", "0,1", "-1", "1.5", "a"])
def test_what_is_no_seed(text):
    with pytest.raises(UserError, match="--seeds are whole numbers"):
        seeds(text)


@pytest.mark.parametrize("text", ["", "1", "1.5", "0,0.2", "-0.1", "nan", "0.1 x"])
def test_what_is_no_share(text):
    with pytest.raises(UserError, match="--omegas are shares below 1"):
        omegas(text)


def test_seeds_and_shares_stay_as_typed_and_count_once():
    assert (seeds("0\n0 10"), omegas("0  .2 0.10 0")) == (["0", "10"], ["0", ".2", "0.10"])


@pytest.mark.parametrize("value, least", [("0", 1), ("x", 0), ("", 0), ("-1", 0), ("1.5", 0), ("08", 1)])
def test_what_is_no_count(value, least):
    with pytest.raises(UserError, match=f"--nj is a whole number from {least}, not '{value}'"):
        check_counts({"nj": value}, least)
    check_counts({"nj": "1"}, least)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"stage": "08"}, "--stage is a number from 1 to 11, not '08'"),
        ({"expdir": ""}, "--expdir is the folder of models and results"),
        ({"teacher_asrs": "conf/asr/rnn.yaml"}, "--teacher_asrs takes names of configs, such as rnn, not 'conf/asr/rnn.yaml'"),
    ],
)
def test_what_bash_or_a_path_would_misread(configs, values, message):
    with pytest.raises(UserError, match=message):
        plan(options(**values), students_of={"kd": "student.yaml"}, baselines=[])


@pytest.mark.parametrize("tag", ["a/b", "a b"])
def test_a_tag_is_part_of_a_name(configs, tag):
    with pytest.raises(UserError, match="one word without '/'"):
        plan(options(exp_tag=tag), students_of={}, baselines=[])


def test_bash_reads_words_as_they_are():
    """Whatever they hold: blanks, quotes, what bash would expand or run."""
    odd = ["two  words", "it's", "$HOME $(exit 3) `exit 4`", "ü", "", "*", '"', "a\\b"]
    text = shell({"one": odd[2], "many": odd, "none": [], "of": {"a b": odd, "x": []}})
    script = 'eval "inner=(${of[a b]})"; printf "%s\\n" "$one" "${many[@]}" "${inner[@]}" "${#none[@]}" "[${of[x]}]"'
    done = subprocess.run(["bash", "-euc", f"{text}\n{script}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [odd[2], *odd, *odd, "0", "[]"]
