"""Noise made more various: speed by the frequency of a tone, filters by their formula, two noises by their levels."""

import numpy as np
import pytest

from kdse.data.audio import RATE
from kdse.data.level import SILENT, mean_power
from kdse.data.variety import LEVEL, POINTS, add_second, draw_filter, draw_speed, samples_needed, vary


def tone(hertz: float, length: int) -> np.ndarray:
    return np.rint(8000 * np.sin(2 * np.pi * hertz * np.arange(length) / RATE)).astype(np.int16)


def peak_hertz(x: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(x * np.hanning(len(x)), 2**18))) * RATE / 2**18)


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("length", [16000, 16001, 12347])
def test_a_tone_is_moved_by_the_speed(speed, length):
    x = vary(tone(1000, samples_needed(length, speed)), length, np.ones(POINTS))
    assert x.dtype == np.int16 and len(x) == length
    assert peak_hertz(x) == pytest.approx(1000 * speed, rel=0.01)  # lengths are rounded to those of quick transforms


def test_nothing_asked_is_the_noise_itself(noiselike):
    x = noiselike(1.0, 1)
    assert vary(x, len(x)) is x


def test_speeds_fill_their_range():
    rng = np.random.default_rng(0)
    speeds = [draw_speed(rng, 0.25) for _ in range(2000)]
    assert 0.8 <= min(speeds) < 0.803 and 1.247 < max(speeds) <= 1.25
    assert np.mean(np.log(speeds)) == pytest.approx(0, abs=0.01)


def test_a_filter_is_its_formula():
    """The frequency response of scipy's lfilter with the same coefficients."""
    from scipy.signal import freqz

    above, below = np.random.default_rng(3).uniform(-3 / 8, 3 / 8, (2, 2))
    _, expected = freqz([1, *above], [1, *below], worN=POINTS, include_nyquist=True)
    assert np.allclose(draw_filter(np.random.default_rng(3)), np.abs(expected))


def test_a_filter_colours_noise(noiselike):
    """White noise through a filter that falls to a tenth at the upper end has that spectrum, at the common level."""
    x = vary(noiselike(20.0, 1), 20 * RATE, np.linspace(1, 0.1, POINTS)).astype(float)
    power = (np.abs(np.fft.rfft(x.reshape(-1, 320))) ** 2).mean(0)
    assert np.sqrt(power[150] / power[10]) == pytest.approx((1 - 0.9 * 150 / 160) / (1 - 0.9 * 10 / 160), rel=0.05)
    assert np.sqrt(mean_power(x.astype(np.int16))) == pytest.approx(LEVEL, rel=0.01)


def test_what_would_vanish_stays():
    """A tone above what is left of the band at 1.25 times the speed."""
    x = tone(7500, 20000)
    assert np.array_equal(vary(x, 16000), x[:16000])


@pytest.mark.parametrize("level_db", [-10, 0, 7])
def test_second_noise_has_its_level(level_db):
    x = add_second(tone(500, RATE), np.rint(tone(2000, RATE) / 10).astype(np.int16), level_db)
    spectrum = np.abs(np.fft.rfft(x))
    assert 20 * np.log10(spectrum[2000] / spectrum[500]) == pytest.approx(level_db, abs=0.02)
    assert np.abs(x.astype(int)).max() <= 32000


def test_a_silent_second_noise_is_left_out():
    first, silent = tone(500, RATE), np.zeros(RATE, np.int16)
    assert mean_power(silent) < SILENT and add_second(first, silent, 0.0) is first
