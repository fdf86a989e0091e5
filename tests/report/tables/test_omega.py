"""Observation adding in the report: ω is chosen on dev alone, over all seeds, and the oracle takes the best of each item."""

import pytest

from kdse.report.place import committed
from kdse.report.plots.omega import plot_omega
from kdse.report.read import read_results
from kdse.report.render.sections import sections
from kdse.report.tables.differences import difference_table
from kdse.report.tables.main import main_table
from kdse.report.tables.omega import at_chosen_omega, omega_table, with_oracle_omega
from kdse.scoring.metrics import WER

OMEGAS = (0.2, 0.5)


def with_errors(rows: list[dict], errors) -> list[dict]:
    """The rows with `errors(row)` substitutions of five words."""
    return [row | {"word": [5, errors(row), 0, 0]} for row in rows]


@pytest.fixture
def results(tmp_path, make_rows, commit):
    """kd of two seeds: on dev ω = 0.2 is best over both, on test 0.5 would be; standalone_se and no front end have ω = 0 alone."""
    commit(tmp_path, with_errors(make_rows("mct_noisy"), lambda row: 3))
    commit(tmp_path, with_errors(make_rows("standalone_se", student="dccrn-s", params=10), lambda row: 4))
    on_dev = {0: {0.0: 2, 0.2: 1, 0.5: 2}, 1: {0.0: 2, 0.2: 2, 0.5: 2}}
    on_test = {0: {0.0: 3, 0.2: 2, 0.5: 1}, 1: {0.0: 1, 0.2: 2, 0.5: 3}}
    for seed in (0, 1):
        plain, rows = make_rows("kd", student="dccrn-s", params=10, seed=seed), []
        for omega in (0.0, *OMEGAS):
            errors = {"dev_noisy": on_dev[seed][omega]}
            rows += with_errors(
                [row | {"omega": omega} for row in plain], lambda row, e=errors, o=omega, s=seed: e.get(row["set"], on_test[s][o])
            )
        commit(tmp_path, rows)
    return read_results(committed(tmp_path))


def kd(results):
    return next(s for s in results.on("test_noisy") if s.approach == "kd")


def test_dev_chooses(results):
    """0.2, although 0 would be as good and 0.5 worse on test by any seed's own choice."""
    assert [s.omega for s in results.with_every_omega(kd(results))] == [0.0, *OMEGAS]
    assert at_chosen_omega(results, kd(results), "test_noisy").omega == 0.2
    alone = next(s for s in results.on("test_noisy") if s.approach == "standalone_se")
    assert at_chosen_omega(results, alone, "test_noisy") is alone


def test_of_equals_the_smallest(tmp_path, make_rows, commit):
    rows = with_errors(make_rows("kd", utts=3), lambda row: 2)
    commit(tmp_path, rows + [row | {"omega": 0.5} for row in rows])
    results = read_results(committed(tmp_path))
    assert at_chosen_omega(results, kd(results), "test_noisy").omega == 0


def test_the_oracle_chooses_for_every_item_and_seed(results, tmp_path, make_rows, commit):
    """Seed 0 makes one error in five words at ω = 0.5, seed 1 at ω = 0; their mean over seeds at any one ω is two. Without a front
    end there are three; were there none, the with_oracle_omega would take that."""
    assert with_oracle_omega(results, kd(results), "test_noisy").estimate().value == pytest.approx(20.0)
    commit(tmp_path, with_errors(make_rows("mct_noisy"), lambda row: 0))
    results = read_results(committed(tmp_path))
    assert with_oracle_omega(results, kd(results), "test_noisy").estimate().value == 0
    assert kd(results).scores("test_noisy", WER).estimate().value == pytest.approx(40.0)


def test_the_table(results):
    table = omega_table(results, "test_noisy")
    (row,) = table.rows  # only kd was tried with several ω
    assert row["omega"] == "0.2" and row["plain"].value == pytest.approx(40) and row["wer"].value == pytest.approx(40)
    assert (
        row["gain"].value == pytest.approx(0)
        and row["none"].value == pytest.approx(-20)
        and row["oracle"].value == pytest.approx(20)
    )


def test_other_tables_have_no_omega_but_differences_do(results):
    """The main table shows ω = 0; a pair appears again with the ω that dev chose for each."""
    assert not any("ω" in row["system"] for row in main_table(results, "test_noisy").rows)
    pairs = [row["pair"] for row in difference_table(results, "test_noisy").rows]
    assert pairs == [
        "kd (dccrn-s) − standalone_se (dccrn-s)",
        "kd (dccrn-s), ω = 0.2 − standalone_se (dccrn-s)",
        "kd (dccrn-s) − no front end (mct_noisy)",
        "kd (dccrn-s), ω = 0.2 − no front end (mct_noisy)",
    ]


def test_the_section_and_the_plot(results, tmp_path, recipe):
    assert "Observation adding" in [part.heading for part in sections(results)]
    assert plot_omega(results, "test_noisy", tmp_path / "omega.png") and (tmp_path / "omega.png").stat().st_size > 5000


def test_nothing_without_omega(recipe):
    results = read_results(committed(recipe))
    assert omega_table(results, "test_noisy") is None and not plot_omega(results, "test_noisy", recipe / "omega.png")
    assert "Observation adding" not in [part.heading for part in sections(results)]


@pytest.mark.parametrize("sets", [("dev_noisy",), ("test_noisy",), ("dev_noisy", "test_noisy")])
def test_an_omega_that_only_some_runs_have_is_left_out(tmp_path, make_rows, commit, sets):
    """Seed 0 was decoded again with ω = 0.2, seed 1 not: 0.2 would compare other runs, so it is not there."""
    commit(tmp_path, make_rows("mct_noisy"))
    for seed in (0, 1):
        rows = make_rows("kd", student="dccrn-s", params=10, seed=seed)
        commit(tmp_path, rows + [row | {"omega": 0.2} for row in rows if seed == 0 and row["set"] in sets])
    results = read_results(committed(tmp_path))
    assert at_chosen_omega(results, kd(results), "test_noisy").omega == 0 and omega_table(results, "test_noisy") is None
    assert not plot_omega(results, "test_noisy", tmp_path / "omega.png")
    assert "ω" not in "".join(row["pair"] for row in difference_table(results, "test_noisy").rows)


def test_a_seed_that_was_never_tested_does_not_count(tmp_path, make_rows, commit):
    """Two seeds on dev, of which selected.yaml lets one touch the test set."""
    for seed in (0, 1):
        rows = [row for row in make_rows("kd", student="dccrn-s", params=10, seed=seed) if not seed or row["set"] == "dev_noisy"]
        commit(tmp_path, rows + [row | {"omega": 0.2} for row in rows])
    results = read_results(committed(tmp_path))
    alone = kd(results).scores("test_noisy", WER).estimate().value
    assert with_oracle_omega(results, kd(results), "test_noisy").estimate().value == pytest.approx(alone)


def test_without_a_dev_set_nothing_is_chosen(tmp_path, make_rows, commit):
    rows = make_rows("kd", student="dccrn-s", params=10, sets=("test_noisy",))
    commit(tmp_path, rows + [row | {"omega": 0.2} for row in rows])
    results = read_results(committed(tmp_path))
    (row,) = omega_table(results, "test_noisy").rows
    assert row["omega"] is None and row["gain"] is None
    assert plot_omega(results, "test_noisy", tmp_path / "omega.png")
