"""The block that ESPnet writes above its results: from the YAMLs of the runs alone."""

import yaml

from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.tables.environments import environments


def record(recipe, run: str, **values) -> None:
    path = recipe / "results" / f"{run}.yaml"
    config = yaml.safe_load(path.read_text())
    config["scoring"] |= values.pop("scoring", {})
    path.write_text(yaml.safe_dump(config | values))


def test_values_of_all_runs_are_joined_each_once(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("kd", utts=1))
    commit(tmp_path, make_rows("mct_noisy", utts=1))
    old = {"python": "3.11.7", "espnet": "202511", "torch": "2.11.0"}
    record(tmp_path, "kd_seed0", versions=old, commit="aaa1111", scoring={"date": "2026-01-02", "commit": "ccc3333"})
    record(tmp_path, "mct_noisy_seed0", versions=old | {"torch": "2.12.0"}, commit="bbb2222", scoring={"commit": "ccc3333"})
    assert environments(read_results(committed(tmp_path))) == [
        "date: `2026-01-02`",
        "python version: `3.11.7`",
        "espnet version: `espnet 202511`",
        "pytorch version: `pytorch 2.11.0, pytorch 2.12.0`",
        "Git hash: `aaa1111, bbb2222, ccc3333`",
    ]


def test_what_was_not_recorded_is_not_taken_from_this_machine(recipe):
    lines = environments(read_results(committed(recipe)))
    assert lines[:4] == [f"{name}: `not recorded`" for name in ("date", "python version", "espnet version", "pytorch version")]
    assert lines[4] == "Git hash: `def5678, abc1234`"
