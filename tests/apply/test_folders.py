"""Two folders: the tree is kept, everything is named, and the number of processes changes nothing."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.apply.files import Student
from kdse.apply.folders import enhance_folder, sound_files
from kdse.core.errors import UserError


@pytest.fixture
def student(half_file) -> Student:
    return Student(str(half_file))


@pytest.fixture
def tree(tmp_path, noise) -> Path:
    """Sound files two levels deep, of three kinds, beside what is none."""
    folder = tmp_path / "in"
    for number, name in enumerate(("b.wav", "a.flac", "x/c.WAV", "x/y/ä d.ogg", "x/.hidden/e.wav", ".f.wav")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        x = noise(5000 + 1000 * number, 1 + number % 2, seed=number)
        soundfile.write(folder / name, x, (16000, 44100)[number % 2])
    for name in ("notes.txt", "x/song.m4a", "x/README"):
        (folder / name).write_text("text")
    return folder


NAMES = ["a.flac", "b.wav", "x/c.WAV", "x/y/ä d.ogg"]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_one_file_is_one_file(tmp_path, noise, student, capfd):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in/a.wav", noise(), 16000)
    (tmp_path / "in/b.txt").write_text("no sound")
    enhance_folder(str(tmp_path / "in"), str(tmp_path / "out"), student)
    ignored, last = capfd.readouterr().err.splitlines()
    assert ignored == f"{tmp_path / 'in'}: 1 file ignored: no sound that can be written (1 .txt)"
    assert last.startswith(f"{tmp_path / 'out'}: 1 file: ")


def test_the_tree_is_kept(tree, tmp_path, student, capfd):
    enhance_folder(str(tree), str(tmp_path / "out"), student)
    assert files(tmp_path / "out") == NAMES
    for name in NAMES:
        before, after = soundfile.info(tree / name), soundfile.info(tmp_path / "out" / name)
        facts = ("format", "subtype", "samplerate", "channels", "frames")
        assert [getattr(before, fact) for fact in facts] == [getattr(after, fact) for fact in facts]
    out, err = capfd.readouterr()
    ignored, last = err.splitlines()
    assert ignored.endswith("3 files ignored: no sound that can be written (1 without a suffix, 1 .m4a, 1 .txt)")
    assert last.startswith(f"{tmp_path / 'out'}: 4 files: 1.1 s of audio") and out == ""


def test_processes_change_nothing(tree, tmp_path, student):
    for nj in (1, 2, 3):
        enhance_folder(str(tree), str(tmp_path / f"out{nj}"), student, nj=nj)
    for name in files(tmp_path / "out1"):
        if not name.endswith(".ogg"):  # its serial number is drawn
            first = (tmp_path / "out1" / name).read_bytes()
            assert (tmp_path / "out2" / name).read_bytes() == (tmp_path / "out3" / name).read_bytes() == first
        x, y, z = (soundfile.read(tmp_path / f"out{nj}" / name)[0] for nj in (1, 2, 3))
        assert np.array_equal(x, y) and np.array_equal(x, z)


@pytest.mark.parametrize("nj", [1, 2])
def test_a_file_that_fails_is_named_and_the_others_go_on(tree, tmp_path, student, capfd, nj):
    (tree / "bad.wav").write_text("text")
    (tree / "gone.wav").symlink_to("nowhere")
    with pytest.raises(UserError, match=f"^2 of 6 files below {tree} could not be enhanced; each is named above$"):
        enhance_folder(str(tree), str(tmp_path / "out"), student, nj=nj)
    assert files(tmp_path / "out") == NAMES
    named = [line for line in capfd.readouterr().err.splitlines() if line.startswith("kdse enhance: ")]
    assert (
        len(named) == 2
        and any("bad.wav is damaged" in line for line in named)
        and any("gone.wav leads nowhere" in line for line in named)
    )


def test_outputs_that_exist_are_named_before_anything_is_made(tree, tmp_path, student):
    for name, text in (("x/c.WAV", "old"), ("b.wav", "older")):
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text(text)
    with pytest.raises(UserError, match=r"^2 outputs exist already, .*b\.wav the first of them; --force replaces them$"):
        enhance_folder(str(tree), str(tmp_path / "out"), student)
    assert files(tmp_path / "out") == ["b.wav", "x/c.WAV"] and (tmp_path / "out" / "b.wav").read_text() == "older"
    enhance_folder(str(tree), str(tmp_path / "out"), student, force=True)
    assert files(tmp_path / "out") == NAMES and soundfile.info(tmp_path / "out" / "b.wav").frames == 5000


def test_links_are_followed_and_loops_are_not(tree, tmp_path):
    (tree / "x" / "up").symlink_to(tree)
    (tree / "x" / "itself").symlink_to(".")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    soundfile.write(elsewhere / "g.wav", np.zeros(9), 16000)
    for name in ("one", "two"):
        (tree / name).symlink_to(elsewhere)
    (tree / "h.wav").symlink_to(elsewhere / "g.wav")
    names, _ = sound_files(str(tree), str(tmp_path / "out"))
    assert sorted(names) == sorted([*NAMES, "one/g.wav", "two/g.wav", "h.wav"])


def test_an_output_folder_inside_the_input_is_not_read(tree, student):
    enhance_folder(str(tree), str(tree / "clean"), student)
    enhance_folder(str(tree), str(tree / "clean"), student, force=True)
    assert files(tree / "clean") == NAMES


@pytest.mark.parametrize("force", [False, True])
def test_inputs_are_never_outputs(tree, tmp_path, student, force):
    (tmp_path / "link").symlink_to(tree)
    before = {name: (tree / name).read_bytes() for name in files(tree)}
    for target in (tree, tmp_path / "link", tree / "x" / ".."):
        with pytest.raises(UserError, match="is the input, too"):
            enhance_folder(str(tree), str(target), student, force=force)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.wav").hardlink_to(tree / "x" / "c.WAV")
    with pytest.raises(UserError, match=r"out/b\.wav is a file below .*, too"):
        enhance_folder(str(tree), str(tmp_path / "out"), student, force=force)
    assert {name: (tree / name).read_bytes() for name in files(tree)} == before


def test_what_cannot_be_done_is_said_first(tree, tmp_path, student, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there are no sound files below"):
        enhance_folder(str(tmp_path / "empty"), str(tmp_path / "out"), student)
    (tmp_path / "out" / "b.wav").mkdir(parents=True)
    with pytest.raises(UserError, match=r"b\.wav is a folder where a sound file is to be written"):
        enhance_folder(str(tree), str(tmp_path / "out"), student)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot make the folder"):
        enhance_folder(str(tree), str(tmp_path / "file" / "deeper"), student)
    with pytest.raises(UserError, match="there is no model 'none'"):
        enhance_folder(str(tree), str(tmp_path / "out2"), Student("none"), nj=2)
    assert files(tmp_path / "out") == [] and not files(tmp_path / "out2")

    def refuse(_):
        raise PermissionError(13, "Permission denied", str(tree / "x"))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UserError, match=f"cannot read the folder {tree / 'x'}: Permission denied"):
        sound_files(str(tree), str(tmp_path / "out"))


@pytest.mark.parametrize("nj", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_only_whole_files(tmp_path, noise, half_file, number, nj):
    """Ctrl-C reaches every process of the terminal's group, the others only the first one."""
    (tmp_path / "in").mkdir()
    for name in "abcd":
        soundfile.write(tmp_path / "in" / f"{name}.wav", np.zeros((16000 * 3600, 1), np.int16), 16000)
    words = ["enhance", tmp_path / "in", tmp_path / "out", "--model", half_file, "--nj", nj]
    command = [sys.executable, "-m", "kdse.cli", *map(str, words)]
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # who runs the tests in the background ignores it
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, start_new_session=True, preexec_fn=heard) as process:
        while len(list((tmp_path / "out").glob(".part-*/*.wav"))) < nj:
            assert process.poll() is None
            time.sleep(0.05)
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        assert process.communicate(timeout=20) == ("", "") and process.returncode == 130
    left = [path.name for path in (tmp_path / "out").iterdir()]
    assert all(soundfile.info(tmp_path / "out" / name).frames == 16000 * 3600 for name in left) and len(left) < 4
