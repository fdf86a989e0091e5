"""`kdse report` on made-up rows: what it writes, that it can be reproduced, and what a claim answers."""

import base64
import re

import yaml

from kdse import cli
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.files import stale_files
from kdse.report.tables.main import main_table


def report(recipe, *options: str) -> int:
    return cli.main(["report", "--publish", "--recipe", str(recipe), *options])


def cells(markdown: str, start: str) -> list[str]:
    line = next(line for line in markdown.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_everything_is_written_and_current(recipe, capsys):
    assert report(recipe) == 0
    written = {str(p.relative_to(recipe)) for p in recipe.rglob("*") if p.is_file() and p.suffix not in (".gz", ".yaml")}
    names = ("main", "differences", "wer_by_snr", "dev", "quality", "paper_1_cer_wer", "paper_5_quality", "paper_ablation")
    names += ("sclite_wer", "sclite_cer")
    tables = {f"results/tables/{name}.{kind}" for name in names for kind in ("csv", "tex")}
    plots = {f"results/plots/{name}.png" for name in ("wer_by_snr", "errors")}
    assert written == {"RESULTS.md", "results/report.html", "results/worst.md"} | plots | tables
    assert stale_files(recipe) == []
    out = capsys.readouterr().out
    assert "kd (dccrn-s)" in out and out.rstrip().endswith(f"Results: {recipe}/RESULTS.md and {recipe}/results/report.html")


def test_rendering_twice_gives_the_same_bytes(recipe):
    report(recipe, "--title", "A title of its own")
    before = {p: p.read_bytes() for p in recipe.rglob("*") if p.is_file()}
    report(recipe)
    assert {p: p.read_bytes() for p in recipe.rglob("*") if p.is_file()} == before
    assert (recipe / "RESULTS.md").read_text().startswith("# A title of its own\n")


def test_what_does_not_match_the_rows_is_stale(recipe, make_rows, commit):
    report(recipe)
    page = recipe / "RESULTS.md"
    page.write_text(page.read_text().replace("520", "521").replace("240", "241"))
    assert stale_files(recipe) == ["RESULTS.md"]
    report(recipe)
    commit(recipe, make_rows("log_mmse"))
    assert "RESULTS.md" in stale_files(recipe) and "results/tables/main.csv" in stale_files(recipe)


def test_a_recipe_without_rows_must_not_have_results(tmp_path):
    assert stale_files(tmp_path) == []
    (tmp_path / "RESULTS.md").write_text("# Numbers from nowhere\n")
    assert stale_files(tmp_path) == ["RESULTS.md"]


def test_rows_stand_in_order_and_approaches_not_run_say_so(recipe):
    report(recipe)
    section = (recipe / "RESULTS.md").read_text().partition("## Noisy test speech")[2].partition("## ")[0]
    first = [line.split("|")[1].strip() for line in section.splitlines() if line[:1] == "|"]
    assert first[2:] == [
        "clean input, no front end (ceiling)",
        "no front end (mct_noisy)",
        "spectral_subtraction / log_mmse",
        "standalone_se (dccrn-s)",
        "se_teacher (conformer)",
        "kd (dccrn-s)",
    ]
    text = (recipe / "RESULTS.md").read_text()
    assert cells(text, "spectral_subtraction / log_mmse")[3] == "not run"
    assert cells(text, "kd (dccrn-s) |")[1] == "198,402"


def test_nothing_but_the_ceiling_run_still_makes_a_page(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("mct_noisy"))
    assert report(tmp_path) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert cells(text, "kd − standalone_se")[1] == "not run" and cells(text, "kd |")[3] == "not run"


def test_numbers_in_the_table_are_those_of_the_rows(recipe, make_rows):
    report(recipe)
    rows = [row for row in make_rows("kd", student="dccrn-s", ease=1.2) if row["set"] == "test_noisy"]
    wer = 100 * sum(row["word"][1] for row in rows) / sum(row["word"][0] for row in rows)
    stoi = sum(row["stoi"] for row in rows) / len(rows)
    shown = cells((recipe / "RESULTS.md").read_text(), "kd (dccrn-s) |")
    assert shown[3].replace("*", "").startswith(f"{wer:.1f} [") and shown[6].replace("*", "").startswith(f"{stoi:.3f} [")
    tokens = 100 * sum(row["token_error_rate"] for row in rows) / len(rows)
    assert shown[8].replace("*", "").startswith(f"{tokens:.1f} [") and shown[9] == "240"


def test_bold_only_where_the_interval_supports_it(recipe, make_rows, commit):
    table = main_table(read_results(committed(recipe)), "test_noisy", "test_clean")
    bold = {(table.rows[i]["system"], key) for i, key in table.bold}
    assert ("kd (dccrn-s)", "wer") in bold and ("kd (dccrn-s)", "si_sdr") in bold
    same = [
        row | {"run": "d4am_dccrn-s_seed0", "approach": "d4am"}
        for row in make_rows("kd", student="dccrn-s", params=198_402, ease=1.2)
    ]
    commit(recipe, same)
    table = main_table(read_results(committed(recipe)), "test_noisy", "test_clean")
    assert not table.bold
    assert [row["system"] for row in table.rows][-1] == "d4am (dccrn-s)"


def test_quality_is_compared_over_the_items_all_have_and_missing_scores_are_named(recipe, make_rows, commit):
    rows = make_rows("kd", student="dccrn-s", params=198_402, ease=1.2)
    noisy = [row for row in rows if row["set"] == "test_noisy"]
    for row in noisy[:2] + noisy[8:9]:
        row |= {"stoi": None, "missing": row["missing"] | {"stoi": "the estimate is silent"}}
    commit(recipe, rows)
    report(recipe)
    text = (recipe / "RESULTS.md").read_text()
    assert "STOI over 237 of 240 items" in text
    assert "- Missing: STOI of 3 of 240 items of test_noisy, kd (dccrn-s) (the estimate is silent): an0-spk0, an2-spk2." in text
    table = main_table(read_results(committed(recipe)), "test_noisy")
    assert {row["stoi"].items for row in table.rows if "stoi" in row} == {237}
    assert {row["wer"].items for row in table.rows if "params" in row} == {240}


def test_no_missing_score_is_said_too(recipe):
    report(recipe)
    text = (recipe / "RESULTS.md").read_text()
    assert "No score is missing." in text and "not computed" not in text


def test_a_recipe_without_rows_is_exit_code_2(tmp_path, capsys):
    assert report(tmp_path) == 2
    assert "score a run first (stage 9)" in capsys.readouterr().err


def test_synthetic_speech_is_said_to_be_synthetic(tmp_path, recipe, make_rows, commit):
    other = tmp_path / "mini"
    commit(other, make_rows("mct_noisy", corpus="mini", utts=3))
    for folder in (recipe, other):
        report(folder)
    assert "real corpora show the science" in (other / "RESULTS.md").read_text()
    assert "real corpora show the science" in (other / "results/report.html").read_text()
    assert "real corpora show the science" not in (recipe / "RESULTS.md").read_text()


def test_the_page_escapes_every_text_and_holds_no_script_audio_or_outside_address(tmp_path, make_rows, commit):
    evil = "<script>alert(1)</script>"
    rows = make_rows("kd", utts=3)
    for row in rows:
        row |= {"approach": f"kd{evil}", "utt": row["utt"] + evil, "stoi": None, "category": evil}
        row["missing"] = row["missing"] | {"stoi": "why & <b>where</b>"}
    commit(tmp_path, rows)
    path = tmp_path / "results/kd_seed0.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"command": f"kdse train '{evil}'"}))
    assert report(tmp_path, "--title", f"Title {evil}") == 0
    page = (tmp_path / "results/report.html").read_text()
    assert "<script" not in page and "<audio" not in page and "<b>where" not in page
    assert "Title &lt;script&gt;" in page and "why &amp; &lt;b&gt;where&lt;/b&gt;" in page
    assert not re.search(r"(src|href)=\"(?!data:image/png)", page)


def test_the_page_embeds_the_plot(recipe):
    report(recipe)
    data = re.search(r'src="data:image/png;base64,([^"]+)"', (recipe / "results/report.html").read_text())[1]
    assert base64.b64decode(data) == (recipe / "results/plots/wer_by_snr.png").read_bytes()


def test_commands_and_commits_come_from_the_configs_of_the_runs(recipe):
    report(recipe)
    text = (recipe / "RESULTS.md").read_text().split("## Commands")[1]
    assert "# kd_dccrn-s_seed0 (trained at def5678, scored at abc1234)\nkdse train --run exp/kd_dccrn-s_seed0\nkdse score" in text
