"""Every score of an estimate: regressions, properties, and scores that cannot be computed."""

import math

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.scoring import blind
from kdse.scoring.metrics import FROM_AUDIO
from kdse.scoring.missing import MIXED
from kdse.scoring.quality import quality
from kdse.scoring.ratios import snr_out
from kdse.scoring.separation import NAMES

DNSMOS = {f"dnsmos_{name}" for name in blind.DNSMOS}


def compared(reference, estimate, mixture=None) -> dict[str, float]:
    """The scores that compare with a reference; all of them must be there, but SDR, SIR and SAR without a mixture."""
    [(scores, missing)] = quality(reference, estimate, "utt", mixture)
    assert set(missing) == {*DNSMOS, *(() if mixture is not None else NAMES)}
    return {name: value for name, value in scores.items() if value is not None and name != "wada_snr"}


def test_more_noise_scores_lower(speech_like, noisy):
    clean = speech_like()
    by_level = [compared(clean, noisy(clean, level)) for level in (0.001, 0.01, 0.05)]
    for name in by_level[0]:
        values = [scores[name] for scores in by_level]
        assert values == sorted(values, reverse=True), name


def test_gain_changes_only_what_the_level_is_part_of(speech_like, noisy):
    clean = speech_like()
    mixture = noisy(clean)
    estimate = noisy(clean, 0.005, seed=4)
    loud, quiet = compared(clean, estimate, mixture), compared(clean, 0.5 * estimate, mixture)
    with_level = {"snr_out", "ssnr", "cbak"}
    for name in loud.keys() - with_level:
        assert quiet[name] == pytest.approx(loud[name], abs=2e-3), name
    for name in with_level:
        assert quiet[name] < loud[name] - 0.1, name
    assert snr_out(clean, 0.5 * clean) == pytest.approx(6.0206, abs=1e-4)


def test_a_clipped_estimate_has_every_score_and_each_is_lower(speech_like):
    clean = speech_like()
    gentle, hard = (compared(clean, np.clip(clean, -limit, limit)) for limit in (0.15, 0.03))
    assert all(hard[name] < gentle[name] for name in gentle)


def test_regression_values(speech_like, noisy):
    """What pesq 0.0.4 and pystoi 0.4.1 gave for this seeded signal; another version that differs should be noticed."""
    clean = speech_like()
    scores = compared(clean, noisy(clean, 0.003))
    expected = {"pesq_wb": 2.3225, "stoi": 0.9857, "si_sdr": 23.5618, "pesq_nb": 3.7808, "estoi": 0.9538}
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=2e-4)


def test_identical_signals_have_the_highest_scores_but_no_ratio_to_an_error(speech_like):
    clean = (speech_like() * 8000).astype(np.int16)
    [(scores, missing)] = quality(clean, clean.copy(), "utt")
    assert scores["pesq_wb"] == pytest.approx(4.6439, abs=1e-3)  # the ceiling of P.862.2's mapping
    assert scores["pesq_nb"] == pytest.approx(4.5486, abs=1e-3)  # and of P.862.1's
    assert scores["stoi"] == pytest.approx(1.0, abs=1e-4) and scores["estoi"] == pytest.approx(1.0, abs=1e-4)
    assert (scores["csig"], scores["cbak"], scores["covl"], scores["ssnr"]) == (5.0, 5.0, 5.0, 35.0)
    assert missing["si_sdr"] == missing["snr_out"] == "estimate equals reference"


def test_int16_and_float_of_the_same_audio_score_the_same(speech_like, noisy):
    clean = (speech_like() * 8000).astype(np.int16)
    estimate = (noisy(speech_like()) * 8000).astype(np.int16)
    assert quality(clean, estimate, "utt") == quality(clean / 32768, estimate / 32768, "utt")


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
def test_what_cannot_be_scored_is_missing_with_its_reason(change, reason, speech_like, noisy):
    clean = speech_like()
    [(scores, missing)] = quality(*change(clean, noisy(clean)), "utt")
    assert scores == dict.fromkeys(FROM_AUDIO)
    assert missing == dict.fromkeys(FROM_AUDIO, reason)


def test_too_short_for_pesq_and_stoi_but_not_for_si_sdr(speech_like, noisy):
    clean = speech_like()[:1600]
    [(scores, missing)] = quality(clean, noisy(clean), "utt")
    assert scores["pesq_wb"] is None and "1/4 of a second" in missing["pesq_wb"]
    assert scores["stoi"] is None and "0.4 s" in missing["stoi"] and "0.4 s" in missing["estoi"]
    assert scores["csig"] is None and missing["csig"].startswith("no PESQ")
    assert math.isfinite(scores["si_sdr"]) and "si_sdr" not in missing


def test_pesq_that_detects_no_speech_is_missing(monkeypatch, speech_like, noisy):
    import pesq

    def none_found(*_args):
        raise pesq.NoUtterancesError(b"No utterances detected")

    monkeypatch.setattr(pesq, "pesq", none_found)
    clean = speech_like()
    [(scores, missing)] = quality(clean, noisy(clean), "utt")
    assert scores["pesq_wb"] is None and missing["pesq_wb"] == "no utterances detected"
    assert scores["covl"] is None and missing["covl"] == "no PESQ: no utterances detected"
    assert scores["stoi"] > 0.5


def test_different_lengths_are_an_error_that_names_the_utterance(speech_like):
    clean = speech_like()
    with pytest.raises(UserError, match=r"utterance an4-1__babble__5dB: .*31999 samples.*32000 samples"):
        quality(clean, clean[:-1], "an4-1__babble__5dB")


def test_a_mixture_of_another_length_is_an_error_too(speech_like):
    clean = speech_like()
    with pytest.raises(UserError, match=r"utterance u: the estimate has 32000 samples and the mixture 31990 samples"):
        quality(clean, clean, "u", clean[:-10])


def test_a_recording_without_a_reference_has_the_blind_scores_only(speech_like, noisy):
    [(scores, missing)] = quality(None, noisy(speech_like()), "utt", noisy(speech_like()))
    blind = {"wada_snr", *DNSMOS}
    assert {name for name, value in scores.items() if value is not None} == blind
    assert missing == dict.fromkeys(set(FROM_AUDIO) - blind, "no clean reference")


def test_of_observation_adding_the_errors_are_scored(speech_like, noisy):
    """The more of the mixture is in it, the fewer artifacts; with all of it the estimate is the mixture."""
    clean = speech_like()
    mixture = noisy(clean)
    estimate = np.clip(mixture, -0.05, 0.05)
    shares = quality(clean, estimate, "utt", mixture, (0.0, 0.5, 1.0))
    assert shares[0][0]["sar"] < shares[1][0]["sar"] - 3
    assert shares[2][1]["sar"] in ("estimate equals mixture", "estimate is filtered mixture")
    assert shares[2][0]["sdr"] == pytest.approx(quality(clean, mixture, "utt", mixture)[0][0]["sdr"], abs=1e-4)
    assert shares[1][0]["pesq_wb"] is None and shares[1][1]["pesq_wb"] == MIXED
    assert shares[0][0] == quality(clean, estimate, "utt", mixture)[0][0]
