"""What is kept: nothing is done twice, a cut line is dropped, another state or input counts as new."""

import json

from kdse.compare.kept import Kept


def test_values_of_their_input_come_back(tmp_path):
    kept = Kept(tmp_path / "deep" / "k.jsonl", {"model": 1}, "x")
    assert kept.get("a", "1") is None
    kept.add("a", "1", {"value": [1.5, "é"]})
    kept.add("b", "2", 0)
    again = Kept(kept.path, {"model": 1}, "x")
    assert again.get("a", "1") == {"value": [1.5, "é"]} and again.get("b", "2") == 0
    assert again.get("a", "2") is None  # another input
    again.add("a", "2", "new")
    assert Kept(kept.path, {"model": 1}, "x").get("a", "2") == "new"


def test_a_line_that_was_cut_is_written_anew(tmp_path):
    kept = Kept(tmp_path / "k.jsonl", {}, "x")
    kept.add("a", "1", "whole")
    kept.add("b", "1", "cut")
    kept.path.write_bytes(kept.path.read_bytes()[:-4])
    again = Kept(kept.path, {}, "x")
    assert again.get("a", "1") == "whole" and again.get("b", "1") is None
    again.add("b", "1", "second")
    lines = [json.loads(line) for line in kept.path.read_text().splitlines()]
    assert lines == [{"state": {}}, ["a", "1", "whole"], ["b", "1", "second"]]


def test_another_state_throws_away_and_says_why(tmp_path, capsys):
    Kept(tmp_path / "k.jsonl", {"floor": -16}, "kd").add("a", "1", 1)
    other = Kept(tmp_path / "k.jsonl", {"floor": -20}, "kd")
    assert "kd: done again, because floor changed from -16 to -20" in capsys.readouterr().out
    assert other.get("a", "1") is None
    other.add("b", "1", 2)
    assert Kept(other.path, {"floor": -20}, "kd").get("a", "1") is None


def test_what_is_no_such_file_is_replaced(tmp_path):
    for text in ("", "[]\n", "no json\n", '{"state": {}}\n{}\n'):
        (tmp_path / "k.jsonl").write_text(text)
        kept = Kept(tmp_path / "k.jsonl", {}, "x")
        kept.add("a", "1", 1)
        assert Kept(kept.path, {}, "x").get("a", "1") == 1
