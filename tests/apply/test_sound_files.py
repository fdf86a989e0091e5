"""Every format comes back as it was, to the bit where it has no loss."""

import io
import os
import shutil
from contextlib import closing

import numpy as np
import pytest
import soundfile

from kdse.apply.files import enhance_sound
from kdse.apply.formats import BITS, KINDS, SUFFIXES, Format, can_hold, output_format
from kdse.apply.places import reading
from kdse.apply.sound_files import BLOCK, SoundWriter
from kdse.core.errors import UserError

PAIRS = sorted(
    {(suffix, kind) for suffix, container in SUFFIXES.items() for kind in KINDS if can_hold(container, kind)}
    - {(".opus", "VORBIS")}
)
LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_III")


def write(path, x, kind, container=None, rate=16000, **tags):
    with soundfile.SoundFile(path, "w", rate, x.shape[1], kind, format=container or SUFFIXES[path.suffix]) as file:
        for key, text in tags.items():
            setattr(file, key, text)
        file.write(x)
    return path


def ints(path) -> np.ndarray:
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def through(source, target, enhancer, **options):
    return enhance_sound(str(source), str(target), enhancer, **options)


@pytest.mark.parametrize("suffix, kind", PAIRS)
def test_a_pass_through_gives_the_same_samples(tmp_path, noise, same, suffix, kind):
    """Integers of up to 24 bits, A-law, µ-law and float32 bit for bit; the others as near as float32 and their codec allow."""
    source, target = write(tmp_path / f"a{suffix}", noise(), kind), tmp_path / f"b{suffix}"
    done = through(source, target, same)
    assert done.notes == () and done.seconds == 9001 / 16000
    before, after = soundfile.info(source), soundfile.info(target)
    facts = ("format", "subtype", "samplerate", "channels", "frames")
    assert [getattr(before, name) for name in facts] == [getattr(after, name) for name in facts]
    if kind in LOSSY:
        x, y = (soundfile.read(path)[0] for path in (source, target))
        assert np.corrcoef(x, y)[0, 1] > 0.9
    elif kind == "PCM_32":
        assert np.abs(ints(source).astype(float) - ints(target)).max() <= 2**7  # float32 has 24 bits
    elif kind in BITS:
        assert np.array_equal(ints(source), ints(target))
    else:
        x, y = (soundfile.read(path, dtype="float32")[0] for path in (source, target))
        assert np.array_equal(x, y)


def test_all_integers_of_16_and_24_bits_survive(tmp_path, same):
    """Extremes among them: full scale is −1 to 1 − 1 LSB."""
    whole = np.arange(-(2**15), 2**15, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", whole, 16000)
    edges = np.array([-(2**23), -(2**23) + 1, -1, 0, 1, 2**22 + 1, 2**23 - 2, 2**23 - 1], np.int32) << 8
    soundfile.write(tmp_path / "b.wav", edges, 16000, subtype="PCM_24")
    for name in "ab":
        assert through(tmp_path / f"{name}.wav", tmp_path / f"{name}2.wav", same).notes == ()
        assert np.array_equal(ints(tmp_path / f"{name}.wav"), ints(tmp_path / f"{name}2.wav"))


@pytest.mark.parametrize("kind", ["ULAW", "ALAW"])
def test_all_codes_of_companded_files_survive(tmp_path, same, kind):
    """All values; µ-law has two codes for 0."""
    codes = bytes(range(256)) * 4
    with soundfile.SoundFile(tmp_path / "a.au", "w", 8000, 1, kind) as file:
        file.write(np.zeros(len(codes)))
    data = bytearray((tmp_path / "a.au").read_bytes())
    data[-len(codes) :] = codes
    (tmp_path / "a.au").write_bytes(data)
    assert through(tmp_path / "a.au", tmp_path / "b.au", same).notes == ()
    assert len(np.unique(ints(tmp_path / "a.au"))) >= 255
    assert np.array_equal(ints(tmp_path / "a.au"), ints(tmp_path / "b.au"))


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE"])
def test_float_peaks_above_full_scale_survive(tmp_path, noise, half, kind):
    source = write(tmp_path / "a.wav", 4 * noise(), kind)
    assert through(source, tmp_path / "b.wav", half).notes == ()
    x, y = (soundfile.read(tmp_path / name)[0] for name in ("a.wav", "b.wav"))
    assert np.abs(y).max() > 1.7 and np.allclose(y, x / 2, atol=1e-5)


def test_what_goes_beyond_full_scale_is_clipped_and_counted(tmp_path, noise, same):
    x = 2 * noise()
    source = write(tmp_path / "a.wav", x, "FLOAT")
    many = np.count_nonzero(np.rint(x.astype("f4") * 2**23) > 2**23 - 1) + np.count_nonzero(
        np.rint(x.astype("f4") * 2**23) < -(2**23)
    )
    assert through(source, tmp_path / "b.flac", same).notes == (
        f"{tmp_path / 'b.flac'}: FLAC holds no FLOAT here; written as PCM_24",
        f"{tmp_path / 'b.flac'}: {many} samples clipped at full scale",
    )
    assert np.abs(ints(tmp_path / "b.flac").astype(float) / 2**31 - np.clip(x[:, :1], -1, 1)).max() < 2**-22


def test_lossy_codecs_are_decoded_as_floats(tmp_path, same):
    """libsndfile wraps their peaks where it is asked for integers: 200 Hz then jumps by full scale."""
    x = 1.3 * np.sin(2 * np.pi * 200 / 16000 * np.arange(16000))[:, None]
    source = write(tmp_path / "a.ogg", x, "VORBIS")
    notes = through(source, tmp_path / "b.wav", same).notes
    assert "OGG" not in notes[0] and "written as PCM_16" in notes[0] and "clipped" in notes[1]
    assert np.abs(np.diff(soundfile.read(tmp_path / "b.wav")[0])).max() < 0.2


@pytest.mark.parametrize(
    "suffix, source, chosen",
    [
        (".wav", ("WAVEX", "PCM_24"), ("WAVEX", "PCM_24")),
        (".wav", ("RF64", "PCM_16"), ("RF64", "PCM_16")),
        (".wav", ("NIST", "ULAW"), ("WAV", "ULAW")),
        (".wav", ("WAV", "GSM610"), ("WAV", "PCM_16")),
        (".wav", ("WAV", "MS_ADPCM"), ("WAV", "PCM_16")),
        (".wav", ("MP3", "MPEG_LAYER_III"), ("WAV", "PCM_16")),
        (".wav", ("FLAC", "PCM_S8"), ("WAV", "PCM_U8")),
        (".flac", ("WAV", "PCM_32"), ("FLAC", "PCM_24")),
        (".flac", ("WAV", "DOUBLE"), ("FLAC", "PCM_24")),
        (".flac", ("WAV", "PCM_U8"), ("FLAC", "PCM_S8")),
        (".flac", ("WAV", "ALAW"), ("FLAC", "PCM_16")),
        (".caf", ("CAF", "ALAC_24"), ("CAF", "PCM_24")),
        (".ogg", ("OGG", "OPUS"), ("OGG", "OPUS")),
        (".ogg", ("WAV", "PCM_16"), ("OGG", "VORBIS")),
        (".opus", ("OGG", "VORBIS"), ("OGG", "OPUS")),
        (".mp3", ("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III")),
    ],
)
def test_the_kind_of_samples_that_comes_nearest(suffix, source, chosen):
    form, note = output_format("out", suffix, Format(*source, 16000, 1), 1000)
    assert (form.container, form.kind) == chosen
    assert bool(note) == (source[1] != chosen[1])


def test_what_a_container_does_not_hold():
    with pytest.raises(UserError, match="longer than a WAV file can be"):
        output_format("o.wav", ".wav", Format("W64", "PCM_24", 48000, 2), 2**30)
    with pytest.raises(UserError, match="Vorbis holds no sound of 384000 Hz"):
        output_format("o.ogg", ".ogg", Format("WAV", "PCM_16", 384000, 1), 9)


@pytest.mark.parametrize(
    "name, rate, channels", [("b.opus", 44100, 1), ("b.mp3", 16000, 3), ("b.flac", 16000, 9), ("b.mp3", 96000, 2)]
)
def test_a_sound_that_a_codec_does_not_take(tmp_path, noise, same, name, rate, channels):
    source = write(tmp_path / "a.wav", noise(100, channels), "PCM_16", rate=rate)
    with pytest.raises(UserError, match=rf"^cannot write {tmp_path / name}: .*{channels} channels? at {rate} Hz") as e:
        through(source, tmp_path / name, same)
    assert "\n" not in str(e.value) and os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".caf", ".rf64"])
def test_tags_are_kept(tmp_path, noise, same, suffix):
    tags = {"title": "An evening", "artist": "Nobody", "comment": "in the rain"}
    source = write(tmp_path / f"a{suffix}", noise(), None if suffix != ".opus" else "OPUS", **tags)
    through(source, tmp_path / f"b{suffix}", same)
    with soundfile.SoundFile(tmp_path / f"b{suffix}") as file:
        assert {key: getattr(file, key) for key in tags} == tags


def test_tags_without_a_place_are_left_out(tmp_path, noise, same):
    source = write(tmp_path / "a.flac", noise(), "PCM_16", title="Ä", artist="Ö")
    for name in ("b.au", "b.mp3"):
        through(source, tmp_path / name, same)
    assert np.array_equal(ints(source), ints(tmp_path / "b.au"))
    assert soundfile.SoundFile(tmp_path / "b.mp3").title == ""


def test_blocks_are_bounded_and_whole(tmp_path, noise):
    x = noise(3 * BLOCK + 5, 2)
    write(tmp_path / "a.flac", x, "PCM_24")
    with reading(str(tmp_path / "a.flac")) as sound:
        blocks = list(sound)
        assert sound.blocks == len(blocks) == 7 and sound.frames == len(x)
    assert {block.size for block in blocks[:-1]} == {BLOCK} and {block.dtype for block in blocks} == {np.dtype("f4")}
    assert np.array_equal(np.concatenate(blocks), soundfile.read(tmp_path / "a.flac", dtype="float32")[0])


@pytest.mark.parametrize("suffix, kind", [pair for pair in PAIRS if pair[0] in (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".caf")])
@pytest.mark.parametrize("share", [0.9, 0.6, 0.02])
def test_a_truncated_file_is_refused(tmp_path, noise, same, suffix, kind, share):
    source = write(tmp_path / f"a{suffix}", noise(30000), kind)
    data = source.read_bytes()
    source.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"truncated|damaged") as e:
        through(source, tmp_path / f"b{suffix}", same)
    assert str(source) in str(e.value) and os.listdir(tmp_path) == [source.name]


def test_a_flac_that_does_not_state_its_length(tmp_path, noise, same):
    """As encoders write it to a pipe."""
    source = write(tmp_path / "a.flac", noise(70000), "PCM_16")
    data = bytearray(source.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    source.write_bytes(data)
    with reading(str(source)) as sound:
        assert sound.frames == 0 and sound.blocks is None
    assert through(source, tmp_path / "b.flac", same).seconds == 70000 / 16000


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_a_writer_finds_out_that_samples_are_missing(tmp_path, noise, name, monkeypatch):
    """An encoder may lose its last samples on a full disk without a word."""
    writer = SoundWriter(
        tmp_path / name, Format(SUFFIXES[name[1:]], soundfile.default_subtype(SUFFIXES[name[1:]]), 16000, 1), {}, name
    )
    with closing(writer):
        writer.write(noise(20000).astype("f4"))
        monkeypatch.setattr(writer, "_frames", 20001)
        with pytest.raises(UserError, match=f"cannot write {name}: only 20000 of 20001 samples"):
            writer.finish()


def test_a_full_disk_is_named(tmp_path, noise, monkeypatch):
    full = os.statvfs_result((4096, 4096, 10**6, 0, 0, 10**6, 10**6, 10**6, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    writer = SoundWriter(tmp_path / "a.wav", Format("WAV", "PCM_16", 16000, 1), {}, "a.wav")
    with closing(writer):
        monkeypatch.setattr(writer._file, "write", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(UserError, match=r"^cannot write a\.wav: the disk is full$"):
            writer.write(noise(10).astype("f4"))


def test_headers_of_pipes(tmp_path, noise, same):
    """sox and ffmpeg state lengths of 0xFFFFFFFF where they write to a pipe; a length of 0 with data after it says nothing."""
    buffer = io.BytesIO()
    soundfile.write(buffer, noise()[:, 0], 16000, format="WAV", subtype="PCM_16")
    data = bytearray(buffer.getvalue())
    (tmp_path / "whole.wav").write_bytes(data)
    data[4:8] = data[40:44] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    assert through(tmp_path / "a.wav", tmp_path / "b.wav", same).seconds == 9001 / 16000
    assert np.array_equal(ints(tmp_path / "whole.wav"), ints(tmp_path / "b.wav"))
    data[40:44] = bytes(4)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(UserError, match="holds no samples"):
        through(tmp_path / "a.wav", tmp_path / "c.wav", same)


def test_the_suffix_of_an_input_says_nothing(tmp_path, noise, same):
    source = write(tmp_path / "a.flac", noise(), "PCM_24")
    for name in ("a.raw", "a.mp3", "a", "ä b.WAV"):
        shutil.copy(source, tmp_path / name)
        through(tmp_path / name, tmp_path / f"{name}.out.flac", same)
        assert np.array_equal(ints(source), ints(tmp_path / f"{name}.out.flac"))
