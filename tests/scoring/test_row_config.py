"""The YAML beside the rows."""

from datetime import date

import yaml

from kdse import cli


def test_the_config_beside_the_rows_says_how_to_make_them_again(recipe, score, about):
    assert cli.main(["score", "--backend", "asr", "--run", "exp/kd_dccrn-s_seed0", "--sets", "test_noisy", "test_clean"]) == 0
    path = recipe / "results/kd_dccrn-s_seed0.yaml"
    config = yaml.safe_load(path.read_text())
    assert {k: config[k] for k in about} == about
    scoring = config["scoring"]
    assert (
        scoring["command"]
        == "kdse score --run exp/kd_dccrn-s_seed0 --backend asr --sets test_noisy test_clean --dump dump --out results"
    )
    assert scoring["versions"]["pesq"] and scoring["versions"]["jiwer"] and "upper case" in scoring["normalisation"]
    assert date.fromisoformat(scoring["date"]) <= date.today()
    assert scoring["decode"] == {"test_noisy": {"decode": "ctc_greedy"}, "test_clean": {}}
    old = {"date": "2026-01-31", "commit": "0ld"}
    path.write_text(yaml.safe_dump(config | {"scoring": scoring | old}))
    score("test_noisy", "test_clean")
    kept = yaml.safe_load(path.read_text())["scoring"]
    assert {name: kept[name] for name in old} == old
