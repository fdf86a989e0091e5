"""Training with room responses: the target stays the dry speech."""

import shutil

import numpy as np
import pytest
import yaml

from kdse.cli import main
from kdse.data.pack import Pack
from kdse.plugin.preprocess import MixOptions, MixPreprocessor


@pytest.fixture(scope="module")
def rooms(packs, tmp_path_factory):
    """The dump folder of the other tests with packs of room responses."""
    dump = tmp_path_factory.mktemp("rooms") / "dump"
    shutil.copytree(packs / "pack", dump / "pack")
    decay = np.exp(-np.arange(800) / 150)
    for part, seed in (("train", 0), ("dev", 1)):
        late = np.random.default_rng(seed).standard_normal((3, 800)) * decay * 6000
        Pack.write(dump / "pack" / f"rir_{part}", [(f"r{i}", np.r_[20000, x].astype("<i2")) for i, x in enumerate(late)])
    return dump


def options(dump, rir_prob, **more):
    noise = {f"noise_{mode}": str(dump / "pack" / f"noise_{name}") for mode, name in (("train", "train"), ("valid", "dev"))}
    return MixOptions(
        "tiny", mix={"rir_prob": rir_prob, "gain_low_db": 0.0, "gain_high_db": 0.0, "clean_prob": 0.0}, **noise, **more
    )


@pytest.mark.parametrize("train", [True, False])
def test_the_target_is_dry(rooms, train):
    rirs = {f"rir_{mode}": str(rooms / "pack" / f"rir_{name}") for mode, name in (("train", "train"), ("valid", "dev"))}
    dry, wet = (MixPreprocessor(train, options(rooms, share, **rirs)) for share in (0.0, 1.0))
    speech = Pack(rooms / "pack" / "speech_train")
    assert set(wet.rirs) == {"r0", "r1", "r2"} and wet.rirs.folder.name == ("rir_train" if train else "rir_dev")
    for utt in speech:
        plain, room = (each(utt, {"speech_ref1": speech[utt]}) for each in (dry, wet))
        scale = np.dot(room["speech_ref1"], speech[utt]) / np.dot(speech[utt].astype(float), speech[utt])
        assert np.abs(room["speech_ref1"] - scale * speech[utt]).max() < 1 / 32768
        assert not np.array_equal(plain["speech_mix"], room["speech_mix"])


def test_a_front_end_trains_in_rooms(rooms, packs, student_yaml, tmp_path, capsys):
    conf = tmp_path / "mix.yaml"
    conf.write_text("train: {rir_prob: 0.5}\n")
    words = ["train", "se", "--approach", "standalone_se", "--config", student_yaml, "--corpus", "tiny", "--mix", conf]

    def trained(name, dump):
        return main([*map(str, words), "--dump", str(dump), "--out", str(tmp_path / name)])

    assert trained("none", packs) == 2
    assert "rir_train is missing; run stages 1 and 2 with RIRS= first" in capsys.readouterr().err
    assert trained("in_rooms", rooms) == 0
    mixing = yaml.safe_load((tmp_path / "in_rooms" / "train.yaml").read_text())["mix_conf"]
    assert mixing["rir_train"].endswith("rir_train") and mixing["rir_valid"].endswith("rir_dev")
