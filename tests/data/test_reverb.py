"""Rooms: what one adds to speech is exact, is part of the noise, and leaves everything else as it was."""

import json
from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import read_audio
from kdse.data.datadir import DataDir
from kdse.data.level import active_power
from kdse.data.mix import MixConfig, draw, mix
from kdse.data.pack import Pack
from kdse.data.reverb import tail


def reverberant(speech: np.ndarray, rir: np.ndarray) -> np.ndarray:
    """float (N,): the sum written out, aligned to the direct sound and scaled by it."""
    h = rir[40:].astype(np.int64)
    full = np.convolve(speech.astype(np.int64), h)[: len(speech)]
    return full / h[0]


def test_the_tail_is_the_exact_sum(speechlike, room):
    speech, rir = speechlike(1.5, 1), room(1)
    whole = np.convolve(speech.astype(np.int64), rir[41:].astype(np.int64))[: len(speech) - 1]
    assert np.array_equal(tail(speech, rir)[1:], (whole / 20000).astype(np.float32)) and tail(speech, rir)[0] == 0


@pytest.mark.parametrize("rir", [[0, 0, 7, 0, 0], [5], [0, -32768]])
def test_a_room_without_walls_adds_nothing(speechlike, rir):
    assert not tail(speechlike(0.5, 1), np.array(rir, np.int16)).any()


def test_a_response_of_the_other_sign_is_turned_round(speechlike, room):
    speech, rir = speechlike(0.5, 1), room(2)
    assert np.array_equal(tail(speech, rir), tail(speech, -rir))


@pytest.mark.parametrize("snr, gain_db", [(0.0, 0.0), (-5.0, 6.0), (10.0, -3.0), (np.inf, 0.0)])
def test_a_mixture_in_a_room(speechlike, noiselike, snr, gain_db, room):
    """y = s + n to the last bit; s is the dry speech; y is the reverberant speech with noise at the SNR asked for."""
    speech, noise, rir = speechlike(1, 1), noiselike(2, 2), room(3)
    m = mix(speech, noise, snr, offset=100, gain_db=gain_db, late=tail(speech, rir))
    assert np.array_equal(m.noisy.astype(int), m.speech.astype(int) + m.noise)
    assert np.array_equal(m.speech, np.rint(speech * np.float32(m.gain)))
    added = m.noise_gain * noise[100 : 100 + len(speech)] if snr < np.inf else np.zeros(len(speech))
    assert np.abs(m.noisy - (m.gain * reverberant(speech, rir) + added)).max() < 1.1
    if snr < np.inf:
        assert 10 * np.log10(active_power(m.speech) / np.mean(added**2)) == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize("snr", [0.0, np.inf])
def test_a_loud_mixture_does_not_clip(speechlike, noiselike, snr, room):
    speech = np.clip(speechlike(1, 1).astype(int) * 8, -32768, 32767).astype(np.int16)
    m = mix(speech, noiselike(2, 2), snr, gain_db=6, late=tail(speech, room(4)))
    assert np.array_equal(m.noisy.astype(int), m.speech.astype(int) + m.noise) and np.abs(m.noisy.astype(int)).max() < 32768
    assert m.gain < 2


def test_a_drawn_item_keeps_its_noise(speechlike, noiselike, room):
    """With rooms or without, noise, offset, SNR and gain of an item are the same, and the same key gives the same item."""
    speech, noise, rirs = speechlike(1, 1), {"a": noiselike(3, 1), "b": noiselike(3, 2)}, {f"r{i}": room(i, 0.1) for i in range(3)}

    def items(share, rirs):
        config = MixConfig(rir_prob=share, gain_low_db=-12, gain_high_db=-12)
        return [draw(speech, noise, config, utt="u", epoch=epoch, seed=0, rirs=rirs) for epoch in range(60)]

    dry, none, some, again, all_of = items(0.0, None), items(0.0, rirs), items(0.5, rirs), items(0.5, rirs), items(1.0, rirs)
    assert all(np.array_equal(a.noisy, b.noisy) for pair in ((dry, none), (some, again)) for a, b in zip(*pair, strict=True))
    assert 15 < sum(bool(m.rir_id) for m in some) < 45 and {m.rir_id for m in all_of} == set(rirs)
    for a, b in zip(dry, all_of, strict=True):
        assert (a.noise_id, a.offset, a.snr_db, a.gain) == (b.noise_id, b.offset, b.snr_db, b.gain)
        assert np.array_equal(a.speech, b.speech) and not np.array_equal(a.noisy, b.noisy)


def test_stages_1_and_2(kdse, librispeech_tree, noise_tsv, rirs, tmp_path):
    """About half of the items are in a room of their split; the manifest rebuilds them; noises are those of a set without rooms."""
    command = ("data", "librispeech", "--librispeech", librispeech_tree, "--noise", noise_tsv, "--allow_partial")
    assert kdse(*command, "--rirs", rirs)[0] == 0 and "skipped" in kdse(*command, "--rirs", rirs)[1]
    conf = tmp_path / "mix.yaml"
    conf.write_text("sets: {test_snrs: [0, 5]}\n")
    assert kdse("mix", "--sets", conf, "--dump", "dry")[0] == 0
    conf.write_text("sets: {test_snrs: [0, 5], rir_share: 0.5}\n")
    assert kdse("mix", "--sets", conf)[0] == 0
    splits = {line.split("\t")[0]: line.split("\t")[1] for line in Path("data/rirs.tsv").read_text().splitlines()}
    in_rooms = []
    for name in ("dev-clean_noisy", "test-clean_noisy", "test-other_noisy"):
        assert kdse("mix", "--rebuild", f"dump/{name}")[0] == 0
        lines, before = (
            [json.loads(line) for line in Path(folder, name, "manifest.jsonl").read_text().splitlines()]
            for folder in ("dump", "dry")
        )
        data = DataDir(f"dump/{name}")
        for line, dry in zip(lines, before, strict=True):
            assert [line[key] for key in ("id", "noise", "offset", "snr")] == [dry[key] for key in ("id", "noise", "offset", "snr")]
            assert ("rir" in line) == (line["sha256"] != dry["sha256"]) and "rir" not in dry
            assert "rir" not in line or splits[line["rir"]] == name[: name.index("-")]
            noisy, speech, noise = (read_audio(data[f"{kind}.scp"][line["id"]]).astype(int) for kind in ("wav", "spk1", "noise1"))
            assert np.array_equal(noisy, speech + noise)
        in_rooms += ["rir" in line for line in lines]
    assert 0.25 < np.mean(in_rooms) < 0.75
    assert set(Pack("dump/pack/rir_train")) == {rir for rir, split in splits.items() if split == "train"}
    code, out, _ = kdse(*command)
    assert code == 0 and "rirs changed from" in out and not Path("data/rirs.tsv").exists()
    code, _, err = kdse("mix", "--sets", conf)
    assert code == 2 and f"{conf}, sets: rir_share needs room responses; set RIRS in db.sh and run stage 1 again" in err
