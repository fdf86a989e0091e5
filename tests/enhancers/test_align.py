"""Delays: found to the sample in either direction, and taken back."""

import numpy as np
import pytest

from kdse.bench.noisy_speech import buzz
from kdse.enhancers.align import agreed, aligned, delay


@pytest.mark.parametrize("late", [-300, -1, 0, 1, 96, 480, 3999])
def test_a_delay_is_found_behind_gains_and_noise(late):
    """Voiced speech is nearly periodic, so a period must not be taken for the delay."""
    rng = np.random.default_rng(0)
    clean = buzz(40000)
    given = clean + rng.standard_normal(40000)
    kept = 0.6 * clean + 0.2 * rng.standard_normal(40000)
    returned = np.pad(kept, (late, 0))[:40000] if late >= 0 else kept[-late:]
    assert delay(given, returned, 4000) == late


def test_silence_has_no_place():
    noise = np.random.default_rng(0).standard_normal(1000)
    assert delay(noise, np.zeros(1000), 100) is None and delay(noise, 1e-6 * noise, 100) is None
    assert agreed([None, None]) == (0, 0)


def test_the_median_of_what_was_measured():
    assert agreed([480, 481, 480, None, 900]) == (480, 420)


@pytest.mark.parametrize("late", [-160, 0, 384])
def test_what_is_late_is_brought_back_whole(late):
    """Nothing is lost at the end: a late enhancer gets silence to put out the rest. One that is ahead cannot give its beginning."""
    signal = np.random.default_rng(0).standard_normal(5000)

    def enhancer(x):
        return np.pad(x, (late, 0))[: len(x)] if late >= 0 else x[-late:]

    found = aligned(enhancer, signal, late)
    assert found.shape == signal.shape
    np.testing.assert_array_equal(found[max(0, -late) :], signal[max(0, -late) :])


def test_short_output_is_filled_with_silence():
    np.testing.assert_array_equal(aligned(lambda x: x[:3], np.arange(5.0), 0), [0, 1, 2, 0, 0])
