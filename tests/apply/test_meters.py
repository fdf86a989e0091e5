"""Level, clipping, silence and bandwidth: the same however a recording is cut into blocks, with values known beforehand."""

import numpy as np
import pytest

from kdse.apply.examine import decibels
from kdse.apply.meters import BAND, FULL, RUN, LevelMeter, SpectrumMeter


def sine(frequency: float, rate: int = 16000, seconds: float = 1.0, peak: float = 0.5) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def metered(kind, x: np.ndarray, rate: int = 16000, seed: int | None = None):
    """A meter that took x (N, C), in blocks of random sizes where a seed is given."""
    x = x[:, None] if x.ndim == 1 else x
    meter, rng, start = kind(rate, x.shape[1]), np.random.default_rng(seed), 0
    while start < len(x):
        size = len(x) if seed is None else int(rng.choice([1, 2, 3, 500, 5000]))
        meter.add(x[start : start + size])
        start += size
    if kind is SpectrumMeter:
        meter.end()
    return meter


def test_a_sine_is_3_db_below_its_peak_and_each_channel_has_its_own_level():
    x = np.stack([sine(440), 0.1 * sine(440) + 0.03], axis=1)
    meter = metered(LevelMeter, x)
    assert [decibels(v) for v in meter.peak] == pytest.approx([-6.02, decibels(0.08)], abs=0.01)
    assert [decibels(v) for v in meter.rms] == pytest.approx([-9.03, -29.03], abs=0.01)  # the second without its offset
    assert meter.dc == pytest.approx([0, 0.03], abs=1e-6)


def clipped_samples(x: np.ndarray) -> int:
    """Counted one by one."""
    count = run = 0
    for i, value in enumerate([*x, 0.0]):
        if run and value == x[i - 1]:
            run += 1
            continue
        count += run if run >= RUN else 0
        run = 1 if abs(value) >= FULL else 0
    return count


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_clipped_samples_are_counted_across_blocks(seed):
    rng = np.random.default_rng(5)
    x = np.clip(np.repeat(rng.normal(0, 1, 4000), 2).astype(np.float32), -1, 1)
    x[1000:1100], x[3000:3050] = 1.0, -1.0
    x[999], x[1100], x[2999], x[3050] = 0, 0, 0.5, 0.5
    share, places = metered(LevelMeter, x, seed=seed).clipped()
    assert share == clipped_samples(x) / len(x) > 0.1
    assert places[:2] == [(1000 / 16000, 100), (3000 / 16000, 50)]


def test_channels_clip_each_for_themselves():
    x = np.stack([np.full(10, 1.0), np.linspace(0, 0.9, 10)], axis=1).astype(np.float32)
    assert metered(LevelMeter, x, seed=1).clipped() == (0.5, [(0.0, 10)])


@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_loud_sine_is_not_clipped_and_a_louder_one_is(bits, rate):
    most = 2.0 ** (bits - 1)
    quantised = [np.clip(np.rint(sine(199, rate, peak=peak) * most), -most, most - 1) / most for peak in (0.97, 1.3)]
    assert metered(LevelMeter, quantised[0], rate).clipped() == (0, [])
    assert metered(LevelMeter, quantised[1], rate).clipped()[0] > 0.3


@pytest.mark.parametrize("seed", [None, 3])
def test_silence_and_its_longest_stretch(seed):
    x = np.concatenate([sine(300), np.zeros(16000), sine(300), np.zeros(32000), sine(300, seconds=0.5)])
    share, start, length = metered(LevelMeter, x, seed=seed).silence()
    assert share == pytest.approx(3 / 5.5, abs=0.02)
    assert (start, length) == pytest.approx((3.0, 2.0), abs=0.07)


def test_a_dc_offset_is_silence_and_the_softest_noise_that_is_heard_is_not():
    assert metered(LevelMeter, np.full(16000, 0.1, np.float32)).silence()[0] == 1
    noise = np.random.default_rng(0).normal(0, 10 ** (-70 / 20), 16000).astype(np.float32)
    assert metered(LevelMeter, noise).silence()[0] == 0
    assert metered(LevelMeter, noise / 10).silence()[0] == 1


def test_a_file_of_one_sample():
    meter = metered(LevelMeter, np.array([0.5], np.float32))
    assert meter.silence() == (1.0, 0.0, pytest.approx(0.032)) and meter.clipped() == (0, [])
    assert metered(SpectrumMeter, np.array([0.5], np.float32)).bandwidth == 0


@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize(("rate", "limit"), [(16000, 3400), (48000, 8000), (44100, 16000), (16000, 8000)])
def test_the_bandwidth_of_noise_that_ends_at_a_frequency(rate, limit, seed):
    x = np.random.default_rng(1).normal(0, 0.1, 2 * rate)
    spectrum = np.fft.rfft(x)
    spectrum[np.fft.rfftfreq(len(x), 1 / rate) > limit] = 0
    x = np.fft.irfft(spectrum).astype(np.float32)
    assert metered(SpectrumMeter, x, rate, seed).bandwidth == pytest.approx(limit, abs=0.6 * BAND)


def test_the_share_of_the_energy_above_a_frequency():
    x = sine(1000, 48000) + 0.5 * sine(12000, 48000) + 0.25
    assert metered(SpectrumMeter, x, 48000).share_above(8000) == pytest.approx(0.2, abs=0.001)
