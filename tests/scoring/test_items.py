"""Items of a set, hypotheses and token errors: what is read, and what is refused."""

import pytest

from kdse import cli
from kdse.core.errors import UserError


def test_token_errors_come_from_stage_8_where_it_counted_them(recipe, capsys, score, write_table, about):
    decoded = recipe / "exp" / about["run"] / "decode/asr/test_clean"
    assert [r["missing"]["token_error_rate"] for r in score("test_clean")] == ["decoded without acoustic tokens"] * 2
    write_table(decoded / "token_error_rate", {"u1": "0.2500", "u2": "0.0000"})
    rows = score("test_clean")
    assert [r["token_error_rate"] for r in rows] == [0.25, 0.0] and "token_error_rate" not in rows[0]["missing"]
    write_table(decoded / "token_error_rate", {"u1": "a lot", "u2": "0.0000"})
    assert cli.main(["score", "--backend", "asr", "--run", f"exp/{about['run']}", "--sets", "test_clean"]) == 2
    assert "token_error_rate: could not convert string to float: 'a lot'; decode the set again" in capsys.readouterr().err


def test_real_recordings_have_words_and_say_why_they_have_no_quality(recipe, score, write_table):
    """Declared item by item in utt2category; the front end's audio is there, but nothing to compare it with."""
    plain = recipe / "dump/test_clean"
    (plain / "spk1.scp").unlink()
    write_table(plain / "utt2category", {"u1": "REAL", "u2": "REAL"})
    rows = score("test_clean")
    assert [(r["hyp"], r["word"][1], r["category"], r["snr"]) for r in rows] == [
        ("YES", 0, "REAL", None),
        ("KNOW", 1, "REAL", None),
    ]
    for name in ("pesq_wb", "stoi", "si_sdr", "token_error_rate"):
        assert {(r[name], r["missing"][name]) for r in rows} == {(None, "no clean reference")}


@pytest.mark.parametrize("declared", [{}, {"u1": "REAL", "u2": "SIMU"}, {"u1": "machine", "u2": "REAL"}])
def test_a_set_without_references_that_is_not_declared_real_is_refused(recipe, declared, score, write_table):
    plain = recipe / "dump/test_clean"
    (plain / "spk1.scp").unlink()
    if declared:
        write_table(plain / "utt2category", declared)
    utt = next(utt for utt in ("u1", "u2") if declared.get(utt) != "REAL")
    with pytest.raises(UserError, match=f"test_clean has no spk1.scp, and utterance {utt} is not declared REAL in utt2category"):
        score("test_clean")
