"""Paired differences of the headline approaches."""

from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.tables.differences import difference_table


def test_differences_are_given_by_utterance_and_by_speaker(recipe):
    first, second = difference_table(read_results(committed(recipe)), "test_noisy").rows
    assert first["pair"] == "kd (dccrn-s) − standalone_se (dccrn-s)" and second["pair"] == "kd (dccrn-s) − no front end (mct_noisy)"
    assert (first["items"], first["utts"], first["speakers"], first["verdict"]) == (240, 60, 6, "lower WER")
    assert first["wer"].low < first["wer"].value < first["wer"].high < 0 < first["detectable"]
    assert first["by_speaker"].value == first["wer"].value and first["by_speaker"].low != first["wer"].low
