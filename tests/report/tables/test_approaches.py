"""All approaches from one start: which systems are in the table, what it says, and that other tables leave them to it."""

import pytest
import yaml

from kdse.approaches.registry import SYSTEMS
from kdse.report.place import committed
from kdse.report.plots.omega import plot_omega_panels
from kdse.report.plots.training import plot_training
from kdse.report.read import read_results
from kdse.report.tables.approaches import approaches_table
from kdse.report.tables.by_snr import snr_table
from kdse.report.tables.main import main_table
from kdse.scoring.row import write_rows


@pytest.fixture
def results(tmp_path, make_rows, commit):
    """Three approaches of a warm student, one of them twice; the same approaches from random weights; no front end."""
    commit(tmp_path, make_rows("mct_noisy"))
    for approach, ease in (("standalone_se", -0.3), ("kd", 0.4)):
        commit(tmp_path, make_rows(approach, student="net-m", params=1000, ease=ease))
    for approach, ease in (("standalone_se", -0.2), ("kd", 0.6), ("joint_grad", 0.9)):
        commit(tmp_path, make_rows(approach, student="net-m_warm", params=1000, ease=ease))
        path = tmp_path / "results" / f"{approach}_net-m_warm_seed0.yaml"
        config = {"kdse_conf": {"init": "exp/standalone_se_net-m_seed0/enh/model.pth"}}
        training = {"updates": [360], "seconds": 123.4, "threads": 1}
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"config": config, "training": training}))
    return read_results(committed(tmp_path))


def test_the_table_names_every_approach_run_or_not(results):
    table = approaches_table(results, "test_noisy")
    rows = {row["system"]: row for row in table.rows}
    assert list(rows) == [n for n in SYSTEMS if n in rows] and {"mct_all", "joint_aso", "d4am", "paap", "pcgrad"} <= rows.keys()
    assert rows["mct_all"]["wer"] == "not run" and "mct_noisy" not in rows and "se_teacher" not in rows
    kd, base = rows["kd"], rows["standalone_se"]
    assert kd["base"].value == pytest.approx(kd["wer"].value - base["wer"].value) and base["base"] is None
    assert (kd["updates"], kd["seconds"]) == ("360", 123.4)
    assert "standalone_se_net-m_seed0" in table.notes[0]


def test_a_difference_is_within_the_same_start(results):
    """Not against standalone_se from random weights, which has other WER."""
    rows = {row["system"]: row for row in approaches_table(results, "test_noisy").rows}
    cold = next(s for s in results.on("test_noisy") if s.family == "standalone_se_net-m")
    warm = next(s for s in results.on("test_noisy") if s.family == "standalone_se_net-m_warm")
    assert results.init_run(warm) == "standalone_se_net-m_seed0" and results.init_run(cold) is None
    assert rows["standalone_se"]["wer"].value != pytest.approx(
        sum(r["word"][1] for r in cold.rows if r["set"] == "test_noisy") / 12
    )


def test_other_tables_leave_them_out(results):
    main, snr = main_table(results, "test_noisy", ceiling="test_clean"), snr_table(results, "test_noisy", clean="test_clean")
    for table in (main, snr):
        assert not any("warm" in row["system"] for row in table.rows)
    assert any("net-m_warm" in row["system"] for row in main_table(results, "dev_noisy", name="dev").rows)
    assert all("warm" not in s.family for s in results.headline("test_noisy"))


def test_no_warm_student_no_table(recipe):
    assert approaches_table(read_results(committed(recipe)), "test_noisy") is None


def test_a_score_that_is_missing_is_a_dash_and_means_are_over_the_same_items(tmp_path, make_rows, commit):
    """A joint run has its own recogniser and so no token error rate; one PESQ that failed leaves the item out everywhere."""
    for approach in ("kd", "joint_grad"):
        rows = make_rows(approach, student="net-m_warm", params=1000)
        for row in rows if approach == "joint_grad" else []:
            row |= {"token_error_rate": None, "missing": row["missing"] | {"token_error_rate": "no tokens"}}
        if approach == "joint_grad":
            first = next(row for row in rows if row["set"] == "test_noisy")
            first |= {"pesq_wb": None, "missing": first["missing"] | {"pesq_wb": "too short"}}
        commit(tmp_path, rows)
        path = tmp_path / "results" / f"{approach}_net-m_warm_seed0.yaml"
        config = {"kdse_conf": {"init": "exp/standalone_se_net-m_seed0/enh/model.pth"}}
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"config": config}))
    rows = {row["system"]: row for row in approaches_table(read_results(committed(tmp_path)), "test_noisy").rows}
    assert rows["joint_grad"]["token_error_rate"] is None and rows["kd"]["token_error_rate"].items == 240
    assert rows["joint_grad"]["pesq_wb"].items == rows["kd"]["pesq_wb"].items == 239


def test_the_plots(results, make_rows, commit, log, tmp_path):
    """ω panels where several ω were tried; training losses where the logs of kd and of a joint approach are there."""
    assert not plot_omega_panels(results, "test_noisy", tmp_path / "none.png")
    for run in ("kd", "joint_grad"):
        rows = make_rows(run, student="net-m_warm", params=1000, ease=0.5)
        commit_mixed(tmp_path, run, rows)
    mixed = read_results(committed(tmp_path))
    assert plot_omega_panels(mixed, "test_noisy", tmp_path / "omega.png") and (tmp_path / "omega.png").stat().st_size > 5000
    assert not plot_training(mixed, tmp_path / "exp", tmp_path / "loss.png")
    for run in ("kd", "joint_grad"):
        log(tmp_path / f"exp/{run}_net-m_warm_seed0/tensorboard/train", {"loss": [(60, 3.0), (120, 2.0)]})
    assert plot_training(mixed, tmp_path / "exp", tmp_path / "loss.png") and (tmp_path / "loss.png").stat().st_size > 5000


def commit_mixed(folder, run, rows):
    """The rows once more with a share of noisy signal."""
    write_rows(folder / "results" / f"{run}_net-m_warm_seed0.jsonl.gz", [*rows, *(row | {"omega": 0.2} for row in rows)])
