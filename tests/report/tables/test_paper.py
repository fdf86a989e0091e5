"""The paper's tables: published figures are those of the reference, ours those of the rows, and what was not run says so."""

from pathlib import Path

import pytest
import yaml

from kdse.core.errors import UserError
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.table import markdown, to_csv
from kdse.report.tables.ablation import ablation_table
from kdse.report.tables.paper import REFERENCE, error_tables, quality_table
from kdse.scoring.metrics import CER, WER

SHARED = Path(__file__).resolve().parents[4] / "shared" / "reference" / "paper_tables.yaml"
LIBRISPEECH = ("dev-clean_noisy", "dev-other_noisy", "test-clean_noisy", "test-other_noisy")
APPROACHES = ["mct_noisy", "standalone_se", "mct_all", "joint_straight", "joint_aso", "joint_grad", "kd"]
CHIME4 = ("dt05_simu", "dt05_real", "et05_simu", "et05_real")


def tables(recipe: Path) -> dict[str, object]:
    results = read_results(committed(recipe))
    return {table.name: table for table in (*error_tables(results), quality_table(results), ablation_table(results))}


def of_sets(rows: list[dict]) -> list[dict]:
    """Each set has utterances of its own, as corpora do."""
    return [row | {"utt": f"{row['set']}-{row['utt']}"} for row in rows]


def errors(rows: list[dict], counts: str = "word") -> float:
    return 100 * sum(sum(row[counts][1:]) for row in rows) / sum(row[counts][0] for row in rows)


def test_figures_are_those_of_the_reference():
    if not SHARED.exists():
        pytest.skip("shared/reference is not here; conf/reference/paper.yaml stands for itself")
    ours, theirs = (yaml.safe_load(path.read_text()) for path in (REFERENCE, SHARED))
    for name in ("table_1", "table_3"):
        assert ours[name]["columns"] == theirs[name]["columns"]
        assert (ours[name]["wer"], ours[name]["cer"]) == (theirs[name]["wer"], theirs[name]["cer"])
    for name in ("table_5", "table_6"):
        assert (ours[name]["columns"], ours[name]["rows"]) == (theirs[name]["columns"], theirs[name]["rows"])


def test_another_corpus_shows_its_test_set_beside_the_published_averages(recipe, make_rows):
    table = tables(recipe)["paper_1_cer_wer"]
    assert [row["system"] for row in table.rows] == APPROACHES
    rows = {row["system"]: row for row in table.rows}
    of_kd = [row for row in make_rows("kd", student="dccrn-s", ease=1.2) if row["set"] == "test_noisy"]
    assert rows["kd"]["wer_all"].value == pytest.approx(errors(of_kd))
    assert rows["kd"]["cer_all"].value == pytest.approx(errors(of_kd, "char"))
    assert (rows["kd"]["wer_published"], rows["kd"]["cer_published"]) == (20.39, 11.38)  # table 1, average
    assert rows["joint_grad"]["wer_all"] == "not run" and rows["joint_grad"]["wer_published"] == 20.98
    assert "published, noisy LibriSpeech" in markdown(table)
    assert "levels may not" in table.notes[0]


def test_the_best_is_bold_where_the_interval_says_so(recipe):
    table = tables(recipe)["paper_1_cer_wer"]
    assert (APPROACHES.index("kd"), "wer_all") in table.bold


def test_the_corpus_of_the_paper_has_a_column_for_each_set(tmp_path, make_rows, commit):
    made = {}
    for name, options in (("mct_noisy", {}), ("kd", {"student": "dccrn-s", "params": 198_402, "ease": 1.0})):
        made[name] = of_sets(make_rows(name, corpus="librispeech", sets=LIBRISPEECH, utts=12, **options))
        commit(tmp_path, made[name])
    found = tables(tmp_path)
    assert {"paper_1_cer", "paper_1_wer", "paper_5_quality", "paper_ablation"} == found.keys()
    row = next(row for row in found["paper_1_wer"].rows if row["system"] == "kd")
    for name, published in zip(LIBRISPEECH, (19.88, 20.28, 20.67, 20.78), strict=True):
        assert row[f"wer_{name}"].value == pytest.approx(errors([r for r in made["kd"] if r["set"] == name]))
        assert row[f"wer_{name}_published"] == published
    assert row["wer_all"].value == pytest.approx(errors(made["kd"])) and row["wer_published"] == 20.39


def test_chime4_shows_averages_alone_because_print_lost_which_set_is_which(tmp_path, make_rows, commit):
    commit(tmp_path, of_sets(make_rows("mct_noisy", corpus="chime4", sets=CHIME4, utts=8)))
    table = tables(tmp_path)["paper_3_wer"]
    row = table.rows[0]
    assert {f"wer_{name}" for name in CHIME4} < row.keys() and row["wer_published"] == 29.88
    assert not [key for key in row if key.endswith("_published") and key != "wer_published"]
    results = read_results(committed(tmp_path))
    [system] = results.on("test_noisy")
    rows = [row for row in system.rows if row["set"].startswith("et05")]
    assert system.scores("test_noisy", WER).estimate().value == pytest.approx(errors(rows))
    assert len(system.scores("dev_noisy", CER).items) == len(rows)


def test_quality_has_the_published_number_in_the_next_column(recipe):
    table = tables(recipe)["paper_5_quality"]
    assert [row["system"] for row in table.rows] == ["noisy", "standalone_se", "joint_straight", "joint_aso", "joint_grad", "kd"]
    heads = [column.heading for column in table.columns]
    assert heads[1::2] == ["PESQ-WB", "STOI", "CSIG", "CBAK", "COVL", "SDR dB", "SIR dB", "SAR dB", "SSNR dB", "SNR dB"]
    assert set(heads[2::2]) == {"publ."}
    noisy, kd = table.rows[0], table.rows[-1]
    assert (kd["pesq_wb_published"], kd["snr_out_published"], noisy["sar_published"]) == (2.6653, 10.3467, -2.3140)
    assert kd["csig"].value == pytest.approx(2.5 + 1.2 / 2, abs=0.01)
    assert table.rows[3]["pesq_wb"] == "not run"


def test_the_ablation_has_a_row_for_each_grid_point_and_no_published_number(recipe):
    table = tables(recipe)["paper_ablation"]
    assert [(row["losses"], row["system"]) for row in table.rows] == [
        ("L_r", "standalone_se"),
        ("L_r + L_e", "kd_re"),
        ("L_r + L_d", "kd_rd"),
        ("L_r + L_e + L_d", "kd"),
    ]
    assert table.rows[1]["wer"] == "not run" and table.rows[3]["wer"].value < table.rows[0]["wer"].value
    assert "published" not in to_csv(table)


def test_sets_that_share_an_utterance_are_not_counted_together(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("mct_noisy", corpus="chime4", sets=CHIME4, utts=2))
    with pytest.raises(UserError, match="dt05_real and dt05_simu share utterance an0-spk0"):
        error_tables(read_results(committed(tmp_path)))
