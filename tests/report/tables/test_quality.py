"""Tables of every score and of errors by noise, and the plot of errors."""

import numpy as np
import pytest

from kdse.report.place import committed
from kdse.report.plots.noise_artifacts import noise_and_artifacts, paths, plot_noise_artifacts
from kdse.report.read import read_results
from kdse.report.tables.by_noise import noise_table
from kdse.report.tables.quality import quality_table


def test_every_score_that_some_system_has_is_a_column(recipe):
    table = quality_table(read_results(committed(recipe)), "test_noisy")
    keys = [column.key for column in table.columns]
    assert {"pesq_wb", "pesq_nb", "estoi", "covl", "sar", "ssnr", "wada_snr"} < set(keys)
    assert not [key for key in keys if key.startswith("dnsmos")]  # no recording without a reference
    row = next(row for row in table.rows if row["system"] == "kd (dccrn-s)")
    assert row["sir"].value == pytest.approx(2.5 + 3 * 1.2 + 3, abs=0.01)  # the mean SNR is 2.5 dB
    assert (table.rows.index(row), "sir") in table.bold


def test_means_of_different_items_are_never_compared(recipe, make_rows, commit):
    """A score that one system lacks for an item is left out of every system's mean."""
    rows = make_rows("kd", student="dccrn-s", params=198_402, ease=1.2)
    for row in rows:
        if row["snr"] == 10.0:
            row |= {"covl": None, "missing": row["missing"] | {"covl": "LLR is not a number in more than 5 % of the frames"}}
    commit(recipe, rows)
    results = read_results(committed(recipe))
    table = quality_table(results, "test_noisy")
    assert {row["covl"].items for row in table.rows} == {180}  # of 240
    assert {row["cbak"].items for row in table.rows} == {240}


def test_errors_by_noise(tmp_path, make_rows, commit):
    for name, ease in (("mct_noisy", 0.0), ("kd", 1.0)):
        rows = make_rows(name, ease=ease, utts=10, **({"student": "s", "params": 5} if name == "kd" else {}))
        for row in rows:
            if row["snr"] is not None:
                row["noise"] = "hum" if row["snr"] < 0 else "rain"
        commit(tmp_path, rows)
    table = noise_table(read_results(committed(tmp_path)), "test_noisy")
    assert [(row["noise"], row["items"]) for row in table.rows] == [("hum", 10), ("rain", 30)]
    hum = [row for row in rows if row["set"] == "test_noisy" and row["noise"] == "hum"]
    assert table.rows[0]["kd_s"].value == pytest.approx(100 * sum(r["word"][1] for r in hum) / sum(r["word"][0] for r in hum))


def test_one_noise_is_no_table(recipe):
    assert noise_table(read_results(committed(recipe)), "test_noisy") is None


def test_the_artifact_error_follows_from_sdr_and_sir(recipe, tmp_path):
    results = read_results(committed(recipe))
    kd = next(system for system in results.on("test_noisy") if system.approach == "kd")
    artifacts, noise, wer = noise_and_artifacts(kd, "test_noisy")
    rows = [row for row in kd.rows if row["set"] == "test_noisy"]
    assert noise == pytest.approx(-np.mean([row["sir"] for row in rows]))
    energy = [10 ** (-row["sdr"] / 10) - 10 ** (-row["sir"] / 10) for row in rows]
    assert artifacts == pytest.approx(np.mean(10 * np.log10(energy))) and 0 < wer < 100
    found = paths(results, results.headline("test_noisy"), "test_noisy")
    assert "kd (dccrn-s)" in found and not [label for label in found if label.startswith("mct_noisy")]
    assert plot_noise_artifacts(results, "test_noisy", tmp_path / "errors.png")
    assert (tmp_path / "errors.png").read_bytes()[:4] == b"\x89PNG"


def test_without_ratios_there_is_no_plot(tmp_path, make_rows, commit):
    rows = make_rows("kd", student="s", params=5, utts=3)
    for row in rows:
        row |= dict.fromkeys(("sdr", "sir")) | {"missing": row["missing"] | dict.fromkeys(("sdr", "sir"), "no mixture")}
    commit(tmp_path, rows)
    assert not plot_noise_artifacts(read_results(committed(tmp_path)), "test_noisy", tmp_path / "errors.png")
    assert not (tmp_path / "errors.png").exists()
