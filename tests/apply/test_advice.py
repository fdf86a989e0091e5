"""The rule, on both sides of its threshold; the page that says where it comes from names the same one."""

import math
from pathlib import Path

import pytest

from kdse.apply.advice import LEAVE_ALONE, advise

PAGE = Path(__file__).parents[2] / "docs/decisions/enhance-or-leave-alone.md"


@pytest.mark.parametrize(("snr", "enhance"), [(-20, True), (0, True), (LEAVE_ALONE - 0.1, True), (LEAVE_ALONE, False), (40, False)])
def test_a_noisy_recording_is_enhanced_and_a_clean_one_left_alone(snr, enhance):
    assert advise(snr, silent=0.3).enhance is enhance


@pytest.mark.parametrize(("snr", "silent"), [(3.0, 1.0), (math.nan, 0.0)])
def test_silence_is_left_alone(snr, silent):
    advice = advise(snr, silent)
    assert not advice.enhance and "silence" in advice.reason


def test_the_page_names_the_threshold():
    assert f"**{LEAVE_ALONE:g} dB**" in PAGE.read_text(encoding="utf-8")
