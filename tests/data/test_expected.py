"""Counts of a subset against the published ones: exact for utterances and speakers, within 1 % for hours."""

import pytest

from kdse.core.errors import UserError
from kdse.data.expected import Expected, check_expected

DEV = Expected(2703, 40, 5.4)


@pytest.mark.parametrize("hours", [5.4, 5.4 * 1.0099, 5.4 * 0.9901, None])
def test_the_published_counts_pass(hours, capsys):
    check_expected("dev-clean", Expected(2703, 40, hours), DEV, "/libri", allow_partial=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "found, words",
    [
        (Expected(2702, 40, 5.4), ("2,702 utterances instead of 2,703",)),
        (Expected(2704, 40, 5.4), ("2,704 utterances instead of 2,703",)),
        (Expected(2703, 39, 5.4), ("39 speakers instead of 40",)),
        (Expected(2703, 40, 5.4 * 0.9899), ("5.35 hours instead of 5.40",)),
        (Expected(2703, 40, 5.4 * 1.0101), ("5.45 hours instead of 5.40",)),
        (Expected(40, 4, 0.1), ("40 utterances instead of 2,703", "4 speakers instead of 40", "0.10 hours instead of 5.40")),
    ],
)
def test_a_difference_names_subset_found_and_expected(found, words, capsys):
    with pytest.raises(UserError) as error:
        check_expected("dev-clean", found, DEV, "/libri", allow_partial=False)
    message = str(error.value)
    assert message.startswith("dev-clean of /libri holds ") and "--allow_partial" in message and "\n" not in message
    assert all(word in message for word in words) and message.count("instead of") == len(words)
    check_expected("dev-clean", found, DEV, "/libri", allow_partial=True)
    out = capsys.readouterr().out
    assert "dev-clean of /libri is partial: " in out and all(word in out for word in words)


def test_hours_that_nobody_published_are_not_compared():
    check_expected("et05_real", Expected(1320, 4, 99.0), Expected(1320, 4), "/chime4", allow_partial=False)
