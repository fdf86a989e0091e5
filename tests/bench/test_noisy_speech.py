"""What front ends are timed on: the same at every call, recorded where recordings are, at the rate that is asked for."""

import numpy as np
import pytest
import soundfile

from kdse.bench import noisy_speech as bench


def snr(mixture: np.ndarray, speech: np.ndarray) -> float:
    """dB, from the part of the mixture along the speech; noise that is independent of it has hardly any."""
    along = speech * np.dot(mixture, speech) / np.dot(speech, speech)
    return 10 * np.log10(np.sum(along**2) / np.sum((mixture - along) ** 2))


def test_without_recordings_a_voice_is_made(tmp_path):
    samples, what = bench.noisy_speech(3, tmp_path)
    again, _ = bench.noisy_speech(3, tmp_path)
    assert samples.dtype == np.float32 and samples.shape == (48000,) and np.array_equal(samples, again)
    assert "artificial" in what
    assert snr(samples, bench.buzz(48000)) == pytest.approx(bench.SNR, abs=0.3)


def test_recordings_are_joined_at_their_rates(tmp_path):
    """A speech file of 8 kHz and a noise of one second, both shorter than what is asked for, are repeated."""
    rng = np.random.default_rng(0)
    speech, noise = tmp_path / "LibriSpeech" / "test-clean" / "1" / "2", tmp_path / "noise" / "train"
    speech.mkdir(parents=True), noise.mkdir(parents=True)
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    soundfile.write(speech / "1-2-0.flac", tone, 8000)
    soundfile.write(noise / "n.flac", 0.3 * rng.standard_normal(16000).clip(-3, 3), 16000)
    samples, what = bench.noisy_speech(2, tmp_path)
    assert "recorded" in what and len(samples) == 32000
    expected = np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)
    assert snr(samples, expected) == pytest.approx(bench.SNR, abs=0.5)


def test_another_rate_keeps_time_and_level(tmp_path):
    samples, _ = bench.noisy_speech(2, tmp_path)
    wide = bench.at_rate(samples, 48000)
    assert wide.dtype == np.float32 and len(wide) == 96000
    assert np.std(wide) == pytest.approx(np.std(samples), rel=0.05)
    assert bench.at_rate(samples, 16000) is samples
