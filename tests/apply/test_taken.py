"""What a front end takes away, with front ends whose gains are known."""

from itertools import pairwise

import numpy as np
import pytest

from kdse.apply.taken import EDGES, SNR_RANGE, FrontEndMeter, compare
from kdse.runtime.model import Model

SPLIT = 64
"""The bin at 2 kHz."""


@pytest.fixture(scope="module")
def low(other_model, tmp_path_factory) -> Model:
    """Keeps what lies below 2 kHz."""
    return Model.load(other_model(tmp_path_factory.mktemp("low") / "low.onnx", np.arange(257) < SPLIT))


def taken(model: Model, x: np.ndarray, rate: int = 16000, sizes: tuple[int, ...] = (1 << 16,)):
    x = x.astype(np.float32)
    x = x[:, None] if x.ndim == 1 else x
    meter, rng, start = FrontEndMeter(model, rate, x.shape[1]), np.random.default_rng(0), 0
    while start < len(x):
        size = int(rng.choice(sizes))
        meter.add(x[start : start + size])
        start += size
    return meter.end()


def band_noise(low: float, high: float, n: int, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """(n,) noise between two frequencies, of variance 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n))
    frequencies = np.fft.rfftfreq(n, 1 / rate)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    x = np.fft.irfft(spectrum, n)
    return x / x.std()


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_half_the_amplitude_is_6_db_and_three_quarters_of_the_energy(half, rate):
    found = taken(half.model, 0.1 * band_noise(100, 3500, 2 * rate, rate), rate)
    assert found.removed == pytest.approx(0.75, abs=0.003)
    assert [found.gain, found.gain_speech] == pytest.approx([-6.02, -6.02], abs=0.05)
    assert [gain for *_, gain in found.bands[:4]] == pytest.approx([-6.02] * 4, abs=0.05)
    assert found.snr == pytest.approx(0, abs=0.1)  # what is kept is as loud as what is taken
    assert [(a, b) for a, b, _ in found.bands] == list(pairwise(EDGES))


@pytest.mark.parametrize("snr", [-10, 0, 8, 25])
def test_a_front_end_that_separates_perfectly_gives_the_snr(low, snr):
    """Speech below 2 kHz in half of the time, noise above; the SNR is of active speech, as it is mixed (kdse.data.level)."""
    n = 16000 * 8
    bursts = (np.arange(n) // 16000) % 2
    speech = 0.1 * band_noise(200, 1800, n) * bursts
    noise = 0.1 * 10 ** (-snr / 20) * band_noise(2300, 7800, n, seed=1)
    found = taken(low, speech + noise)
    assert found.snr == pytest.approx(snr, abs=0.3)
    assert found.speech == pytest.approx(0.5, abs=0.02)
    assert found.gain_speech == pytest.approx(-10 * np.log10(1 + 10 ** (-snr / 10)), abs=0.2)
    assert found.gain_pauses < -10  # speech begins and ends amid frames
    assert found.bands[-1][2] < -20 and found.bands[0][2] == pytest.approx(0, abs=0.1)


def test_dc_and_hum_below_the_bands_do_not_count(half):
    x = 0.1 * band_noise(200, 7800, 16000)
    with_offset, without = taken(half.model, x + 0.2), taken(half.model, x)
    assert with_offset.snr == pytest.approx(without.snr, abs=0.05)
    assert with_offset.gain == pytest.approx(without.gain, abs=0.05)


@pytest.mark.parametrize("rate", [16000, 22050])
def test_blocks_do_not_matter(low, rate):
    x = np.random.default_rng(3).normal(0, 0.1, (rate, 2))
    whole, cut = taken(low, x, rate), taken(low, x, rate, (1, 7, 300, 4000))
    assert np.array(cut.bands) == pytest.approx(np.array(whole.bands), abs=1e-3)
    assert (cut.snr, cut.removed, cut.speech) == pytest.approx((whole.snr, whole.removed, whole.speech), abs=1e-3)


def test_floor_and_mix_of_the_model_are_left_out(other_model, tmp_path):
    model = Model.load(other_model(tmp_path / "m.onnx", 0.5, mix="0.9", floor_db="-1"))
    assert taken(model, 0.1 * band_noise(100, 7900, 16000)).removed == pytest.approx(0.75, abs=0.003)


def test_nothing_taken_and_nothing_there(other_model, tmp_path):
    same = Model.load(other_model(tmp_path / "same.onnx", 1.0))
    found = taken(same, 0.1 * band_noise(100, 7900, 16000))
    assert found.snr == SNR_RANGE[1] and found.removed == pytest.approx(0, abs=1e-6)
    silent = taken(same, np.zeros(16000))
    assert np.isnan([silent.snr, silent.gain, silent.gain_speech, silent.gain_pauses]).all() and silent.speech == 0
    assert taken(same, np.array([0.5])).snr == SNR_RANGE[1]


def test_speech_is_what_is_at_most_16_db_below_its_level():
    """Frames of kept power 1, 0.1 and 0.001: the level is 0.55, and 15.9 dB below it is 0.014."""
    powers = np.zeros((3, 3, 5))
    powers[:, 1, 0] = 1, 0.1, 0.001
    powers[:, 0, 0] = 2, 0.2, 0.1
    found = compare(powers)
    assert found.speech == pytest.approx(2 / 3)
    assert found.gain_speech == pytest.approx(-3.01, abs=0.01)
    assert found.gain_pauses == pytest.approx(-20)
