"""`kdse transcribe`: what is printed where, and the exit code. The recogniser is a program that tells how loud a file is."""

import json
import sys

import numpy as np
import pytest
import soundfile
import yaml

from kdse.cli import main

LISTEN = """
import sys, soundfile
for path in open(sys.argv[1]).read().split():
    print("very" if abs(soundfile.read(path)[0]).max() > 0.3 else "hardly", "loud")
"""


@pytest.fixture
def transcribe(tmp_path, identity, capsys):
    """transcribe(*words) -> (exit code, output, errors), with a recogniser that needs no package, and two files."""
    (tmp_path / "listen.py").write_text(LISTEN)
    config = {"recogniser": "command", "command": [sys.executable, str(tmp_path / "listen.py")]}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    x = 0.4 * np.sin(np.arange(16000) / 5)
    soundfile.write(tmp_path / "mono.wav", x, 16000)
    soundfile.write(tmp_path / "stereo.flac", np.stack([x, x], axis=1), 16000)

    def run(*words: object, own: bool = True) -> tuple[int, str, str]:
        chosen = ["--config", str(tmp_path / "own.yaml")] if own else []
        return main(["transcribe", *map(str, words), "--model", str(identity), *chosen]), *capsys.readouterr()

    return run


def test_both_texts_side_by_side(transcribe, tmp_path):
    code, out, err = transcribe(tmp_path / "mono.wav", tmp_path / "stereo.flac")
    assert code == 0 and "\x1b" not in out
    rows = ["  without  very loud", "  with     very loud", "  changed  no word"]
    assert out.splitlines() == [f"{tmp_path}/mono.wav", *rows, "", f"{tmp_path}/stereo.flac", *rows]
    assert err == f"{tmp_path}/stereo.flac has 2 channels: each is enhanced by itself, then all are mixed to mono\n"


def test_mixing_is_said_once(transcribe, tmp_path):
    assert transcribe(tmp_path / "stereo.flac", tmp_path / "stereo.flac")[2].count("mixed to mono") == 1


def test_a_floor_above_0_db_is_refused(transcribe, tmp_path):
    """So the options of the output stage arrive; tests/apply hears what they do."""
    code, _, err = transcribe(tmp_path / "mono.wav", "--floor", 3)
    assert code == 2 and "the floor is a gain in dB, 0 or less" in err


def test_json_is_a_line_for_each_file(transcribe, tmp_path):
    code, out, _ = transcribe(tmp_path / "mono.wav", tmp_path / "stereo.flac", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [one["channels"] for one in found] == [1, 2]
    assert {(one["without"], one["with"], one["same_words"]) for one in found} == {("very loud", "very loud", True)}


@pytest.mark.parametrize(("name", "said"), [("none.wav", "there is no file"), ("own.yaml", "no sound file"), ("", "is a folder")])
def test_a_bad_file_is_one_sentence_and_the_others_are_transcribed(transcribe, tmp_path, name, said):
    code, out, err = transcribe(tmp_path / name, tmp_path / "mono.wav")
    assert code == 2 and out.startswith(f"{tmp_path}/mono.wav\n")
    assert err.startswith("kdse transcribe: ") and said in err and err.count("\n") == 1


def test_a_light_install_is_told_the_extra(transcribe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    code, out, err = transcribe(tmp_path / "mono.wav", own=False)
    assert (code, out, err.count("\n")) == (2, "", 1) and "pip install 'kdse[recognisers]'" in err


def test_a_model_that_is_not_there_is_one_sentence(transcribe, tmp_path):
    code, out, err = transcribe(tmp_path / "mono.wav", "--asr_model", tmp_path / "none", own=False)
    assert (code, out, err.count("\n")) == (2, "", 1) and "none does not exist" in err
