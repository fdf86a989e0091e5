"""The tuning log."""

import json
from pathlib import Path

from kdse import cli


def test_a_trial_is_one_line_of_the_tuning_log(recipe, capsys, about):
    """Written again for a run that is tried again; only dev sets count."""
    assert cli.main(["trial", "--backend", "asr", "--run", f"exp/{about['run']}", "--set", "test_noisy"]) == 2
    assert "choices are made on dev, not on test_noisy" in capsys.readouterr().err
    (recipe / "dump/test_noisy").rename(recipe / "dump/dev_noisy")
    (recipe / "exp" / about["run"] / "decode/asr/test_noisy").rename(recipe / "exp" / about["run"] / "decode/asr/dev_noisy")
    for note in ("first", "second"):
        assert cli.main(["trial", "--backend", "asr", "--run", f"exp/{about['run']}", "--note", note]) == 0
    (line,) = [json.loads(text) for text in Path("tuning.jsonl").read_text().splitlines()]
    assert (line["run"], line["note"], line["items"], line["wer"]) == (about["run"], "second", 3, round(400 / 9, 2))
    assert line["wer_by_snr"] == {"-5 dB": round(100 / 3, 2), "5 dB": 50.0}
    Path("tuning.jsonl").write_text("{}\n")
    assert cli.main(["trial", "--backend", "asr", "--run", f"exp/{about['run']}"]) == 2
    assert "tuning.jsonl, line 1, is no line of a tuning log" in capsys.readouterr().err
