"""Rooms: what one adds to speech is exact, is part of the noise, and leaves everything else as it was."""

import json
from pathlib import Path

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.audio import read_audio
from kdse.data.datadir import DataDir, read_table
from kdse.data.mix import MixConfig, active_power, draw, mix
from kdse.data.noise import split_by_hash
from kdse.data.pack import Pack
from kdse.data.reverb import tail
from kdse.data.rirs import find_rirs, read_rir


def room(seed: int, seconds: float = 0.3) -> np.ndarray:
    """int16 (K,): 40 samples of travel, the direct sound, and a tail that falls by 60 dB in `seconds`."""
    k = np.arange(int(seconds * 16000))
    late = 0.3 * np.random.default_rng(seed).standard_normal(len(k)) * 10 ** (-3 * k / len(k))
    return np.rint(20000 * np.concatenate([np.zeros(40), [1.0], late])).astype(np.int16)


def reverberant(speech: np.ndarray, rir: np.ndarray) -> np.ndarray:
    """float (N,): the sum written out, aligned to the direct sound and scaled by it."""
    h = rir[40:].astype(np.int64)
    full = np.convolve(speech.astype(np.int64), h)[: len(speech)]
    return full / h[0]


def test_the_tail_is_the_exact_sum(speechlike):
    speech, rir = speechlike(1.5, 1), room(1)
    whole = np.convolve(speech.astype(np.int64), rir[41:].astype(np.int64))[: len(speech) - 1]
    assert np.array_equal(tail(speech, rir)[1:], (whole / 20000).astype(np.float32)) and tail(speech, rir)[0] == 0


@pytest.mark.parametrize("rir", [[0, 0, 7, 0, 0], [5], [0, -32768]])
def test_a_room_without_walls_adds_nothing(speechlike, rir):
    assert not tail(speechlike(0.5, 1), np.array(rir, np.int16)).any()


def test_a_response_of_the_other_sign_is_turned_round(speechlike):
    speech, rir = speechlike(0.5, 1), room(2)
    assert np.array_equal(tail(speech, rir), tail(speech, -rir))


@pytest.mark.parametrize("snr, gain_db", [(0.0, 0.0), (-5.0, 6.0), (10.0, -3.0), (np.inf, 0.0)])
def test_a_mixture_in_a_room(speechlike, noiselike, snr, gain_db):
    """y = s + n to the last bit; s is the dry speech; y is the reverberant speech with noise at the SNR asked for."""
    speech, noise, rir = speechlike(1, 1), noiselike(2, 2), room(3)
    m = mix(speech, noise, snr, 100, gain_db, late=tail(speech, rir))
    assert np.array_equal(m.noisy.astype(int), m.speech.astype(int) + m.noise)
    assert np.array_equal(m.speech, np.rint(speech * np.float32(m.gain)))
    added = m.noise_gain * noise[100 : 100 + len(speech)] if snr < np.inf else np.zeros(len(speech))
    assert np.abs(m.noisy - (m.gain * reverberant(speech, rir) + added)).max() < 1.1
    if snr < np.inf:
        assert 10 * np.log10(active_power(m.speech) / np.mean(added**2)) == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize("snr", [0.0, np.inf])
def test_a_loud_mixture_does_not_clip(speechlike, noiselike, snr):
    speech = np.clip(speechlike(1, 1).astype(int) * 8, -32768, 32767).astype(np.int16)
    m = mix(speech, noiselike(2, 2), snr, gain_db=6, late=tail(speech, room(4)))
    assert np.array_equal(m.noisy.astype(int), m.speech.astype(int) + m.noise) and np.abs(m.noisy.astype(int)).max() < 32768
    assert m.gain < 2


def test_a_drawn_item_keeps_its_noise(speechlike, noiselike):
    """With rooms or without, noise, offset, SNR and gain of an item are the same, and the same key gives the same item."""
    speech, noise, rirs = speechlike(1, 1), {"a": noiselike(3, 1), "b": noiselike(3, 2)}, {f"r{i}": room(i, 0.1) for i in range(3)}

    def items(share, rirs):
        config = MixConfig(rir_prob=share, gain_low_db=-12, gain_high_db=-12)
        return [draw(speech, "u", epoch, 0, noise, config, rirs=rirs) for epoch in range(60)]

    dry, none, some, again, all_of = items(0.0, None), items(0.0, rirs), items(0.5, rirs), items(0.5, rirs), items(1.0, rirs)
    assert all(np.array_equal(a.noisy, b.noisy) for pair in ((dry, none), (some, again)) for a, b in zip(*pair, strict=True))
    assert 15 < sum(bool(m.rir_id) for m in some) < 45 and {m.rir_id for m in all_of} == set(rirs)
    for a, b in zip(dry, all_of, strict=True):
        assert (a.noise_id, a.offset, a.snr_db, a.gain) == (b.noise_id, b.offset, b.snr_db, b.gain)
        assert np.array_equal(a.speech, b.speech) and not np.array_equal(a.noisy, b.noisy)


@pytest.fixture
def rirs(tmp_path, write_audio) -> Path:
    """RIRS_NOISES of OpenSLR 28 with 60 simulated rooms, two measured ones of several microphones, and noises that are none."""
    import soundfile

    root = tmp_path / "RIRS_NOISES"
    for i in range(60):
        write_audio(root / f"simulated_rirs/smallroom/Room{i:03d}/Room{i:03d}-00001.wav", room(i, 0.05))
    real = root / "real_rirs_isotropic_noises"
    for name in (
        "RVB2014_type1_rir_largeroom1_far_angla",
        "air_type1_air_binaural_meeting_0_1",
        "RVB2014_type1_noise_largeroom1_1",
    ):
        write_audio(real / f"{name}.wav", room(99))
        soundfile.write(real / f"{name}.wav", np.stack([room(98), room(99)], 1), 16000)
    write_audio(root / "pointsource_noises/noise-free-sound-0000.wav", room(97))
    return root


def test_rooms_of_a_split_are_its_own(rirs):
    found = find_rirs(rirs)
    assert len(found) == 62 and sum(r.split == "train" for r in found) > 35
    real = [r for r in found if r.rir_id.startswith("real-")]
    assert [r.split for r in real] == ["test", "test"] and not any("noise" in r.rir_id for r in found)
    assert np.array_equal(read_rir(real[0]), room(98))
    assert all(r.split == split_by_hash(f"smallroom-{r.rir_id[10:17]}") for r in found if r not in real)


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


def test_bad_responses(rirs, kdse, librispeech_tree, noise_tsv, tmp_path, write_audio):
    import soundfile

    with pytest.raises(UserError, match=r"holds no room responses for .train.; set RIRS in db\.sh"):
        find_rirs(tmp_path / "none")
    one = next(r for r in find_rirs(rirs) if r.split == "train")
    for samples, rate, words in ((np.zeros(99, np.int16), 16000, "is silent"), (room(1), 8000, "8000 Hz")):
        soundfile.write(one.path, samples, rate)
        with pytest.raises(UserError, match=words):
            read_rir(one)
    Path(one.path).write_bytes(b"no audio")
    with pytest.raises(UserError, match="cannot read"):
        read_rir(one)
    command = ("data", "librispeech", "--librispeech", librispeech_tree, "--noise", noise_tsv, "--allow_partial", "--rirs", rirs)
    kdse(*command)
    code, _, err = kdse("mix")
    assert code == 2 and one.path in err and err.count("\n") == 1
    assert read_table("data/test/utt2subset")
