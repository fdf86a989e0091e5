"""A corpus that is scored in parts: its tables over all parts are those of the same rows in one set, and each part has its own."""

import pytest

from kdse.report.claims import check_claim
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.files import write_report
from kdse.report.render.sections import sections
from kdse.report.render.table import to_csv
from kdse.report.tables.main import main_table
from kdse.scoring.metrics import WER

RUNS = (("mct_noisy", None, 0.0), ("standalone_se", "dccrn-s", 0.2), ("kd", "dccrn-s", 0.9))


def in_parts(rows):
    """The same rows, even utterances in the part `clean`, odd ones in `other`."""
    names = {0: "clean", 1: "other"}
    return [row | {"set": row["set"].replace("_", f"-{names[int(row['utt'][2:].partition('-')[0]) % 2]}_")} for row in rows]


@pytest.fixture
def both(tmp_path, make_rows, commit):
    """Results of the same rows: in one set, and in parts."""
    for approach, student, ease in RUNS:
        rows = make_rows(approach, student=student, params=10 if student else 0, ease=ease)
        commit(tmp_path / "one", rows)
        commit(tmp_path / "parts", in_parts(rows))
    return read_results(committed(tmp_path / "one")), read_results(committed(tmp_path / "parts"))


def test_all_parts_together(both):
    one, parts = both
    assert parts.sets_of("test_noisy") == ["test-clean_noisy", "test-other_noisy"] and one.sets_of("test_noisy") == ["test_noisy"]
    for name in ("test_noisy", "dev_noisy", "test_clean"):
        assert to_csv(main_table(one, name)) == to_csv(main_table(parts, name))
    tables = [[s.table for s in sections(results) if s.table] for results in both]
    for whole, of_parts in zip(*tables, strict=True):  # all but sclite's form, which has a row for each part
        assert to_csv(whole) == to_csv(of_parts) or whole.name.startswith("sclite_")
    notes = [results.systems and main_table(results, "test_noisy").notes for results in both]
    assert notes[1] == ["test_noisy: test-clean_noisy and test-other_noisy together.", *notes[0]]
    claim = "kd < standalone_se on test_noisy"
    assert check_claim(claim, one).sentence == check_claim(claim, parts).sentence


def test_each_part_alone(both):
    _, parts = both
    kd = next(s for s in parts.systems if s.approach == "kd")
    whole, clean, other = (kd.scores(name, WER) for name in ("test_noisy", "test-clean_noisy", "test-other_noisy"))
    assert len(clean.items) == len(other.items) == len(whole.items) / 2 and set(clean.items) | set(other.items) == set(whole.items)
    assert all(int(utt[2:].partition("-")[0]) % 2 == 0 for utt, _, _ in clean.items)
    assert check_claim("kd < standalone_se on test-other_noisy", parts).holds
    assert kd.seeds_on("test-clean_noisy") == (0,) and kd.seeds_on("test_noise") == () == kd.seeds_on("test-clea_noisy")


def test_the_whole_report(both, tmp_path):
    write_report(committed(tmp_path / "parts"), both[1], tmp_path / "exp")
    text = (tmp_path / "parts" / "RESULTS.md").read_text()
    assert "test_noisy: test-clean_noisy and test-other_noisy together." in text and "not run" in text
