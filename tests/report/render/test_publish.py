"""A run leaves the checkout clean: reports stand beside the experiments until they are published."""

import pytest
import yaml

from kdse import cli
from kdse.report.render.files import stale_files
from kdse.runs.costs import FIELDS, read_costs, write_cost


def report(recipe, *options: str) -> int:
    return cli.main(["report", "--recipe", str(recipe), *options])


def files(folder) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def cost(run: str, student: str, params: int) -> dict:
    line = dict.fromkeys(FIELDS, 1) | {"run": run, "student": student, "params": params, "cpu": "c", "torch": "2"}
    return line | {"step_missing": None, "macs_cause": None}


def test_a_report_stays_beside_the_experiments(experiments):
    before = files(experiments)
    assert report(experiments) == 0
    new = files(experiments) - before
    assert new and all(name.startswith("exp/results/") for name in new)
    text = (experiments / "exp/results/RESULTS.md").read_text()
    assert "](plots/wer_by_snr.png)" in text and "`tables/wer_by_snr.csv`" in text and "results/plots" not in text


def test_publishing_commits_rows_and_renders_them(experiments, capsys):
    assert report(experiments, "--publish") == 0
    names = files(experiments / "results")
    assert {"kd_dccrn-s_seed0.jsonl.gz", "kd_dccrn-s_seed0.yaml", "tables/main.csv", "plots/wer_by_snr.png", "worst.md"} <= names
    for name in names:
        if name.endswith((".jsonl.gz", ".yaml", ".csv", ".tex")):
            assert (experiments / "results" / name).read_bytes() == (experiments / "exp/results" / name).read_bytes()
    assert "](results/plots/wer_by_snr.png)" in (experiments / "RESULTS.md").read_text()
    assert stale_files(experiments) == []
    out = capsys.readouterr().out
    assert f"Results: {experiments}/exp/results/RESULTS.md" in out and f"Published: {experiments}/RESULTS.md" in out


def test_rows_of_other_runs_stay_committed(recipe, make_rows, commit):
    """A second machine publishes one more run, and one of those that are there."""
    commit(recipe / "exp", make_rows("log_mmse"))
    commit(recipe / "exp", make_rows("kd", student="dccrn-s", params=198_402, ease=0.1))
    kept = (recipe / "results/standalone_se_dccrn-s_seed0.jsonl.gz").read_bytes()
    old = (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").read_bytes()
    assert report(recipe, "--publish") == 0
    assert (recipe / "results/standalone_se_dccrn-s_seed0.jsonl.gz").read_bytes() == kept
    assert (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").read_bytes() != old
    text = (recipe / "RESULTS.md").read_text()
    assert "| log_mmse |" in text and "| standalone_se (dccrn-s) |" in text
    assert "| standalone_se (dccrn-s) |" not in (recipe / "exp/results/RESULTS.md").read_text()
    assert stale_files(recipe) == []


def test_without_experiments_the_committed_rows_are_rendered_again(recipe, capsys):
    assert report(recipe, "--publish") == 0
    assert stale_files(recipe) == [] and not (recipe / "exp").exists()
    assert "the committed ones are taken" in capsys.readouterr().out
    before = {name: (recipe / name).read_bytes() for name in files(recipe)}
    assert report(recipe, "--publish") == 0
    assert {name: (recipe / name).read_bytes() for name in files(recipe)} == before


def test_without_publish_nothing_committed_changes(recipe, capsys):
    """A clone has no experiments: the committed rows are rendered beside where they would be."""
    assert report(recipe, "--publish", "--title", "Of mine") == 0
    (recipe / "RESULTS.md").write_text("# Of mine\n")
    before = {name: (recipe / name).read_bytes() for name in files(recipe)}
    assert report(recipe) == 0
    after = {name: (recipe / name).read_bytes() for name in files(recipe)}
    assert {name: text for name, text in after.items() if not name.startswith("exp/")} == before
    assert (recipe / "exp/results/RESULTS.md").read_text().startswith("# Of mine\n")
    assert f"Results: {recipe}/exp/results/RESULTS.md" in capsys.readouterr().out


def test_other_backends_are_published_with_the_home_one(experiments, make_rows, commit):
    for rows in (make_rows("mct_noisy", ease=-0.3), make_rows("kd", student="dccrn-s", params=198_402)):
        commit(experiments / "made", [row | {"backend": "asr_rnn"} for row in rows])
    (experiments / "exp/results/backends").mkdir()
    (experiments / "made/results").rename(experiments / "exp/results/backends/rnn")
    assert report(experiments, "--backend", "rnn", "--publish") == 0
    assert "`backends/rnn/RESULTS.md`" in (experiments / "exp/results/RESULTS.md").read_text()
    assert "`results/backends/rnn/RESULTS.md`" in (experiments / "RESULTS.md").read_text()
    assert (experiments / "results/backends/rnn/tables/main.csv").is_file()
    assert stale_files(experiments) == []


def test_costs_are_published_line_by_line(experiments):
    write_cost(experiments / "exp/results/cost.jsonl", cost("kd_dccrn-s_seed0", "dccrn-s", 198_402))
    write_cost(experiments / "results/cost.jsonl", cost("se_teacher_conformer", "conformer", 2_012_345))
    write_cost(experiments / "results/cost.jsonl", cost("kd_dccrn-s_seed5", "dccrn-s", 7))
    assert report(experiments) == 0  # the committed line of another size does not count, that of the teacher does
    table = (experiments / "exp/results/tables/cost.csv").read_text()
    assert table.splitlines()[1].startswith("dccrn-s,198402") and table.splitlines()[2].startswith("conformer,2012345,0.001")
    (experiments / "results/cost.jsonl").unlink()
    assert report(experiments, "--publish") == 0
    assert [line["run"] for line in read_costs(experiments / "results/cost.jsonl")] == ["kd_dccrn-s_seed0"]


def test_rows_of_another_corpus_are_not_published(recipe, make_rows, commit, capsys):
    commit(recipe / "exp", make_rows("mct_noisy", corpus="mini", utts=3))
    before = files(recipe / "results")
    assert report(recipe, "--publish") == 2
    assert "has rows of mini" in capsys.readouterr().err
    assert {name for name in files(recipe / "results") if name.endswith("gz")} == {n for n in before if n.endswith("gz")}


def test_rows_that_do_not_go_together_change_nothing(recipe, make_rows, commit, capsys):
    """A seed of a committed student of another size: found before the first file is copied."""
    commit(recipe / "exp", make_rows("kd", 3, student="dccrn-s", params=7))
    kept = recipe / "results"
    before = {name: (kept / name).read_bytes() for name in files(kept)}
    assert report(recipe, "--publish") == 2
    assert "nothing was published: " in capsys.readouterr().err
    assert {name: (kept / name).read_bytes() for name in files(kept)} == before


def test_a_claim_is_about_the_rows_of_the_experiments(recipe, make_rows, commit):
    """Where kd lost to the baseline, although it won in the committed rows."""
    commit(recipe / "exp", make_rows("kd", student="dccrn-s", params=198_402, ease=-1.0))
    commit(recipe / "exp", make_rows("standalone_se", student="dccrn-s", params=198_402, ease=1.0))
    assert report(recipe, "--claim", "kd < standalone_se on test_noisy") == 1
    assert report(recipe, "--expdir", str(recipe / "elsewhere"), "--claim", "kd < standalone_se on test_noisy") == 0


def test_a_title_stays(experiments):
    assert report(experiments, "--publish", "--title", "Our results") == 0
    assert report(experiments, "--publish") == 0
    for path in (experiments / "RESULTS.md", experiments / "exp/results/RESULTS.md"):
        assert path.read_text().startswith("# Our results\n")


@pytest.mark.parametrize("missing", ["kd_dccrn-s_seed0.yaml"])
def test_rows_without_their_yaml_are_not_published(experiments, capsys, missing):
    (experiments / "exp/results" / missing).unlink()
    assert report(experiments, "--publish") == 2
    assert missing in capsys.readouterr().err and not (experiments / "results").exists()


def test_the_yaml_is_the_one_of_the_run(experiments):
    report(experiments, "--publish")
    assert yaml.safe_load((experiments / "results/kd_dccrn-s_seed0.yaml").read_text())["commit"] == "def5678"
