"""PESQ, STOI and SI-SDR: closed forms, regressions, properties, and scores that cannot be computed."""

import math

import numpy as np
import pytest

from kdse.errors import UserError
from kdse.scoring import quality as q

RATE = 16000


def speech_like(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """(N,) float: harmonics of a gliding 120 Hz in syllables of 0.25 s, with a little noise; PESQ takes it for speech."""
    t = np.arange(int(seconds * RATE)) / RATE
    turns = 120 * t + 10 * np.sin(2 * np.pi * 0.7 * t)
    voice = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 2 * t), 0, None)
    return 0.1 * voice * syllables + 0.001 * np.random.default_rng(seed).standard_normal(len(t))


def noisy(clean: np.ndarray, level: float = 0.01, seed: int = 1) -> np.ndarray:
    return clean + level * np.random.default_rng(seed).standard_normal(len(clean))


@pytest.mark.parametrize("gain", [1.0, 0.01, -3.0])
@pytest.mark.parametrize("snr", [-5.0, 0.0, 20.0])
def test_si_sdr_of_scaled_reference_plus_orthogonal_noise_is_their_power_ratio(gain, snr):
    t = np.arange(RATE) / RATE
    clean = np.sin(2 * np.pi * 100 * t)
    orthogonal = np.cos(2 * np.pi * 100 * t) * 10 ** (-snr / 20)
    assert q.si_sdr(clean, gain * (clean + orthogonal)) == pytest.approx(snr, abs=1e-9)


def test_si_sdr_takes_the_mean_off_unless_told_otherwise():
    clean = speech_like()
    shifted = noisy(clean) + 0.5
    assert q.si_sdr(clean, shifted) == pytest.approx(q.si_sdr(clean, shifted - 0.5), abs=1e-9)
    assert q.si_sdr(clean, shifted, zero_mean=False) < q.si_sdr(clean, shifted) - 5


def test_gain_changes_neither_si_sdr_nor_stoi():
    clean = speech_like()
    loud, quiet = noisy(clean), 0.1 * noisy(clean)
    assert q.si_sdr(clean, quiet) == pytest.approx(q.si_sdr(clean, loud), abs=1e-9)
    assert q.stoi(clean, quiet) == pytest.approx(q.stoi(clean, loud), abs=1e-9)


def test_a_delay_ruins_si_sdr_while_pesq_aligns_it_away():
    clean = speech_like()
    delayed = np.concatenate([np.zeros(80), clean[:-80]])  # 5 ms
    assert q.si_sdr(clean, delayed) < 10 < q.si_sdr(clean, noisy(clean, 0.001))
    assert q.pesq_wb(clean, delayed) > 4


def test_more_noise_scores_lower():
    clean = speech_like()
    for score in q.METRICS.values():
        values = [score(clean, noisy(clean, level)) for level in (0.001, 0.01, 0.05)]
        assert values == sorted(values, reverse=True)


def test_regression_values():
    """What pesq 0.0.4 and pystoi 0.4.1 gave for this seeded signal; another version that differs should be noticed."""
    clean = speech_like()
    scores, missing = q.quality(clean, noisy(clean, 0.003), "utt")
    assert not missing
    assert scores == pytest.approx({"pesq_wb": 2.3225, "stoi": 0.9857, "si_sdr": 23.5618}, abs=2e-4)


def test_identical_signals_have_the_highest_scores_but_no_si_sdr():
    clean = (speech_like() * 8000).astype(np.int16)
    scores, missing = q.quality(clean, clean.copy(), "utt")
    assert scores["pesq_wb"] == pytest.approx(4.6439, abs=1e-3)  # the ceiling of P.862.2's mapping
    assert scores["stoi"] == pytest.approx(1.0, abs=1e-4)
    assert scores["si_sdr"] is None and missing == {"si_sdr": "estimate equals reference"}


def test_a_scaled_copy_has_no_si_sdr_and_neither_has_an_orthogonal_estimate():
    clean = speech_like()
    with pytest.raises(q.Missing, match="equals"):
        q.si_sdr(clean, 0.3 * clean)
    with pytest.raises(q.Missing, match="orthogonal"):
        q.si_sdr(np.array([1.0, -1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, -1.0]))


def test_rounding_denormals_to_zero_changes_no_score_and_ends_with_its_block():
    clean = speech_like()
    clean[len(clean) // 2 :] = 0  # digital silence, in which PESQ's filters ring down to denormals
    estimate = noisy(clean)
    estimate[len(clean) // 2 :] = 0
    plain = q.quality(clean, estimate, "u")
    with q.no_denormals():
        assert q.quality(clean, estimate, "u") == plain
    assert np.float32(1e-30) * np.float32(1e-10) > 0


def test_int16_and_float_of_the_same_audio_score_the_same():
    clean = (speech_like() * 8000).astype(np.int16)
    estimate = (noisy(speech_like()) * 8000).astype(np.int16)
    assert q.quality(clean, estimate, "utt") == q.quality(clean / 32768, estimate / 32768, "utt")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c, e: (c * 0, e), "the reference is silent"),
        (lambda c, e: (c, e * 0), "the estimate is silent"),
        (lambda c, e: (c, e * 0 + 0.25), "the estimate is silent"),
        (lambda c, e: (c, np.where(np.arange(len(e)) == 7, np.nan, e)), "the estimate has samples that are not numbers"),
        (lambda c, e: (c[:0], e[:0]), "the reference is empty"),
    ],
)
def test_what_cannot_be_scored_is_missing_with_its_reason(change, reason):
    clean = speech_like()
    scores, missing = q.quality(*change(clean, noisy(clean)), "utt")
    assert scores == dict.fromkeys(q.METRICS)
    assert missing == dict.fromkeys(q.METRICS, reason)


def test_too_short_for_pesq_and_stoi_but_not_for_si_sdr():
    clean = speech_like()[:1600]
    scores, missing = q.quality(clean, noisy(clean), "utt")
    assert scores["pesq_wb"] is None and "1/4 of a second" in missing["pesq_wb"]
    assert scores["stoi"] is None and "0.4 s" in missing["stoi"]
    assert math.isfinite(scores["si_sdr"]) and "si_sdr" not in missing


def test_pesq_that_detects_no_speech_is_missing(monkeypatch):
    import pesq

    def none_found(*_args):
        raise pesq.NoUtterancesError(b"No utterances detected")

    monkeypatch.setattr(pesq, "pesq", none_found)
    clean = speech_like()
    scores, missing = q.quality(clean, noisy(clean), "utt")
    assert scores["pesq_wb"] is None and missing == {"pesq_wb": "no utterances detected"}


def test_different_lengths_are_an_error_that_names_the_utterance():
    clean = speech_like()
    with pytest.raises(UserError, match=r"utterance an4-1__babble__5dB: .*31999 samples.*32000 samples"):
        q.quality(clean, clean[:-1], "an4-1__babble__5dB")
