"""Counts of a subset against the published ones: exact for utterances and speakers, within 1 % for hours."""

import pytest

from kdse.core.errors import UserError
from kdse.data.published import Counts, Published

DEV = Counts(2703, 40, 5.4)


@pytest.mark.parametrize("hours", [5.4, 5.4 * 1.0099, 5.4 * 0.9901, None])
def test_the_published_counts_pass(hours, capsys):
    Published({"dev-clean": DEV}, "/libri").check({"dev-clean": Counts(2703, 40, hours)})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "counted, words",
    [
        (Counts(2702, 40, 5.4), ("2,702 utterances instead of 2,703",)),
        (Counts(2704, 40, 5.4), ("2,704 utterances instead of 2,703",)),
        (Counts(2703, 39, 5.4), ("39 speakers instead of 40",)),
        (Counts(2703, 40, 5.4 * 0.9899), ("5.35 hours instead of 5.40",)),
        (Counts(2703, 40, 5.4 * 1.0101), ("5.45 hours instead of 5.40",)),
        (Counts(40, 4, 0.1), ("40 utterances instead of 2,703", "4 speakers instead of 40", "0.10 hours instead of 5.40")),
    ],
)
def test_a_difference_names_subset_counted_and_published(counted, words, capsys):
    with pytest.raises(UserError) as error:
        Published({"dev-clean": DEV}, "/libri").check({"dev-clean": counted})
    message = str(error.value)
    assert message.startswith("dev-clean of /libri holds ") and "--allow_partial" in message and "\n" not in message
    assert all(word in message for word in words) and message.count("instead of") == len(words)
    Published({"dev-clean": DEV}, "/libri", allow_partial=True).check({"dev-clean": counted})
    out = capsys.readouterr().out
    assert "dev-clean of /libri is partial: " in out and all(word in out for word in words)


def test_hours_that_nobody_published_are_not_compared():
    Published({"et05_real": Counts(1320, 4)}, "/chime4").check({"et05_real": Counts(1320, 4, 99.0)})
