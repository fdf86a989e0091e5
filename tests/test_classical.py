"""Front ends that learn nothing."""

import numpy as np
import pytest

from kdse.classical import oracle_irm


def test_the_oracle_mask_by_hand():
    """Speech and noise of equal power in every bin: gains of 1/√2 everywhere (Wang et al. 2014, β = ½)."""
    speech = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    np.testing.assert_allclose(oracle_irm(2 * speech, speech), 2 * speech / np.sqrt(2), atol=1e-5)


def test_the_oracle_mask_takes_out_what_does_not_overlap():
    """A tone of 500 Hz under one of 4 kHz: 40 dB less of it are left."""
    t = np.arange(16000) / 16000
    speech, noise = np.sin(2 * np.pi * 500 * t), 2 * np.sin(2 * np.pi * 4000 * t)
    left = oracle_irm((speech + noise).astype(np.float32), speech.astype(np.float32)) - speech
    assert 10 * np.log10(np.mean(left[512:-512] ** 2) / np.mean(noise**2)) < -40


@pytest.mark.parametrize("size", [1, 100, 256, 4001])
def test_every_length_and_silence(size):
    x = np.random.default_rng(1).normal(0, 0.1, size).astype(np.float32)
    assert oracle_irm(x, x).shape == (size,) and oracle_irm(x, x).dtype == np.float32
    assert np.array_equal(oracle_irm(0 * x, 0 * x), 0 * x)
