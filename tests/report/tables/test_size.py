"""WER by size of the student: which systems are one network in several sizes, and what the table and the plot show."""

import pytest

from kdse.report.place import committed
from kdse.report.plots.size import plot_size
from kdse.report.read import read_results
from kdse.report.tables.size import size_table, sizes


@pytest.fixture
def results(tmp_path, make_rows, commit):
    """bandcrn in two sizes under both approaches, a third size that only kd has, another network in one size, a tagged run."""
    commit(tmp_path, make_rows("mct_noisy"))
    commit(tmp_path, make_rows("oracle_irm", ease=4))
    commit(tmp_path, make_rows("se_teacher", student="conformer", params=2_000_000))
    for size, params in (("m", 190_785), ("s", 56_000)):
        commit(tmp_path, make_rows("standalone_se", student=f"bandcrn-{size}", params=params, ease=-0.5))
        commit(tmp_path, make_rows("kd", student=f"bandcrn-{size}", params=params, ease=params / 1e5))
    commit(tmp_path, make_rows("kd", student="bandcrn-l", params=1_100_000))
    for approach in ("standalone_se", "kd"):
        commit(tmp_path, make_rows(approach, student="dccrn-m", params=198_000))
    tagged = make_rows("kd", student="bandcrn-m", params=190_785)
    commit(tmp_path, [row | {"run": "kd_bandcrn-m_long_seed0"} for row in tagged])
    return read_results(committed(tmp_path))


def test_sizes_that_both_approaches_have(results):
    ((small, medium),) = sizes(results, "test_noisy")
    assert [size["kd"].student for size in (small, medium)] == ["bandcrn-s", "bandcrn-m"]
    assert medium["kd"].family == "kd_bandcrn-m" and medium["standalone_se"].approach == "standalone_se"


def test_the_table(results):
    small, medium = size_table(results, "test_noisy").rows
    assert (small["student"], small["params"], small["seeds"]) == ("bandcrn-s", 56_000, "0")
    for row in (small, medium):
        assert row["difference"].value == pytest.approx(row["kd"].value - row["standalone_se"].value)
    assert medium["difference"].value < small["difference"].value < 0


def test_the_plot(results, tmp_path):
    assert plot_size(results, "test_noisy", "test_clean", tmp_path / "size.png")
    assert (tmp_path / "size.png").stat().st_size > 5000


def test_one_size_is_no_curve(recipe):
    results = read_results(committed(recipe))
    assert size_table(results, "test_noisy") is None and not plot_size(results, "test_noisy", "test_clean", recipe / "x.png")


def test_only_shared_seeds_are_compared(tmp_path, make_rows, commit):
    """kd has a second seed in one size, and a third that was never tested."""
    for size, params in (("m", 190_785), ("s", 56_000)):
        commit(tmp_path, make_rows("standalone_se", student=f"bandcrn-{size}", params=params))
        commit(tmp_path, make_rows("kd", student=f"bandcrn-{size}", params=params))
    commit(tmp_path, make_rows("kd", student="bandcrn-m", params=190_785, seed=1, ease=3))
    commit(tmp_path, make_rows("kd", student="bandcrn-m", params=190_785, seed=2, sets=("dev_noisy",)))
    _, medium = size_table(read_results(committed(tmp_path)), "test_noisy").rows
    assert medium["seeds"] == "0"
    assert medium["difference"].value == pytest.approx(medium["kd"].value - medium["standalone_se"].value)


def test_plots_show_one_system_of_each_approach(results):
    """The one with the most seeds, of equals the first in the tables."""
    assert [s.family for s in results.headline("test_noisy")] == [
        "mct_noisy",
        "oracle_irm",
        "standalone_se_bandcrn-m",
        "se_teacher_conformer",
        "kd_bandcrn-l",
    ]
