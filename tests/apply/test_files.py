"""What `kdse enhance` promises of a file: length, alignment, level, silence, channels; and one sentence for what it cannot do."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.apply.files import enhance_file, enhance_sound
from kdse.core.errors import UserError

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000]


def sound(path: Path, x: np.ndarray, rate: int = 16000, kind: str = "FLOAT") -> str:
    soundfile.write(path, x, rate, subtype=kind)
    return str(path)


def enhanced(source: str, enhancer, suffix: str = ".wav") -> np.ndarray:
    target = f"{source}.out{suffix}"
    enhance_sound(source, target, enhancer)
    y, rate = soundfile.read(target, dtype="float32", always_2d=True)
    assert rate == soundfile.info(source).samplerate
    return y


def pulses(frames: int, rate: int) -> np.ndarray:
    """Band-limited clicks at places known to the sample."""
    x = np.zeros(frames)
    width = max(8, rate // 500)
    for place in range(rate // 10, frames - width, rate // 5):
        x[place - width : place + width + 1] += 0.5 * np.hanning(2 * width + 1)
    return x


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frames", [1, 255, 4097, 30001])
def test_length_is_kept_to_the_sample(tmp_path, noise, half, rate, frames):
    assert len(enhanced(sound(tmp_path / "a.wav", noise(frames), rate), half)) == frames


@pytest.mark.parametrize("rate", RATES)
def test_alignment_and_level_are_kept(tmp_path, half, rate):
    """Half of the input, nowhere shifted: what deviates is smaller than a shift by a tenth of a sample would make it."""
    x = pulses(rate, rate)
    y = enhanced(sound(tmp_path / "a.wav", x, rate), half)[:, 0]
    error, shifted = np.abs(y - x / 2).max(), 0.1 * np.abs(np.diff(x / 2)).max()
    assert error < min(shifted, 2e-3)


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "FLOAT", "PCM_U8"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_silence_gives_silence(tmp_path, half, rate, kind):
    assert not enhanced(sound(tmp_path / "a.wav", np.zeros((20000, 2)), rate, kind), half).any()


def test_the_peak_is_not_normalised(tmp_path, noise, half):
    for level in (1e-4, 1.0):
        x = level * noise(20000)
        y = enhanced(sound(tmp_path / f"{level}.wav", x), half)
        assert np.allclose(y, x / 2, atol=1e-6 * level)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_each_channel_by_itself(tmp_path, noise, half, rate):
    x = noise(70001, 3) * np.array([1.0, 0.01, 0.0])
    whole = enhanced(sound(tmp_path / "abc.wav", x, rate), half)
    for c in range(3):
        assert np.allclose(whole[:, [c]], enhanced(sound(tmp_path / f"{c}.wav", x[:, c], rate), half), atol=1e-7)
    assert not whole[:, 2].any()


def test_the_last_line(tmp_path, noise, half, capfd):
    source = sound(tmp_path / "a.wav", 1.5 * noise(32000))
    enhance_file(source, str(tmp_path / "b.wav"), half)
    out, err = capfd.readouterr()
    assert out == "" and err.startswith(f"{tmp_path / 'b.wav'}: 2.0 s of audio enhanced in ") and err.count("\n") == 1


def refused(source, target, enhancer, **options) -> str:
    """The one sentence; nothing is written or left."""
    folder = Path(target).parent if Path(target).parent.is_dir() else Path("/")
    before = {path: path.lstat() for path in folder.iterdir()}
    with pytest.raises(UserError) as e:
        enhance_file(str(source), str(target), enhancer, **options)
    after = {path: path.lstat() for path in folder.iterdir()}
    assert before.keys() == after.keys() and all(os.path.samestat(before[path], after[path]) for path in before)
    assert "\n" not in str(e.value)
    return str(e.value)


def test_inputs_that_are_none(tmp_path, half):
    target, wav = tmp_path / "b.wav", tmp_path / "a.wav"
    assert refused(wav, target, half) == f"there is no file {wav}"
    (tmp_path / "link.wav").symlink_to("nowhere")
    assert refused(tmp_path / "link.wav", target, half) == f"the link {tmp_path / 'link.wav'} leads nowhere"
    assert refused(tmp_path / "a.wav\0", target, half).startswith("cannot read ")
    assert refused("/dev/zero", target, half) == "/dev/zero is no file"
    wav.write_bytes(b"")
    assert refused(wav, target, half) == f"{wav} is empty"
    for text in (b"no sound at all, but text\n" * 100, b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"\xff" * 5000):
        wav.write_bytes(text)
        assert refused(wav, target, half).startswith(f"{wav} is ")
    sound(wav, np.zeros(0))
    assert refused(wav, target, half) == f"{wav} holds no samples"
    assert refused(tmp_path, target, half) == f"{tmp_path} is a folder, not a sound file"


def test_an_input_without_the_right_to_read(tmp_path, half, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    sound(tmp_path / "a.wav", np.zeros(9))
    monkeypatch.setattr("kdse.apply.places._open", refuse)
    assert refused(tmp_path / "a.wav", tmp_path / "b.wav", half) == f"cannot read {tmp_path / 'a.wav'}: Permission denied"


@pytest.mark.parametrize(
    "value, what",
    [
        *((value, "NaN or infinite samples") for value in (np.nan, np.inf, -np.inf)),
        *((value, "samples beyond ±1e6 where full scale is ±1") for value in (1e300, -1e7)),  # float32 would be infinite
    ],
)
@pytest.mark.parametrize("place", [0, 70000])
def test_numbers_that_are_no_audio_are_named(tmp_path, noise, half, value, what, place):
    x = noise(80000)
    x[place] = value
    said = refused(sound(tmp_path / "a.wav", x, kind="DOUBLE"), tmp_path / "b.wav", half)
    assert said.startswith(f"{tmp_path / 'a.wav'}: the input holds {what}") and said.endswith(f"at sample {place}")


def test_outputs_that_cannot_be(tmp_path, noise, half):
    source = sound(tmp_path / "a.wav", noise())
    (tmp_path / "old.wav").write_text("old")
    (tmp_path / "d.wav").mkdir()
    assert refused(source, tmp_path / "old.wav", half) == f"{tmp_path / 'old.wav'} exists already; --force replaces it"
    assert (
        refused(source, tmp_path / "d.wav", half, force=True) == f"{tmp_path / 'd.wav'} is a folder; name the file to write in it"
    )
    assert refused(source, tmp_path / "b.wv", half).startswith(f"the suffix .wv of {tmp_path / 'b.wv'} names no format")
    assert "(did you mean '.flac'?)" in refused(source, tmp_path / "b.flc", half)
    assert "names no format" in refused(source, tmp_path / "b", half)
    for name in ("b.wav/", "b/"):
        assert refused(source, f"{tmp_path}/{name}", half) == f"{tmp_path}/{name} is a folder; name the file to write in it"
    assert refused(source, "", half) == "the name of the output is empty"
    assert refused("", tmp_path / "b.wav", half) == "the name of the input is empty"
    assert refused(source, tmp_path / "old.wav" / "b.wav", half).startswith("cannot write to ")
    assert refused(source, "/proc/b.wav", half).startswith("cannot write to /proc: ")
    assert "File name too long" in refused(source, tmp_path / f"{'x' * 300}.wav", half)


@pytest.mark.parametrize("force", [False, True])
def test_the_input_is_never_the_output(tmp_path, noise, half, force):
    source = sound(tmp_path / "a.wav", noise())
    (tmp_path / "link.wav").symlink_to("a.wav")
    (tmp_path / "hard.wav").hardlink_to(source)
    (tmp_path / "here").symlink_to(tmp_path)
    before = Path(source).read_bytes()
    for name in ("a.wav", "link.wav", "hard.wav", "here/a.wav", "../" + tmp_path.name + "/a.wav"):
        assert refused(source, tmp_path / name, half, force=force).endswith("is the input, too; name another file to write")
        assert "is the input, too" in refused(tmp_path / name, source, half, force=force)
    assert Path(source).read_bytes() == before


def test_force_replaces_a_file_and_keeps_a_link(tmp_path, noise, half):
    source = sound(tmp_path / "a.wav", noise())
    (tmp_path / "old.wav").write_text("old")
    (tmp_path / "link.wav").symlink_to("old.wav")
    enhance_sound(source, str(tmp_path / "link.wav"), half, force=True)
    assert (tmp_path / "link.wav").is_symlink() and soundfile.info(tmp_path / "old.wav").frames == 9001
    os.remove(tmp_path / "old.wav")
    enhance_sound(source, str(tmp_path / "link.wav"), half, force=True)
    assert soundfile.info(tmp_path / "old.wav").frames == 9001


def test_what_appears_meanwhile_is_not_overwritten(tmp_path, noise, half):
    source, target = sound(tmp_path / "a.wav", noise()), tmp_path / "b.wav"

    def watch(blocks):
        for block in blocks:
            target.write_text("somebody else's")
            yield block

    with pytest.raises(UserError, match="exists already"):
        enhance_sound(source, str(target), half, watch=watch)
    assert target.read_text() == "somebody else's" and sorted(os.listdir(tmp_path)) == ["a.wav", "b.wav"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(5, "Input/output error")])
@pytest.mark.parametrize("name", ["b.wav", "b.flac", "b.ogg", "b.mp3"])
def test_nothing_is_left_of_what_fails(tmp_path, noise, half, error, name):
    source = sound(tmp_path / "a.wav", noise(200000))
    (tmp_path / name).write_text("old")

    def watch(blocks):
        for number, block in enumerate(blocks):
            if number == 2:
                raise error
            yield block

    with pytest.raises(UserError if isinstance(error, OSError) else error):
        enhance_sound(source, str(tmp_path / name), half, force=True, watch=watch)
    assert (tmp_path / name).read_text() == "old" and sorted(os.listdir(tmp_path)) == sorted(["a.wav", name])
