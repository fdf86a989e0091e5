"""SDR, SIR and SAR: mir_eval's values, closed forms, and what is missing."""

import numpy as np
import pytest

from kdse.scoring.separation import artifact_error, separation

RNG = np.random.default_rng(3)


def signals(seconds: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Coloured speech and noise that are not each other's filtered copies."""
    n = int(16000 * seconds)
    speech, noise = RNG.standard_normal((2, n))
    return np.convolve(speech, np.hanning(9), "same"), 0.5 * np.convolve(noise, [1, -0.6], "same")


def test_parity_with_mir_eval():
    separate = pytest.importorskip("mir_eval.separation", reason="mir_eval has no separation module any more")
    speech, noise = signals()
    mixture = speech + noise
    estimate = np.tanh(np.convolve(mixture, [0.6, 0.3, 0.1], "same"))
    [(values, missing)] = separation(speech, mixture, [estimate])
    with pytest.warns(FutureWarning):
        sdr, sir, sar, _ = separate.bss_eval_sources(
            np.stack([speech, noise]), np.stack([estimate, mixture - estimate]), compute_permutation=False
        )
    assert not missing
    assert (values["sdr"], values["sir"], values["sar"]) == pytest.approx((sdr[0], sir[0], sar[0]), abs=1e-6)


def test_parts_of_known_energy():
    """Independent white signals are orthogonal but for what 512 free taps of each fit of the others: 512/N of their energy."""
    target, noise, artifact = np.random.default_rng(0).standard_normal((3, 160000))
    [(values, _)] = separation(target, target + noise, [target + 0.1 * noise + 0.05 * artifact])
    assert values["sir"] == pytest.approx(20.0, abs=0.1)
    assert values["sar"] == pytest.approx(10 * np.log10(1.01 / 0.0025), abs=0.1)
    assert values["sdr"] == pytest.approx(10 * np.log10(1 / 0.0125), abs=0.1)
    assert artifact_error(values["sdr"], values["sir"]) == pytest.approx(10 * np.log10(0.0025), abs=0.1)


def test_a_short_filter_and_a_gain_are_forgiven_a_long_delay_is_not():
    speech, noise = signals()
    mixture, dull = speech + noise, np.convolve(speech, [0.5, 0.4, 0.2])[: len(speech)]
    late = np.concatenate([np.zeros(600), speech[:-600]])
    extra = 0.1 * noise
    plain, filtered, loud, delayed = (
        r["sdr"] for r, _ in separation(speech, mixture, [speech + extra, dull + extra, 3 * (speech + extra), late + extra])
    )
    assert loud == pytest.approx(plain, abs=1e-9) and abs(filtered - plain) < 3
    assert delayed < 0 < plain


def test_without_a_front_end_there_are_no_artifacts():
    speech, noise = signals()
    [(values, missing)] = separation(speech, speech + noise, [speech + noise])
    assert missing == {"sar": "estimate equals mixture"} and values["sir"] == pytest.approx(values["sdr"], abs=1e-6)
    [(_, missing)] = separation(speech, speech + noise, [0.5 * (speech + noise)])
    assert missing == {"sar": "estimate is filtered mixture"}


def test_a_mixture_without_noise_has_neither_sir_nor_sar():
    speech, other = signals()
    [(values, missing)] = separation(speech, speech, [speech + 0.1 * other])
    assert missing == dict.fromkeys(("sir", "sar"), "the mixture has no noise") and values["sdr"] > 10
    [(values, missing)] = separation(speech, speech, [speech])
    assert not values and missing["sdr"] == "estimate equals filtered reference"


def test_several_estimates_at_once_score_as_they_do_alone():
    speech, noise = signals()
    mixture = speech + noise
    estimates = [np.tanh(mixture), 0.5 * np.tanh(mixture) + 0.5 * mixture]
    alone = [separation(speech, mixture, [e])[0][0] for e in estimates]
    assert [r for r, _ in separation(speech, mixture, estimates)] == [pytest.approx(of_one, abs=1e-9) for of_one in alone]


def test_a_noise_that_is_filtered_speech_leaves_nothing_to_tell_apart():
    speech, _ = signals(0.2)
    speech[:1000] = speech[-1000:] = 0
    [(values, missing)] = separation(speech, 1.5 * speech, [speech])
    assert not values or all(np.isfinite(list(values.values())))
    assert set(missing) | set(values) == {"sdr", "sir", "sar"}
    impulse = np.zeros(3200)
    impulse[1000] = 1.0
    assert separation(impulse, 2 * impulse, [impulse])[0][1].keys() == {"sdr", "sir", "sar"}
