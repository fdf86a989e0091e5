"""Which recogniser transcribes, and what is refused."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.apply import listen
from kdse.apply.listen import load_recogniser, search_for, words_of
from kdse.core.errors import UserError
from kdse.recognisers import whisper
from kdse.recognisers.espnet import Espnet, EspnetOptions

CONF = Path(__file__).parents[2] / "conf/decode"


@pytest.fixture
def loaded(monkeypatch) -> list:
    """Options that Whisper was loaded with, without weights."""
    seen = []
    monkeypatch.setattr(whisper.Whisper, "__init__", lambda self, options: seen.append(options))
    return seen


def test_whisper_is_loaded_as_its_yaml_says(loaded):
    """An installed kdse does not have conf/decode."""
    load_recogniser()
    values = yaml.safe_load((CONF / "whisper.yaml").read_text())
    assert values.pop("recogniser") == "whisper"
    assert loaded == [whisper.WhisperOptions(**values)]
    assert yaml.safe_load((CONF / "transducer.yaml").read_text())["beam_size"] == listen.BEAM


def test_another_whisper_and_another_language(loaded, tmp_path):
    (tmp_path / "model.bin").touch()
    load_recogniser(str(tmp_path), language="de")
    assert (loaded[0].model, loaded[0].language) == (str(tmp_path), "de")


def test_a_language_that_whisper_does_not_know():
    pytest.importorskip("faster_whisper")
    with pytest.raises(UserError, match=r"^--language: .* not 'klingon'"):
        load_recogniser(language="klingon")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(UserError, match=r"needs the package faster-whisper .* pip install 'kdse\[recognisers\]'"):
        load_recogniser()


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({"decoder": None, "model_conf": {"ctc_weight": 1.0}}, {"decode": "ctc_greedy"}),
        ({"decoder": "transformer", "model_conf": {"ctc_weight": 1.0}}, {"decode": "ctc_greedy"}),
        ({"decoder": "transformer", "model_conf": {}}, {"decode": "attention"}),
        ({"decoder": "rnn", "model_conf": {"ctc_weight": 0.0}}, {"decode": "attention", "ctc_weight": 0.0}),
        ({"decoder": "transducer", "model_conf": {"ctc_weight": 0.3}}, {"decode": "transducer", "beam_size": 5}),
    ],
)
def test_the_search_fits_the_model(config, options):
    assert search_for(config) == options
    EspnetOptions(**options).check("here")


def test_an_espnet_model_in_each_form_is_that_of_stage_8(backend, tmp_path):
    """Its folder, its .pth file, and a packed archive."""
    expected = Espnet(EspnetOptions(), backend)
    packed = tmp_path / "packed"
    shutil.copytree(backend, packed / "exp")
    config = yaml.safe_load((packed / "exp/config.yaml").read_text()) | {"bpemodel": "exp/bpe.model"}
    (packed / "exp/config.yaml").write_text(yaml.safe_dump(config))
    files = {"files": {"asr_model_file": "exp/model.pth"}, "yaml_files": {"asr_train_config": "exp/config.yaml"}}
    (packed / "meta.yaml").write_text(yaml.safe_dump(files))
    archive = shutil.make_archive(str(tmp_path / "model"), "zip", packed)
    for model in (backend, backend / "model.pth", archive):
        recogniser = load_recogniser(str(model))
        assert recogniser.options == expected.options and recogniser.pieces == expected.pieces
        ours, theirs = recogniser.model.state_dict(), expected.model.state_dict()
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_yaml_chooses_the_search(backend, tmp_path):
    config = tmp_path / "beam.yaml"
    config.write_text("decode: ctc_beam\nbeam_size: 3\n")
    recogniser = load_recogniser(str(backend), config=config)
    assert (recogniser.options.decode, recogniser.options.beam_size) == ("ctc_beam", 3)
    config.write_text("decode: attention\n")
    with pytest.raises(UserError, match=f"^{backend} has no attention decoder"):
        load_recogniser(str(backend), config=config)


def test_a_yaml_chooses_the_recogniser(tmp_path):
    config = tmp_path / "own.yaml"
    config.write_text("recogniser: command\ncommand: ['true']\n")
    assert load_recogniser(config=config).options.command == ["true"]
    with pytest.raises(UserError, match="give --asr_model, too"):
        config.write_text("decode: ctc_greedy\n")
        load_recogniser(config=config)


def test_what_does_not_go_together_is_refused(backend, tmp_path):
    config = tmp_path / "own.yaml"
    config.write_text("recogniser: command\ncommand: ['true']\n")
    with pytest.raises(UserError, match="leave --asr_model out"):
        load_recogniser(str(backend), config=config)
    with pytest.raises(UserError, match="--language goes with Whisper"):
        load_recogniser(str(backend), language="en")
    with pytest.raises(UserError, match=r"--asr_model .*none does not exist"):
        load_recogniser(str(tmp_path / "none"))


def test_nothing_is_left_in_the_temporary_folder(backend, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    load_recogniser(str(backend))
    assert not list(tmp_path.iterdir())


def test_silence_has_no_words_and_samples_beyond_full_scale_are_cut():
    class Loudest:
        def transcribe(self, waves):
            return [type("H", (), {"words": f" {np.abs(wave).max():g}"}) for wave in waves]

    waves = [np.zeros(100, np.float32), np.full(100, 3, np.float32), np.full(100, 0.5, np.float32)]
    assert words_of(Loudest(), waves) == ["", "1", "0.5"]
