"""`kdse doctor`: what is printed where, and the exit code."""

import json
import os

import numpy as np
import pytest
import soundfile

from kdse.cli import main


@pytest.fixture
def folder(tmp_path):
    """Two sound files and one that is none."""
    x = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(tmp_path / "a.wav", x, 16000)
    soundfile.write(tmp_path / "b.flac", x, 8000)
    (tmp_path / "text.wav").write_text("no sound")
    return tmp_path


def doctor(capsys, *words: object) -> tuple[int, str, str]:
    code = main(["doctor", *map(str, words)])
    return code, *capsys.readouterr()


def test_a_screen_for_each_file(folder, identity, capsys):
    code, out, err = doctor(capsys, folder / "a.wav", folder / "b.flac", "--model", identity)
    first, second = out.split("\n\n")
    assert (code, err) == (0, "")
    assert first.startswith(f"{folder}/a.wav\n  format     WAV") and second.startswith(f"{folder}/b.flac\n  format     FLAC")
    assert "advice     leave alone" in first and "\x1b" not in out


def test_json_is_a_line_for_each_file(folder, identity, capsys):
    code, out, _ = doctor(capsys, folder / "a.wav", folder / "b.flac", "--json", "--model", identity)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [one["format"]["rate"] for one in found] == [16000, 8000]
    assert found[0]["advice"]["enhance"] is False


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.wav", "there is no file"), ("text.wav", "no sound file"), ("", "is a folder; name the sound files in it")],
)
def test_a_bad_file_is_one_sentence_and_the_others_are_examined(folder, identity, capsys, name, said):
    code, out, err = doctor(capsys, folder / name, folder / "a.wav", "--model", identity)
    assert code == 2 and out.startswith(f"{folder}/a.wav\n")
    assert err.startswith("kdse doctor: ") and said in err and err.count("\n") == 1


def test_a_model_that_is_none_is_one_sentence(folder, capsys):
    code, out, err = doctor(capsys, folder / "a.wav", "--model", folder / "a.wav")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_standard_input(folder, identity, capsys):
    with open(folder / "a.wav", "rb") as file:
        kept = os.dup(0)
        try:
            os.dup2(file.fileno(), 0)
            code, out, _ = doctor(capsys, "-", "--model", identity)
        finally:
            os.dup2(kept, 0)
            os.close(kept)
    assert code == 0 and out.startswith("standard input\n")
