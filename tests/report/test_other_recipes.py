"""A recipe that is not the paper's: its report is about its own approach, and names nothing that was not run."""

import shutil

import pytest
import yaml

from kdse.report.claims import claims
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.results_md import render
from kdse.report.render.sections import sections
from kdse.report.tables.differences import difference_table
from kdse.report.tables.main import main_table

STUDENT = {"student": "gtcrn", "params": 23_089, "corpus": "general"}


@pytest.fixture
def general(recipe, make_rows, commit):
    """Rows of `kd_q` that began with published weights, and of no front end."""
    shutil.rmtree(recipe / "results")
    (recipe / "results").mkdir()
    commit(recipe, make_rows("mct_noisy", corpus="general"))
    commit(recipe, make_rows("kd_q", ease=1.0, **STUDENT))
    about = recipe / "results/kd_q_gtcrn_seed0.yaml"
    started = {"init_run": "GTCRN", "family": "kd_q_gtcrn", "teachers": []}
    about.write_text(yaml.safe_dump(yaml.safe_load(about.read_text()) | started))
    return read_results(committed(recipe))


def test_tables_name_what_was_run(general):
    """Published weights are no run of the recipe: what begins with them stands in the main table."""
    systems = [row["system"] for row in main_table(general, "test_noisy", ceiling="test_clean").rows]
    assert systems == ["clean input, no front end (ceiling)", "no front end (mct_noisy)", "kd_q (gtcrn)"]
    (row,) = difference_table(general, "test_noisy").rows
    assert row["pair"] == "kd_q (gtcrn) − no front end (mct_noisy)" and row["wer"].below_zero
    text = render("Results", general, sections(general))
    assert "not run" not in text and "paper's tables" not in text and "Every approach" not in text


def test_claims_are_about_its_own_approach(general):
    (sentence,) = claims(general, "test_noisy")
    assert sentence.startswith("WER of kd_q (gtcrn) against no front end on test_noisy: ") and "lower, relative" in sentence
