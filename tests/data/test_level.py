"""Levels: which moments of speech count as active, and what is measured of noise."""

import numpy as np
import pytest

from kdse.data.level import FRAME, active_power, mean_power, peak_of


def test_active_power_counts_speech_not_pauses():
    loud = np.tile(np.array([1000, -1000], np.int16), 10 * FRAME)
    assert active_power(loud) == 1e6
    assert active_power(np.concatenate([loud, np.zeros(50 * FRAME, np.int16)])) == 1e6
    assert active_power(np.zeros(5000, np.int16)) == 0
    assert active_power(np.full(10, 7, np.int16)) == 49
    assert active_power(loud / 1000) == pytest.approx(1)


@pytest.mark.parametrize("below_db, counts", [(15.5, True), (16.3, False)])
def test_active_power_margin_is_that_of_p56(below_db, counts):
    """A few blocks at 15.9 dB below the active level are the border (ITU-T P.56, method B)."""
    loud = np.full(1000 * FRAME, 10000.0)
    power = active_power(np.concatenate([loud, np.full(FRAME, 10000 * 10 ** (-below_db / 20))]))
    assert (power < 1e8) == counts


def test_mean_power_and_peak():
    x = np.array([-32768, 0, 3, 4], np.int16)
    assert mean_power(x) == (32768**2 + 9 + 16) / 4 and peak_of(x) == 32768
