"""Front ends that learn nothing."""

import warnings

import numpy as np
import pytest

from kdse.approaches.registry import CLASSICAL
from kdse.enhancers import classical
from kdse.enhancers.classical import (
    CLASSICAL_ENHANCERS,
    decision_directed,
    log_mmse,
    log_mmse_gain,
    noise_power,
    oracle_irm,
    spectral_subtraction,
    wiener,
    wiener_gain,
)

BIN = 192 / 256**2
"""Power of a bin of white noise of variance 1: Σw²/(Σw)² of the Hann window."""


def white(size: int, seed: int = 0) -> np.ndarray:
    """(N,) float32 of variance 0.01."""
    return np.random.default_rng(seed).normal(0, 0.1, size).astype(np.float32)


def level(estimate: np.ndarray, true: float) -> float:
    """dB of the mean over `true`."""
    return 10 * np.log10(np.mean(estimate) / true)


def frames(wave: np.ndarray) -> np.ndarray:
    """(T, F) power, frame t in the middle of which is sample 256·t."""
    return np.abs(classical._stft(wave).T) ** 2


def test_what_is_named_can_be_had():
    assert set(CLASSICAL_ENHANCERS) == set(CLASSICAL)


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


@pytest.mark.parametrize("filtered", [wiener, log_mmse])
@pytest.mark.parametrize("size", [1, 100, 511, 512, 513, 4001])
def test_filters_take_every_length(filtered, size):
    """Full scale, constant and silent input, and silence before noise: finite, without a warning, and silence stays silent."""
    x = white(size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for wave in (x, 10 * x, 0 * x, 0 * x + 1, np.concatenate([0 * x, x])):
            found = filtered(wave)
            assert found.shape == wave.shape and found.dtype == np.float32 and np.isfinite(found).all()
        assert not filtered(0 * x).any()


@pytest.mark.parametrize("front_end", [spectral_subtraction, wiener, log_mmse])
def test_output_is_aligned_with_the_input(front_end):
    """Two bursts of noise in much weaker noise: they come out where they went in, to the sample."""
    noisy = 0.01 * white(32000) + white(32000, 1) * (np.arange(32000) // 4000 % 4 == 2)
    match = np.correlate(front_end(noisy)[300:-300], noisy, "valid")
    assert np.argmax(match) == 300


@pytest.mark.parametrize("filtered", [wiener, log_mmse])
@pytest.mark.parametrize("snr", [0, 5])
def test_tones_come_out_of_noise(filtered, snr):
    """Five tones, on for 250 ms and off for 250 ms, in white noise: 3 dB more SNR at least, and no louder than they were."""
    t = np.arange(64000) / 16000
    tones = 0.1 * sum(np.sin(2 * np.pi * f * t) for f in (300, 620, 950, 1500, 2400)) * (t % 0.5 >= 0.25)
    noise = white(64000) * np.sqrt(np.mean(tones**2) / 0.01) * 10 ** (-snr / 20)
    found = filtered((tones + noise).astype(np.float32))
    assert level((found - tones) ** 2, np.mean(tones**2)) < -snr - 3
    assert np.dot(found, tones) < np.dot(tones, tones)


def test_stationary_noise_is_taken_down():
    """By 15 dB at least, by no more than the 25 dB at which gains end, and by less with log-MMSE: exp(E₁(v)/2) is above 1."""
    noise = white(64000)
    first, second = (level(filtered(noise) ** 2, np.mean(noise**2)) for filtered in (wiener, log_mmse))
    assert -25.1 < first < second - 2 < -15 - 2


def test_gains_by_hand():
    """ξ = 1 and γ = 2: v = 1, and E₁(1) = 0.219383934 (Abramowitz and Stegun, table 5.1)."""
    one, two = np.array([1.0]), np.array([2.0])
    assert wiener_gain(one, two) == 0.5
    np.testing.assert_allclose(log_mmse_gain(one, two), 0.5 * np.exp(0.219383934 / 2), rtol=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gain in (wiener_gain, log_mmse_gain):
            assert gain(0 * one, two) == 10 ** (-25 / 20)
            assert gain(1e12 * one, 1e12 * one) == pytest.approx(1)
        assert log_mmse_gain(one, 0 * one) == 1  # E₁(0)


def test_the_decision_directed_snr_by_hand():
    """ξ = 0.98 + 0.02·(2 − 1) = 1, so G = ½; then ξ = 0.98·¼·2 + 0.02·(5 − 1) = 0.57; then 0.98·(0.57/1.57)²·5 + 0."""
    gains = decision_directed(np.array([[2.0], [5.0], [0.5]]), wiener_gain)[:, 0]
    xi = 0.98 * (0.57 / 1.57) ** 2 * 5
    np.testing.assert_allclose(gains, [0.5, 0.57 / 1.57, xi / (1 + xi)], rtol=1e-12)
    seen = []
    decision_directed(np.zeros((2, 1)), lambda xi, gamma: seen.append(float(xi[0])) or wiener_gain(xi, gamma))
    assert seen == pytest.approx([0.98, 10**-2.5])


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (0.0, 0.8 + 0.2 / 33.6227766),  # P = 1/(1 + 1 + ξ₁)
        (3.595218, 0.8 + 0.2 * (3.595218 + 1) / 2),  # γ = (1 + ξ₁)/ξ₁·ln(1 + ξ₁): P = ½
        (1000.0, 1.0),  # P = 1: nothing is learned from speech
    ],
)
def test_the_noise_tracker_by_hand(last, expected):
    """After five frames of power 1, which stay 1, a sixth; ξ₁ = 10^1.5 = 31.6227766."""
    found = noise_power(np.array([[1.0]] * 5 + [[last]]))[:, 0]
    np.testing.assert_allclose(found, [1] * 5 + [expected], rtol=1e-6)


def test_the_noise_tracker_does_not_stagnate_by_hand():
    """A jump to 10⁶ is speech, P = 1, until the smoothed P is above 0.99, and noise by 1 % from then on.

    P(γ = 1) = 0.074767, so after five frames it is 0.9⁵·½ + (1 − 0.9⁵)·0.074767 = 0.325863, and 1 − (1 − 0.325863)·0.9ⁿ > 0.99 from
    n = 40.
    """
    found = noise_power(np.array([[1.0]] * 5 + [[1e6]] * 40))[:, 0]
    np.testing.assert_allclose(found[-2:], [1, 1 + 0.2 * 0.01 * (1e6 - 1)], rtol=1e-6)


def test_the_noise_tracker_has_a_floor():
    assert noise_power(np.array([[1.0]] * 5 + [[0.0]] * 200))[-1] == classical.LOWEST_POWER


def test_the_noise_tracker_on_stationary_noise():
    """Its bias is known: E[(1 − P)(γ − 1)] = 0 where the estimate is 0.9 dB low, and fluctuation adds some tenths."""
    assert level(noise_power(frames(white(160000)))[20:], 0.01 * BIN) == pytest.approx(-1.1, abs=0.25)


@pytest.mark.parametrize(("step", "seconds"), [(10, 2), (30, 3), (-10, 0.5)])
def test_the_noise_tracker_follows_a_step(step, seconds):
    """From within 1.5 dB of the old level to within 2.5 dB of the new; +30 dB would be taken for speech, were P not limited."""
    noise = white(5 * 32000)
    noise[80000:] *= 10 ** (step / 20)
    found = noise_power(frames(noise))
    change = 80000 // 256
    assert abs(level(found[change - 50 : change - 2], 0.01 * BIN)) < 1.5
    after = change + int(seconds * 16000 / 256)
    assert abs(level(found[after : after + 10], 0.01 * BIN * 10 ** (step / 10))) < 2.5
