"""Noises made by signal processing: which kinds are heard where, level, colour, and that they are the same again."""

from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import RATE, read_audio
from kdse.data.corpora.mini.babble import BABBLERS
from kdse.data.corpora.mini.noises import KINDS, LEVEL_DB, NoisePlan, make_noises, synthesise

LENGTH = 3 * RATE
SPOKEN = ("babble", "crowd")


def test_kinds_of_test_are_unseen():
    kinds = {split: {kind for kind, (_, splits) in KINDS.items() if split in splits} for split in ("train", "dev", "test")}
    assert kinds["train"] == kinds["dev"] and not kinds["train"] & kinds["test"]
    assert len(kinds["train"]) == 8 and len(kinds["test"]) == 4


def test_no_voice_of_babble_is_in_two_splits():
    voices = [voice for split in BABBLERS.values() for voice in split]
    assert len(set(voices)) == len(voices)
    assert all(len(voices) >= 6 for voices in BABBLERS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_level_and_bits(kind, request):
    if kind in SPOKEN:
        request.getfixturevalue("voices")
    split = KINDS[kind][1][0]
    x = synthesise(kind, split, f"{kind}_{split}1", LENGTH)
    assert x.dtype == np.int16 and len(x) == LENGTH and np.abs(x.astype(int)).max() < 32767
    level = 20 * np.log10(np.sqrt(np.mean((x / 32768.0) ** 2)))
    # Hard peaks (clatter) may hold the level down.
    assert LEVEL_DB - 6 < level < LEVEL_DB + 0.01
    assert np.array_equal(x, synthesise(kind, split, f"{kind}_{split}1", LENGTH))
    assert not np.array_equal(x, synthesise(kind, split, f"{kind}_{split}2", LENGTH))


@pytest.mark.parametrize(("kind", "slope"), [("white", 0), ("pink", -10), ("brown", -20)])
def test_colours(kind, slope):
    """Power per Hz falls by 0, 10 or 20 dB per decade."""
    x = synthesise(kind, "train", f"{kind}_train1", 20 * RATE).astype(float)
    spectra = np.abs(np.fft.rfft(x.reshape(-1, 3200))) ** 2
    hertz = np.fft.rfftfreq(3200, 1 / RATE)
    band = (hertz > 100) & (hertz < 6000)
    assert np.polyfit(np.log10(hertz[band]), 10 * np.log10(spectra.mean(0)[band]), 1)[0] == pytest.approx(slope, abs=1)


def test_a_noise_that_is_there_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("kdse.data.corpora.mini.noises.KINDS", {kind: KINDS[kind] for kind in ("pink", "hum", "rain")})
    plan = NoisePlan(train=2, dev=1, test=1, seconds=3.0)
    noises = make_noises(tmp_path, plan, nj=1)
    ids = "hum_dev1 hum_train1 hum_train2 pink_dev1 pink_train1 pink_train2 rain_test1"
    assert [noise.noise_id for noise in noises] == ids.split()
    made = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(made) == 7 and len(read_audio(noises[0].path)) == LENGTH
    gone, kept = Path(noises[0].path), Path(noises[1].path)
    gone.unlink()
    before = kept.stat().st_mtime_ns
    make_noises(tmp_path, plan, nj=2)
    assert kept.stat().st_mtime_ns == before
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == made
