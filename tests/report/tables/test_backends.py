"""The backend matrix: what stands in which column, whose seeds count, and that the home tables stay without the others' rows."""

import shutil

import pytest

from kdse import cli
from kdse.core.errors import UserError
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.files import stale_files
from kdse.report.tables.backends import backends_table
from kdse.scoring.metrics import WER


@pytest.fixture
def others(recipe, make_rows, commit):
    """Adds rows of `rnn`: without a front end, of one of two seeds of kd, and of a run with a recogniser of its own."""
    (recipe / "results/backends/rnn").mkdir(parents=True)
    commit(recipe, make_rows("kd", seed=1, student="dccrn-s", params=198_402, ease=0.3))
    for rows in (
        make_rows("mct_noisy", ease=-0.3),
        make_rows("kd", student="dccrn-s", params=198_402, ease=0.1),
        make_rows("joint_grad", student="dccrn-s", params=198_402),
    ):
        for row in rows:
            row["backend"] = row["run"] if row["approach"] == "joint_grad" else "asr_rnn"
        commit(recipe / "made", rows)
        for made in (recipe / "made" / "results").iterdir():
            shutil.move(made, recipe / "results/backends/rnn" / made.name)
    return recipe


def test_rows_columns_and_differences(others):
    results = read_results(committed(others))
    table = backends_table(results, "test_noisy")
    assert [c.key for c in table.columns] == [
        "system", "teacher", "seeds", "wer_mct_noisy_seed0", "gain_mct_noisy_seed0", "wer_rnn", "gain_rnn",
    ]  # fmt: skip
    found = {row["system"]: row for row in table.rows}
    assert set(found) == {"no front end (mct_noisy)", "kd_dccrn-s", "joint_grad_dccrn-s"}
    kd = next(s for s in results.on("test_noisy") if s.approach == "kd")
    assert found["kd_dccrn-s"]["wer_mct_noisy_seed0"] == kd.scores("test_noisy", WER, [0]).estimate()  # seed 1 is not in both
    assert found["kd_dccrn-s"]["seeds"] == "0"
    assert found["kd_dccrn-s"]["wer_mct_noisy_seed0"] != kd.scores("test_noisy", WER).estimate()
    rnn = {s.approach: s for s in results.backends["rnn"].on("test_noisy")}
    gain = rnn["kd"].scores("test_noisy", WER).minus(rnn["mct_noisy"].scores("test_noisy", WER))
    assert found["kd_dccrn-s"]["gain_rnn"] == gain
    assert "gain_rnn" not in found["no front end (mct_noisy)"]
    assert found["joint_grad_dccrn-s"]["wer_rnn"] == "its own" and "wer_mct_noisy_seed0" not in found["joint_grad_dccrn-s"]


def test_what_the_home_backend_hears_of_other_teachers_students(others, make_rows, commit):
    """It stands in the home column of the matrix, compared with what home hears without a front end, and in no home table."""
    home = "mct_noisy_seed0"
    rows = make_rows("kd", student="dccrn-s", params=198_402, ease=0.2)
    for row in rows:
        row.update(run="kd_dccrn-s_rnn_seed0", teacher="asr_rnn + asr_home", backend=home)
    commit(others / "made", rows)
    shutil.move(others / "made" / "results", others / f"results/backends/{home}")
    results = read_results(committed(others))
    table = backends_table(results, "test_noisy")
    assert [c.key for c in table.columns if c.key.startswith("wer_")] == [f"wer_{home}", "wer_rnn"]
    (row,) = (row for row in table.rows if row["teacher"] == "rnn + home")
    (system,) = results.backends[home].on("test_noisy")
    bare = next(s for s in results.on("test_noisy") if s.approach == "mct_noisy")
    assert row[f"wer_{home}"] == system.scores("test_noisy", WER).estimate() and "wer_rnn" not in row
    assert row[f"gain_{home}"] == system.scores("test_noisy", WER).minus(bare.scores("test_noisy", WER))
    assert "kd_dccrn-s_rnn" not in {s.family for s in results.systems}


def test_models_trained_for_the_matrix_take_the_place_of_home_ones(others, make_rows, commit):
    """In the home column, its differences, and nowhere else; the notes say so."""
    home, kept = "mct_noisy_seed0", read_results(committed(others))
    for rows in (make_rows("mct_noisy", ease=-0.2), make_rows("kd", student="dccrn-s", params=198_402, ease=0.4)):
        commit(others / "made", [row | {"backend": home} for row in rows])
    shutil.move(others / "made" / "results", others / f"results/backends/{home}")
    results = read_results(committed(others))
    table = backends_table(results, "test_noisy")
    bare, kd = ({s.approach: s for s in results.backends[home].on("test_noisy")}[name] for name in ("mct_noisy", "kd"))
    row = next(row for row in table.rows if row["system"] == "kd_dccrn-s")
    assert row[f"wer_{home}"] == kd.scores("test_noisy", WER).estimate()
    assert row[f"gain_{home}"] == kd.scores("test_noisy", WER).minus(bare.scores("test_noisy", WER))
    assert "may show other trainings" in table.notes[0]
    assert "may show other trainings" not in backends_table(kept, "test_noisy").notes[0]
    assert [s.scores("test_noisy", WER).estimate() for s in results.on("test_noisy")] == [
        s.scores("test_noisy", WER).estimate() for s in kept.on("test_noisy")
    ]


def test_without_other_backends_there_is_no_matrix(recipe):
    assert backends_table(read_results(committed(recipe)), "test_noisy") is None


def test_home_tables_do_not_know_the_others(recipe):
    """The report is the same to the byte but for the matrix's own section."""
    assert cli.main(["report", "--publish", "--recipe", str(recipe)]) == 0
    kept = (recipe / "RESULTS.md").read_text(), (recipe / "results/tables/main.csv").read_bytes()
    shutil.copytree(recipe / "results", recipe / "copy", ignore=shutil.ignore_patterns("plots", "tables", "*.html", "*.md"))
    shutil.move(recipe / "copy", recipe / "results/backends/rnn")
    assert "results/tables/backends.csv" in stale_files(recipe)
    assert cli.main(["report", "--publish", "--recipe", str(recipe), "--backend", "rnn"]) == 0
    before, _, rest = (recipe / "RESULTS.md").read_text().partition("## Backends")
    assert before + "##" + rest.partition("\n##")[2] == kept[0]
    assert (recipe / "results/tables/main.csv").read_bytes() == kept[1]
    assert stale_files(recipe) == []


def test_two_backends_are_rendered_at_once(others):
    """As one after the other, but the home report, which shows both, once."""
    shutil.copytree(others / "results/backends/rnn", others / "results/backends/other")
    assert cli.main(["report", "--publish", "--recipe", str(others), "--backend", "rnn", "other"]) == 0
    assert stale_files(others) == []


def test_links_of_another_backend_s_report_lead_to_its_own_files(others):
    assert cli.main(["report", "--publish", "--recipe", str(others), "--backend", "rnn"]) == 0
    folder = others / "results/backends/rnn"
    text = (folder / "RESULTS.md").read_text()
    assert "](plots/wer_by_snr.png)" in text and (folder / "plots/wer_by_snr.png").exists()
    assert "`tables/wer_by_snr.csv`" in text and (folder / "tables/wer_by_snr.csv").exists()
    assert (folder / "report.html").exists() and "results/plots" not in text


def test_backends_of_two_corpora_are_refused(others, make_rows, commit):
    (others / "results/backends/odd").mkdir()
    commit(others / "made", make_rows("mct_noisy", corpus="mini"))
    for made in (others / "made" / "results").iterdir():
        shutil.move(made, others / "results/backends/odd" / made.name)
    with pytest.raises(UserError, match=r"results/backends/odd has rows of mini, and .*results of an4"):
        read_results(committed(others))


def test_observation_adding_has_rows_of_its_own(others, make_rows, commit):
    """A share that only the home backend heard is in its own table, and not here."""
    plain = make_rows("kd", student="dccrn-s", params=198_402, ease=0.3)
    commit(others, [row | {"omega": omega} for omega in (0.0, 0.2, 0.4) for row in plain])
    commit(others / "made", [row | {"omega": omega, "backend": "asr_rnn"} for omega in (0.0, 0.4) for row in plain])
    for made in (others / "made" / "results").iterdir():
        shutil.move(made, others / "results/backends/rnn" / made.name)
    table = backends_table(read_results(committed(others)), "test_noisy")
    found = {row["system"]: row for row in table.rows}
    assert list(found) == ["no front end (mct_noisy)", "kd_dccrn-s", "kd_dccrn-s, ω = 0.4", "joint_grad_dccrn-s"]
    mixed, bare = found["kd_dccrn-s, ω = 0.4"], found["kd_dccrn-s"]
    assert mixed["seeds"] == "0" and mixed["wer_rnn"].value == bare["wer_rnn"].value and mixed["gain_rnn"] == bare["gain_rnn"]
