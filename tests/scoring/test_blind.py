"""Scores without a reference."""

import math

import numpy as np
import pytest

from kdse.scoring.blind import _mean_abs, _mean_log, dnsmos, wada_snr


@pytest.mark.parametrize("snr", [-5, 0, 5, 10, 20, 30])
def test_wada_snr_of_the_distributions_it_assumes(snr):
    rng = np.random.default_rng(1)
    speech = rng.gamma(0.4, 1.0, 400_000) * rng.choice([-1, 1], 400_000)
    noise = rng.standard_normal(400_000) * np.sqrt((speech**2).mean() / 10 ** (snr / 10))
    mixture = speech + noise
    assert wada_snr(0.9 * mixture / np.abs(mixture).max()) == pytest.approx(snr, abs=0.5)


def test_wada_snr_hears_no_level_and_stays_in_its_range():
    rng = np.random.default_rng(2)
    mixture = 0.1 * rng.gamma(0.4, 1.0, 100_000) * rng.choice([-1, 1], 100_000) + 0.02 * rng.standard_normal(100_000)
    mixture /= np.abs(mixture).max()
    assert wada_snr(0.5 * mixture) == pytest.approx(wada_snr(mixture), abs=0.05)
    assert wada_snr(np.sign(np.sin(np.arange(1000.0)))) == -20.0
    sparse = np.zeros(100_000)
    sparse[::500] = 0.9
    assert wada_snr(sparse) == 100.0


def test_moments_against_integration():
    from scipy.integrate import quad

    for mu in (0.0, 0.3, 2.0, 40.0):
        density = lambda x, mu=mu: math.exp(-((x - mu) ** 2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
        points = [0.0, mu] if mu else [0.0]
        for function, moment in ((_mean_abs, abs), (_mean_log, lambda x: math.log(abs(x)))):
            expected = quad(lambda x, d=density, m=moment: m(x) * d(x), mu - 12, mu + 12, points=points, limit=400)[0]
            assert float(function(np.array([mu]))[0]) == pytest.approx(expected, abs=2e-5)


@pytest.mark.slow
def test_dnsmos_is_speechmos_and_falls_with_noise():
    from speechmos import dnsmos as package

    t = np.arange(32000) / 16000
    clean = 0.2 * np.sin(2 * np.pi * 150 * t) * np.clip(np.sin(2 * np.pi * 2 * t), 0, None)
    loud = np.clip(clean + 0.1 * np.random.default_rng(0).standard_normal(len(t)), -1, 1)
    predicted = dnsmos(loud)
    expected = package.run(loud.astype(np.float32), 16000)
    assert predicted == pytest.approx({f"dnsmos_{k}": expected[f"{k}_mos"] for k in ("sig", "bak", "ovrl", "p808")}, abs=1e-4)
    assert all(1 <= value <= 5 for value in predicted.values()) and predicted["dnsmos_bak"] < dnsmos(clean)["dnsmos_bak"]
