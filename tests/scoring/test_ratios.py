"""SI-SDR and the SNR of the output: closed forms, and where there is none."""

import numpy as np
import pytest

from kdse.data.audio import RATE
from kdse.scoring.missing import Missing
from kdse.scoring.ratios import si_sdr


@pytest.mark.parametrize("gain", [1.0, 0.01, -3.0])
@pytest.mark.parametrize("snr", [-5.0, 0.0, 20.0])
def test_si_sdr_of_scaled_reference_plus_orthogonal_noise_is_their_power_ratio(gain, snr):
    t = np.arange(RATE) / RATE
    clean = np.sin(2 * np.pi * 100 * t)
    orthogonal = np.cos(2 * np.pi * 100 * t) * 10 ** (-snr / 20)
    assert si_sdr(clean, gain * (clean + orthogonal)) == pytest.approx(snr, abs=1e-9)


def test_si_sdr_takes_the_mean_off_unless_told_otherwise(speech_like, noisy):
    clean = speech_like()
    shifted = noisy(clean) + 0.5
    assert si_sdr(clean, shifted) == pytest.approx(si_sdr(clean, shifted - 0.5), abs=1e-9)
    assert si_sdr(clean, shifted, zero_mean=False) < si_sdr(clean, shifted) - 5


def test_a_scaled_copy_has_no_si_sdr_and_neither_has_an_orthogonal_estimate(speech_like):
    clean = speech_like()
    with pytest.raises(Missing, match="equals"):
        si_sdr(clean, 0.3 * clean)
    with pytest.raises(Missing, match="orthogonal"):
        si_sdr(np.array([1.0, -1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, -1.0]))
