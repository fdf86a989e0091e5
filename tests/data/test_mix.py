"""Mixing: y = s + n to the last bit, the SNR asked for, and randomness that belongs to the example."""

import hashlib
import math
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple, replace

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.level import active_power
from kdse.data.mix import MixConfig, combine, draw, mix, rng_for
from kdse.data.pack import Pack


@pytest.fixture
def noise(tmp_path, noiselike):
    Pack.write(tmp_path / "noise", ((f"n{i}", noiselike(2 + 0.3 * i, i, 50 * (i + 1))) for i in range(8)))
    return Pack(tmp_path / "noise")


@pytest.fixture
def speech(speechlike):
    return {f"utt{i}": speechlike(0.7 + 0.02 * i, i) for i in range(40)}


def exact(m):
    """noisy == speech + noise, in integers wide enough to show a wrap-around."""
    return np.array_equal(m.noisy.astype(np.int64), m.speech.astype(np.int64) + m.noise)


def snr_reached(m):
    return 10 * math.log10(active_power(m.speech) / np.mean(m.noise.astype(np.float64) ** 2))


@pytest.mark.parametrize("snr", [-20, -5, 0, 7.5, 15, 30])
@pytest.mark.parametrize("gain_db", [-6, 0, 6])
def test_sum_is_exact_and_snr_is_reached(speechlike, noiselike, snr, gain_db):
    m = mix(speechlike(1, 1), noiselike(2, 2), snr, offset=123, gain_db=gain_db)
    assert all(x.dtype == np.int16 and x.shape == (16000,) for x in (m.noisy, m.speech, m.noise))
    assert exact(m) and snr_reached(m) == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize("level", [1, 4, 8])
def test_no_wrap_around_where_it_would_clip(noiselike, level):
    """Loud signals are turned down together: the sum stays exact and the SNR stays."""
    rng = np.random.default_rng(0)
    speech = np.clip(level * 8000 * rng.standard_normal(16000), -32768, 32767).astype(np.int16)
    m = mix(speech, noiselike(2, 2, 9000), -5, gain_db=6)
    assert exact(m) and m.gain < 2 and snr_reached(m) == pytest.approx(-5, abs=0.01)
    assert max(abs(int(m.noisy.max())), abs(int(m.noisy.min()))) <= 32767


def test_extreme_samples(noiselike):
    speech = np.full(2000, -32768, np.int16)
    for sign in (1, -1):
        m = mix(speech, (sign * speech.astype(np.int32)).clip(-32768, 32767).astype(np.int16), 0, gain_db=6)
        assert exact(m)
    clean = mix(speech, speech, math.inf, gain_db=6)
    assert exact(clean) and clean.speech.min() == -32766 and not clean.noise.any()


def test_unscaled_speech_keeps_its_bits(speechlike, noiselike):
    speech = speechlike(1, 1)
    assert np.array_equal(mix(speech, noiselike(2, 2), 5).speech, speech)


def test_combine_is_all_that_mixing_does_to_samples(speechlike, noiselike):
    """The factors that a manifest stores make the same bits again."""
    speech, noise = speechlike(1, 1), noiselike(2, 2)
    m = mix(speech, noise, -3.3, offset=77, gain_db=1.7)
    again = combine(speech, noise[77 : 77 + len(speech)], m.gain, m.noise_gain)
    assert all(np.array_equal(a, b) for a, b in zip(again, (m.noisy, m.speech, m.noise)))


def test_errors_name_the_signal(speechlike, noiselike):
    speech, noise, silence = speechlike(1, 1), noiselike(2, 2), np.zeros(32000, np.int16)
    with pytest.raises(UserError, match=r"utterance utt7 is silent"):
        mix(silence[:16000], noise, 0, utt="utt7")
    with pytest.raises(UserError, match=r"noise rain is silent from sample 5 to 16005"):
        mix(speech, silence, 0, offset=5, noise_id="rain")
    with pytest.raises(UserError, match=r"noise rain \(0\.50 s\) is shorter than utterance utt7 \(1\.00 s\).*short_noise: repeat"):
        mix(speech, noise[:8000], 0, utt="utt7", noise_id="rain")
    bad = speech.astype(np.float32)
    bad[3] = np.nan
    with pytest.raises(UserError, match=r"utterance utt7 holds 1 NaN .* sample 3"):
        mix(bad, noise, 0, utt="utt7")
    with pytest.raises(UserError, match=r"noise rain holds"):
        mix(speech, np.full(20000, np.inf), 0, noise_id="rain")


def digest(job):
    speech, utt, epoch, noise = job
    m = draw(speech, noise, MixConfig(), utt=utt, epoch=epoch, seed=3, corpus="an4")
    return hashlib.sha256(m.noisy.tobytes() + m.noise.tobytes()).hexdigest()


def test_draw_does_not_depend_on_workers_or_order(speech, noise):
    jobs = [(x, utt, epoch, noise) for epoch in range(2) for utt, x in speech.items()]
    expected = [digest(job) for job in jobs]
    assert len(set(expected)) == len(expected)
    order = random.Random(0).sample(range(len(jobs)), len(jobs))
    with ProcessPoolExecutor(2) as pool:
        mixed = dict(zip(order, pool.map(digest, [jobs[i] for i in order])))
    assert [mixed[i] for i in range(len(jobs))] == expected


@pytest.mark.parametrize("change", ["utt", "epoch", "seed", "purpose", "corpus"])
def test_every_part_of_the_key_counts(speech, noise, change):
    key = {"utt": "u", "epoch": 0, "seed": 0, "purpose": "train", "corpus": "an4"}
    draws = [draw(speech["utt0"], **k, noise=noise, config=MixConfig(clean_prob=0)) for k in (key, {**key, change: "9"})]
    assert not np.array_equal(draws[0].noisy, draws[1].noisy)


def test_rng_keys_do_not_run_together():
    assert rng_for("a", "bc").random() != rng_for("ab", "c").random()
    assert rng_for("a", 1).random() == rng_for("a", "1").random()


def test_golden_draw():
    """Runs are compared on the same mixtures, so an item must never change: integers in, these bits out, on every machine."""
    speech = (np.arange(16000) * 37 % 2001 - 1000).astype(np.int16)
    noise = {name: (np.arange(40000) * step % 1501 - 750).astype(np.int16) for name, step in (("a", 53), ("b", 91))}
    m = draw(speech, noise, MixConfig(), utt="utt", epoch=2, seed=1, corpus="an4")
    assert (m.noise_id, m.offset, round(m.snr_db, 6)) == ("b", 8538, 2.125465)
    assert hashlib.sha256(m.noisy.astype("<i2").tobytes()).hexdigest()[:16] == "e75d1e1179b445ba"


def test_draw_fills_the_ranges_of_the_config(speech, noise):
    config = MixConfig(snr_low=0, snr_high=10, clean_prob=0.25, gain_low_db=-3, gain_high_db=0)
    items = [draw(x, noise, config, utt=utt, epoch=epoch, seed=0) for epoch in range(20) for utt, x in speech.items()]
    assert all(map(exact, items))
    noisy = [m for m in items if m.snr_db < math.inf]
    assert 0.2 < 1 - len(noisy) / len(items) < 0.3
    assert not any(m.noise.any() for m in items if m.snr_db == math.inf)
    snrs, gains = [m.snr_db for m in noisy], [20 * math.log10(m.gain) for m in noisy]
    assert 0 <= min(snrs) < 0.3 and 9.7 < max(snrs) <= 10
    assert -3 <= min(gains) < -2.8 and -0.2 < max(gains) <= 0
    assert {m.noise_id for m in noisy} == set(noise)
    m = noisy[0]
    original = noise[m.noise_id][m.offset : m.offset + len(m.noise)]
    assert np.array_equal(m.noise, np.rint(original * np.float32(m.noise_gain)).astype(np.int16))


def test_some_items_are_nearly_clean(speech, noise):
    """A share of `high_snr_prob` lies between snr_high and high_snr; all other items are as without."""
    config = MixConfig(snr_low=0, snr_high=10, clean_prob=0.2)
    keys = [(utt, epoch) for epoch in range(20) for utt in speech]
    plain, some = (
        [draw(speech[utt], noise, c, utt=utt, epoch=epoch, seed=0) for utt, epoch in keys]
        for c in (config, replace(config, high_snr_prob=0.3, high_snr=40.0))
    )
    high = [10 < m.snr_db <= 40 for m in some]
    assert 0.25 < sum(high) / len(high) < 0.35 and max(m.snr_db for m in some if m.snr_db < math.inf) > 39
    assert all(np.array_equal(a.noisy, b.noisy) for a, b, other in zip(plain, some, high) if not other)
    assert all(a.snr_db < math.inf and np.array_equal(a.speech, b.speech) for a, b, other in zip(plain, some, high) if other)


VARIED = {"second_noise_prob": 0.5, "filter_prob": 0.5, "noise_speed": 0.25}


@pytest.mark.parametrize("options", [*({name: value} for name, value in VARIED.items()), VARIED], ids=lambda o: "+".join(o))
def test_varied_noise_is_mixed_exactly(speech, noise, options):
    """y = s + n, the SNR, the speech and the keyed draws are what they are without; the noises are others."""
    config = MixConfig(clean_prob=0.1, short_noise="repeat")
    others = 0
    for utt, x in speech.items():
        plain, m, again = (draw(x, noise, c, utt=utt, epoch=1, seed=0) for c in (config, *2 * [replace(config, **options)]))
        assert exact(m) and np.array_equal(m.noisy, again.noisy) and m.snr_db == plain.snr_db
        if m.snr_db < math.inf:
            assert snr_reached(m) == pytest.approx(m.snr_db, abs=0.05)
            assert all(one in noise for one in m.noise_id.split("+")) and m.noise_id.startswith(plain.noise_id)
            others += not np.array_equal(m.noise, plain.noise)
    assert others > 10


def test_two_noises_at_once(speech, noise):
    config = MixConfig(clean_prob=0, second_noise_prob=0.3)
    items = [draw(x, noise, config, utt=utt, epoch=epoch, seed=0) for epoch in range(10) for utt, x in speech.items()]
    assert 0.25 < sum("+" in m.noise_id for m in items) / len(items) < 0.35


def test_a_share_of_no_noise_is_no_draw(speech, noise):
    """All new options at 0 are the items of before: the golden draw says which."""
    zero = dict.fromkeys(VARIED, 0.0)
    a, b = (draw(speech["utt0"], noise, c, utt="u", epoch=0, seed=0) for c in (MixConfig(), MixConfig(**zero, high_snr=30.0)))
    assert np.array_equal(a.noisy, b.noisy)


def test_short_noise(speech, noise):
    long = np.tile(speech["utt0"], 10)
    with pytest.raises(UserError, match=r"is shorter than utterance long"):
        draw(long, noise, MixConfig(clean_prob=0), utt="long", epoch=0, seed=0)
    m = draw(long, noise, MixConfig(clean_prob=0, short_noise="repeat"), utt="long", epoch=0, seed=0)
    period = len(noise[m.noise_id])
    assert exact(m) and np.array_equal(m.noise[:-period], m.noise[period:])


def test_a_draw_costs_the_same_however_many_noises_there_are(tmp_path, monkeypatch, speechlike, noiselike):
    """A pack is asked for its ids as it holds them, not gone through for every item."""
    noises = [(f"n{i}", noiselike(1.0, i)) for i in range(3)]
    Pack.write(tmp_path / "p", noises)
    pack, listed = Pack(tmp_path / "p"), draw(speechlike(0.5, 0), dict(noises), MixConfig(clean_prob=0), utt="u", epoch=0, seed=0)
    monkeypatch.setattr(Pack, "__iter__", lambda _pack: pytest.fail("the pack is gone through"))
    assert draw(speechlike(0.5, 0), pack, MixConfig(clean_prob=0), utt="u", epoch=0, seed=0).noise_id == listed.noise_id


def test_config_from_yaml(tmp_path):
    path = tmp_path / "mix.yaml"
    path.write_text("train: {snr_low: 0, short_noise: repeat}\nsets: {seed: 1}\n")
    assert MixConfig.load(path) == MixConfig(snr_low=0.0, short_noise="repeat")
    assert MixConfig.of({}, "here") == MixConfig()
    assert astuple(MixConfig.of(asdict(MixConfig()), "here")) == astuple(MixConfig())


@pytest.mark.parametrize(
    "text, message",
    [
        ("train: {snr_lo: 0}", r"mix.yaml, train: there is no option 'snr_lo' \(did you mean 'snr_low'\?\)"),
        ("trian: {}", r"no option 'trian' \(did you mean 'train'\?\)"),
        ("train: {snr_low: loud}", r"snr_low takes a float like -5.0, not 'loud'"),
        ("train: {snr_low: 20}", r"snr_low is above snr_high"),
        ("train: {high_snr_prob: 0.1, high_snr: 10}", r"snr_high is above high_snr"),
        ("train: {second_noise_prob: 2}", r"second_noise_prob is between 0 and 1, not 2.0"),
        ("train: {filter_prob: -1}", r"filter_prob is between 0 and 1, not -1.0"),
        ("train: {noise_speed: 0.2}", r"noise_speed needs more of a noise than the speech is long; set 'short_noise: repeat'"),
        ("train: {short_noise: loop}", r"'error' or 'repeat', not 'loop'"),
        ("train: {clean_prob: 10}", r"clean_prob is between 0 and 1"),
        ("train: [1]", r"must hold 'key: value' pairs"),
        ("train: {snr_low: ", r"line \d+ is not valid YAML"),
    ],
)
def test_config_errors(tmp_path, text, message):
    path = tmp_path / "mix.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        MixConfig.load(path)
