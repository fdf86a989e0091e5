"""A step is done once, says that it was, and says why it is done again."""

import json

import pytest

from kdse.core.step import Step, changes, done_hash

CONFIG = {"mix": {"snr": [0, 5], "clean": 0.1}, "seed": 0}


@pytest.fixture
def done(tmp_path):
    step = Step(tmp_path / "out", CONFIG, "mix dev")
    assert step.needed()
    step.finish()
    return tmp_path / "out"


def test_a_new_step_runs_silently(tmp_path, capsys):
    assert Step(tmp_path / "out", CONFIG, "mix dev").needed()
    assert capsys.readouterr().out == "" and not (tmp_path / "out").exists()


def test_a_done_step_is_skipped_and_says_so(done, capsys):
    assert not Step(done, dict(reversed(CONFIG.items())), "mix dev").needed()  # the order of keys does not count
    assert f"mix dev: done before, skipped ({done})" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed, why",
    [
        (CONFIG | {"seed": 1}, "seed changed from 0 to 1"),
        ({"mix": {"snr": [0, 10], "clean": 0.1}, "seed": 0}, "mix.snr changed from [0, 5] to [0, 10]"),
        ({"mix": {"snr": [0, 5]}, "seed": 0}, "mix.clean changed from 0.1 to (absent)"),
        (CONFIG | {"rate": 8000}, "rate changed from (absent) to 8000"),
        ({"mix": 3, "seed": 2}, "mix changed from {'clean': 0.1, 'snr': [0, 5]} to 3; seed changed from 0 to 2"),
    ],
)
def test_a_changed_config_runs_again_and_says_which_key(done, changed, why, capsys):
    assert Step(done, changed, "mix dev").needed()
    assert capsys.readouterr().out.strip().endswith(f"mix dev: runs again, because {why}")


def test_a_step_that_runs_again_is_not_done_until_it_finishes(done):
    """Killed in the rerun, it must not count as done, neither with the new config nor with the old one."""
    assert Step(done, CONFIG | {"seed": 1}, "mix dev").needed() and done_hash(done) is None
    assert Step(done, CONFIG, "mix dev").needed() and Step(done, CONFIG | {"seed": 1}, "mix dev").needed()


def test_parts_of_a_folder_are_separate_steps(tmp_path):
    speech, noise = (Step(tmp_path, {"what": part}, part, part) for part in ("speech", "noise"))
    speech.finish()
    assert not speech.needed() and noise.needed()
    assert done_hash(tmp_path, "speech") and done_hash(tmp_path, "noise") is None and done_hash(tmp_path) is None


def test_the_hash_follows_the_config(tmp_path):
    """It is what later steps depend on: same config, same hash, wherever the folder is."""
    hashes = []
    for name, config in (("a", CONFIG), ("b", CONFIG), ("c", CONFIG | {"seed": 1})):
        Step(tmp_path / name, config, name).finish()
        hashes.append(done_hash(tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"hash": "x"}', "null"])
def test_a_damaged_marker_is_no_marker(done, damage):
    (done / ".done").write_text(damage)
    assert done_hash(done) is None and Step(done, CONFIG, "mix dev").needed()


def test_values_that_json_does_not_know_are_compared_as_it_writes_them(tmp_path):
    from pathlib import Path

    step = Step(tmp_path, {"path": Path("a"), "sizes": (1, 2)}, "x")
    step.finish()
    assert not Step(tmp_path, {"path": "a", "sizes": [1, 2]}, "x").needed()
    assert json.loads((tmp_path / ".done").read_text())["config"] == {"path": "a", "sizes": [1, 2]}


def test_long_values_are_shortened():
    assert len(changes({"a": "x" * 500}, {"a": "y" * 500})) < 160
