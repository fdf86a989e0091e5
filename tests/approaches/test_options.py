"""Names of options, old and new: both are read, and the state of a run has the old ones."""

import pytest

from kdse.approaches import build
from kdse.approaches.options import TeacherEntry, backend_in, current, recorded, renamed, teachers_in
from kdse.core.errors import UserError

ONE, TWO, THREE = ({"backend": f"exp/asr_{name}", "tokens": f"exp/tokens_{name}"} for name in "abc")


def test_old_options_of_an_approach_are_read():
    assert build("kd", {"fall": 0.3, "adding": 0.4}) == build("kd", {"anneal_fraction": 0.3, "oa_max_weight": 0.4})
    assert renamed({"fall": 0.3, "tau": 1.0}) == ["'fall' is now called 'anneal_fraction'"] and renamed({"tau": 1.0}) == []


def test_an_old_name_overrides_the_new_one():
    """A user's YAML with `fall` is based on the repository's, which has `anneal_fraction`."""
    assert current({"anneal_fraction": 0.3, "fall": 0.5}) == {"anneal_fraction": 0.5}
    assert recorded({"approach_conf": current({"anneal_fraction": 0.3, "fall": 0.5})}) == {"approach_conf": {"fall": 0.5}}


@pytest.mark.parametrize(
    "conf, state",
    [
        ({"teachers": [ONE]}, ONE),
        ({"teachers": [ONE, TWO]}, {**ONE, "second": TWO}),
        ({"teachers": [ONE, TWO, THREE]}, {"teachers": [ONE, TWO, THREE]}),
        ({"teachers": [{"backend": "exp/asr"}]}, {"backend": "exp/asr"}),
        ({"teachers": [{**ONE, "weight": 1, "layers": []}]}, ONE),
        ({"teachers": [{**ONE, "weight": 0.5}]}, {"teachers": [{**ONE, "weight": 0.5}]}),
        ({"teachers": [ONE, {**TWO, "layers": [2, 0]}]}, {"teachers": [ONE, {**TWO, "layers": [2, 0]}]}),
        ({"backend": "exp/asr"}, {"backend": "exp/asr"}),
        ({"approach_conf": {"oa_max_weight": 0.4}, "cached": False}, {"approach_conf": {"adding": 0.4}, "cached": False}),
    ],
)
def test_the_state_has_old_names(conf, state):
    assert recorded(conf) == state


def test_teachers_of_old_and_new_configs():
    folders = [TeacherEntry(**ONE), TeacherEntry(**TWO)]
    assert teachers_in({"teachers": [ONE, TWO]}) == teachers_in({**ONE, "second": TWO}) == folders
    assert teachers_in({}) == teachers_in({"teachers": []}) == teachers_in({"second": None}) == []
    assert backend_in({"backend": "exp/asr"}) == "exp/asr" and backend_in({"teachers": [ONE]}) == "exp/asr_a"


def test_a_teacher_has_a_weight_and_layers():
    (teacher,) = teachers_in({"teachers": [{**ONE, "weight": 2, "layers": [2, 4, 0]}]})
    assert (teacher.weight, teacher.layers, teacher.plain) == (2.0, (2, 4, 0), False)
    assert teachers_in({"teachers": [teacher.conf()]}) == [teacher]


@pytest.mark.parametrize(
    "teachers, message",
    [
        ("exp/asr", r"teachers is a list of \{backend: FOLDER, tokens: FOLDER\}, not 'exp/asr'"),
        (["exp/asr"], r"a teacher is \{backend: FOLDER, tokens: FOLDER\}, not 'exp/asr'"),
        ([{"tokens": "exp/tokens"}], "a teacher needs a backend, and .* names none"),
        ([{"backend": "exp/asr", "token": "exp/tokens"}], r"there is no option 'token' \(did you mean 'tokens'\?\)"),
        ([{**ONE, "weight": 0}], "the weight of a teacher is a number above 0, not 0"),
        ([{**ONE, "weight": float("nan")}], "the weight of a teacher is a number above 0, not nan"),
        ([{**ONE, "weight": True}], "the weight of a teacher is a number above 0, not True"),
        ([{**ONE, "layers": 2}], "layers are a list of different numbers, 0 for the output, not 2"),
        ([{**ONE, "layers": [2, 2]}], r"layers are a list of different numbers, 0 for the output, not \[2, 2\]"),
        ([{**ONE, "layers": [-1]}], "layers are a list of different numbers"),
    ],
)
def test_teachers_that_cannot_be(teachers, message):
    with pytest.raises(UserError, match=message):
        teachers_in({"teachers": teachers})
