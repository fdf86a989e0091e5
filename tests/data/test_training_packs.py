"""Packs of stage 2: the signals as they are, and noises long enough for the speech they are mixed with."""

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.audio import read_audio
from kdse.data.datadir import read_table
from kdse.data.pack import Pack
from kdse.data.training_packs import check_lengths


def test_packs(staged):
    for split in ("train", "dev"):
        pack, scp = Pack(f"dump/pack/speech_{split}"), read_table(f"data/{split}/wav.scp")
        assert list(pack) == sorted(scp) and all(np.array_equal(pack[utt], read_audio(scp[utt])) for utt in scp)
    assert list(Pack("dump/pack/noise_train")) == ["n_fan", "n_rain"] and list(Pack("dump/pack/noise_dev")) == ["n_owl"]


def test_noise_shorter_than_speech(kdse, make_an4, noise_tsv, write_audio, noiselike, tmp_path):
    """Found before training, for each split; and `short_noise: repeat` is the way out."""
    for split, name in (("train", "rain"), ("dev", "owl"), ("test", "road")):
        write_audio(noise_tsv.parent / split / f"{name}.wav", noiselike(0.4, 0))
        kdse("data", "an4", "--an4", make_an4(), "--noise", noise_tsv)
        code, _, err = kdse("mix")
        assert code == 2 and f"noise n_{name} (0.40 s) is shorter than utterance" in err and "short_noise: repeat" in err
        write_audio(noise_tsv.parent / split / f"{name}.wav", noiselike(2, 0))
    write_audio(noise_tsv.parent / "test" / "road.wav", noiselike(0.4, 0))
    conf = tmp_path / "mix.yaml"
    conf.write_text("train: {short_noise: repeat}\n")
    kdse("data", "an4", "--an4", make_an4(), "--noise", noise_tsv)
    assert kdse("mix", "--sets", conf)[0] == 0 and kdse("mix", "--rebuild", "dump/test_noisy")[0] == 0


def test_slower_speech_needs_longer_noise(tmp_path, speechlike, noiselike):
    Pack.write(tmp_path / "speech", [("u1", speechlike(1.9, 1)), ("u2", speechlike(3.0, 2))], recordings=["u2"])
    Pack.write(tmp_path / "noise", [("n1", noiselike(2.0, 1)), ("n2", noiselike(3.0, 2))])
    speech, noise = Pack(tmp_path / "speech"), Pack(tmp_path / "noise")
    check_lengths(speech, noise)
    with pytest.raises(UserError, match=r"noise n1 \(2\.00 s\) is shorter than utterance u1 at speed 0\.9 \(2\.11 s\)"):
        check_lengths(speech, noise, 0.9)
