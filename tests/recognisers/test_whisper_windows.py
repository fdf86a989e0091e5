"""Short windows: a loop is seen as one, and the options keep what was decoded without them."""

import pytest

from kdse.core.errors import UserError
from kdse.recognisers.whisper import SHORT_WINDOWS, WhisperOptions, without_loop


@pytest.mark.parametrize(
    "ids, kept",
    [
        ([], []),
        ([1, 2, 3], [1, 2, 3]),
        ([5, 5], [5, 5]),
        ([5, 5, 5], [5]),
        ([7, 1, 2, 1, 2, 1, 2, 1], [7, 1, 2]),
        ([4, 4, 4, 9], [4, 4, 4, 9]),  # a spelt name may say a letter often, and goes on
        ([1, 2, 3] * 3, [1, 2, 3]),
    ],
)
def test_a_loop_is_what_stands_at_the_end_three_times(ids, kept):
    assert without_loop(ids) == kept


def test_sets_decoded_before_there_was_silence_stay_decoded():
    assert "silence" not in WhisperOptions().state()
    assert WhisperOptions(**SHORT_WINDOWS).state()["silence"] == SHORT_WINDOWS["silence"]


@pytest.mark.parametrize("silence", [-1.0, 31.0])
def test_silence_has_its_range(silence):
    with pytest.raises(UserError, match="silence is between 0 and 30 s"):
        WhisperOptions(silence=silence).check("x.yaml")
