"""Noisy speech on its way to a recogniser: what it is given, without and with the front end, and how long recordings are cut."""

import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from kdse.apply.enhancer import Enhancer
from kdse.apply.transcribe import LONGEST, SHORTEST, Transcript, hear, pieces, transcribe
from kdse.core.errors import UserError
from kdse.recognisers.base import Hypothesis, Options, Recogniser


class Meter(Recogniser):
    """Says how long a wave is, in whole seconds, and whether it is loud."""

    def transcribe(self, waves):
        return [Hypothesis(f"{round(len(wave) / 16000)} {'loud' if np.abs(wave).max() > 0.3 else 'soft'} ") for wave in waves]


@pytest.fixture
def recording(tmp_path):
    def write(samples: np.ndarray, rate: int = 16000, subtype: str = "FLOAT") -> str:
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype=subtype)
        return str(tmp_path / "a.wav")

    return write


def sine(rate: int, seconds: float = 1.0, frequency: float = 440) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_both_are_mono_at_16_khz_and_aligned(recording, half, rate, channels):
    weights = np.linspace(0.2, 1, channels)
    heard = hear(recording(sine(rate)[:, None] * weights, rate), half)
    assert (heard.rate, heard.channels) == (rate, channels)
    assert heard.noisy.shape == heard.enhanced.shape == (16000,) and heard.noisy.dtype == heard.enhanced.dtype == np.float32
    assert heard.noisy[1000:-1000] == pytest.approx(weights.mean() * sine(16000)[1000:-1000], abs=2e-3)
    assert heard.enhanced[1000:-1000] == pytest.approx(heard.noisy[1000:-1000] / 2, abs=1e-4)


def test_the_enhanced_one_is_what_the_enhancer_gives(recording, half):
    """Longer than a block."""
    x = np.random.default_rng(0).uniform(-0.9, 0.9, 100_001).astype(np.float32)
    heard = hear(recording(x), half)
    assert np.array_equal(heard.noisy, x) and heard.enhanced == pytest.approx(half(x, 16000), abs=1e-6)


def test_floor_and_mix_are_heard(recording, half_file):
    half = hear(recording(sine(16000)), Enhancer.from_pretrained(str(half_file), mix=0.5))
    assert half.enhanced == pytest.approx(0.75 * half.noisy, abs=1e-5)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_nan_is_named_with_its_place(recording, half, rate):
    x = sine(rate, 7)
    x[70000 if rate == 16000 else 90000 :] = np.nan
    with pytest.raises(UserError, match=r"a.wav: the input holds NaN or infinite samples, the first at sample (7|9)0000"):
        hear(recording(x, rate), half)


def test_the_recogniser_hears_both(recording, half):
    found = transcribe(hear(recording(sine(16000, 3)), half), Meter(Options()), 16000)
    assert (found.without, found.enhanced, found.seconds) == ("3 loud", "3 soft", 3.0)
    assert found.text().splitlines()[1:] == ["  without  3 loud", "  with     3 soft", "  changed  3 [-loud-] {+soft+}"]
    assert json.loads(json.dumps(found.plain())) == {
        "name": found.name,
        "seconds": 3.0,
        "rate": 16000,
        "channels": 1,
        "without": "3 loud",
        "with": "3 soft",
        "same_words": False,
    }


def test_silence_is_not_given_to_the_recogniser(recording, half):
    """Whisper hears 'Thank you.' in it."""
    found = transcribe(hear(recording(np.zeros(16000)), half), Meter(Options()), 16000)
    assert found.text().splitlines()[1:] == ["  without  (no words)", "  with     (no words)", "  changed  no word"]


def test_words_of_all_pieces_are_one_text(recording, half):
    found = transcribe(hear(recording(sine(16000, 70)), half), Meter(Options()), 16000)
    seconds = [int(word) for word in found.without.split()[::2]]
    assert len(seconds) >= 3 and sum(seconds) == pytest.approx(70, abs=2)
    assert found.enhanced == found.without.replace("loud", "soft")


def test_a_short_recording_is_one_piece():
    for n in (1, 100, int(LONGEST * 16000)):
        assert pieces(np.ones(n, np.float32), 16000) == [slice(0, n)]


@pytest.mark.parametrize("seed", range(4))
def test_pieces_follow_each_other_and_are_cut_in_pauses(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.1, 120 * 16000).astype(np.float32)
    pauses = [10, 20, 35, 52, 70, 88, 105]
    for second in pauses:
        x[second * 16000 : int((second + 0.5) * 16000)] *= 0.01
    cuts = pieces(x, 16000)
    assert cuts[0].start == 0 and cuts[-1].stop == len(x)
    assert all(a.stop == b.start for a, b in pairwise(cuts))
    assert all(SHORTEST <= (cut.stop - cut.start) / 16000 <= LONGEST for cut in cuts[:-1])
    assert cuts[-1].stop - cuts[-1].start <= LONGEST * 16000
    for cut in cuts[:-1]:
        assert min(abs(cut.stop / 16000 - (second + 0.25)) for second in pauses) < 0.25


def test_the_same_words_need_no_differences():
    found = Transcript("a.wav", 1.0, 16000, 1, "The cat.", "the cat")
    assert found.text(colour=True).endswith("  changed  no word") and found.plain()["same_words"] is True
