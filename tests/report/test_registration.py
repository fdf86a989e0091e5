"""What is registered appears in tables and plots by itself: a made-up approach, metric and corpus, each of one registration."""

from dataclasses import replace

import pytest

from kdse import cli
from kdse.approaches.registry import SE, SYSTEMS, ApproachInfo
from kdse.data.corpora.registry import CORPORA, CorpusInfo
from kdse.report.place import committed
from kdse.report.plots import wer_by_snr
from kdse.report.read import read_results
from kdse.report.tables.ablation import ablation_table
from kdse.report.tables.approaches import approaches_table
from kdse.report.tables.differences import difference_table
from kdse.report.tables.main import main_table
from kdse.report.tables.quality import quality_table
from kdse.scoring.metrics import METRICS, Metric

COLOUR = "#123456"


@pytest.fixture
def new_approach(monkeypatch):
    """An approach that stands in every main table, between those that are there."""
    info = ApproachInfo(
        "new_kd", "made up", "distilled", "kdse.approaches.kd:KD", SE, label="our new one", colour=COLOUR, headline=True,
        losses=("L_r", "L_e", "L_d", "L_new"),
    )  # fmt: skip
    monkeypatch.setitem(SYSTEMS, info.name, info)


@pytest.fixture
def with_new_approach(recipe, make_rows, commit, new_approach):
    """The recipe with rows of it."""
    commit(recipe, make_rows("new_kd", student="dccrn-s", params=198_402, ease=2.0))
    return recipe


def lines_of(figure) -> dict[str, str]:
    """{label: colour} of the lines of a plot's first panel."""
    axes = figure.axes[0]
    handles, labels = axes.get_legend_handles_labels()
    return {label: handle.lines[0].get_color() for handle, label in zip(handles, labels, strict=True)}


def test_an_approach_in_tables_plots_and_results_md(with_new_approach, monkeypatch, tmp_path):
    results = read_results(committed(with_new_approach))
    assert "our new one (dccrn-s)" in [row["system"] for row in main_table(results, "test_noisy").rows]
    pairs = [row["pair"] for row in difference_table(results, "test_noisy").rows]
    assert "our new one (dccrn-s) − standalone_se (dccrn-s)" in pairs
    assert ablation_table(results).rows[-1]["losses"] == "L_r + L_e + L_d + L_new"
    figures = []
    monkeypatch.setattr(wer_by_snr, "save", lambda figure, path: figures.append(figure))
    assert wer_by_snr.plot_wer_by_snr(results, "test_noisy", "test_clean", tmp_path / "x.png")
    assert lines_of(figures[0])["our new one (dccrn-s)"] == COLOUR


def test_an_approach_in_results_md(with_new_approach):
    assert cli.main(["report", "--publish", "--recipe", str(with_new_approach)]) == 0
    text = (with_new_approach / "RESULTS.md").read_text()
    assert "| our new one (dccrn-s) | 198,402 |" in text and "|new_kd_dccrn-s_seed0/ctc_greedy/test_noisy|" in text
    assert "## our new one (dccrn-s), seed 0" in (with_new_approach / "results/worst.md").read_text()


def test_an_approach_that_was_not_run_says_so(recipe, new_approach):
    results = read_results(committed(recipe))
    (row,) = [row for row in main_table(results, "test_noisy").rows if row["system"] == "our new one"]
    assert row["wer"] == "not run"


def test_an_approach_of_no_headline_is_not_missed_but_shown(recipe, make_rows, commit, monkeypatch):
    monkeypatch.setitem(SYSTEMS, "aside", ApproachInfo("aside", "made up", "baseline"))
    assert "aside" not in [row["system"] for row in main_table(read_results(committed(recipe)), "test_noisy").rows]
    commit(recipe, make_rows("aside"))
    results = read_results(committed(recipe))
    assert main_table(results, "test_noisy").rows[-1]["system"] == "aside" and approaches_table(results, "test_noisy") is None


class Scored(dict):
    """A row with one more score."""

    def __init__(self, row, **scores):
        super().__init__(row, **scores)
        self.item = row.item


def test_a_metric_is_a_column(recipe, monkeypatch):
    """Of every system that has it; rows of before have none."""
    monkeypatch.setitem(METRICS, "loudness", Metric("loudness", "loudness LU", 3, groups=("main", "quality")))
    results = read_results(committed(recipe))
    systems = []
    for number, system in enumerate(results.systems):
        value = None if system.approach == "kd" else float(number)
        systems.append(replace(system, rows=tuple(Scored(row, loudness=value) for row in system.rows)))
    results = replace(results, systems=systems)
    for table in (main_table(results, "test_noisy"), quality_table(results, "test_noisy")):
        assert "loudness LU" in [column.heading for column in table.columns]
        values = {row["system"]: row.get("loudness") for row in table.rows}
        assert values["kd (dccrn-s)"] is None and values["standalone_se (dccrn-s)"].value == pytest.approx(1.0)


def test_a_corpus_with_sets_of_its_own(tmp_path, make_rows, commit, monkeypatch):
    """Its sets stand for ours, and its voices are said to be synthetic."""
    own = {"dev_noisy": ("tune",), "test_noisy": ("office", "street"), "test_clean": ("booth",)}
    monkeypatch.setitem(CORPORA, "robots", CorpusInfo("robots", "", "made up", official_sets=own, synthetic=True))
    sets = ("tune", "office", "street", "booth")
    for approach, student in (("mct_noisy", None), ("kd", "net-s")):
        rows = make_rows(approach, student=student, params=9 if student else 0, corpus="robots", sets=sets, utts=8)
        commit(tmp_path, [row | {"utt": f"{row['set']}-{row['utt']}"} for row in rows])
    assert cli.main(["report", "--publish", "--recipe", str(tmp_path)]) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert "test_noisy: office and street together." in text and "real corpora show the science" in text
    assert "|kd_net-s_seed0/ctc_greedy/street|32|" in text
    (row,) = [row for row in main_table(read_results(committed(tmp_path)), "test_noisy").rows if row["system"] == "kd (net-s)"]
    assert row["items"] == 64
