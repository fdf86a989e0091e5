"""Truncated sound files are told from whole ones, and from those whose length was left open."""

import io

import numpy as np
import pytest
import soundfile

from kdse.data.truncation import truncation

KNOWN = [
    ("WAV", "PCM_16"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "FLOAT"),
    ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"),
    ("SVX", "PCM_16"),
    ("CAF", "PCM_24"),
    ("CAF", "ALAC_16"),
    ("AU", "PCM_16"),
    ("NIST", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
]


def written(container: str, subtype: str, title: str = "", path=None) -> bytes:
    """One second of noise and an odd sample."""
    target = path or io.BytesIO()
    with soundfile.SoundFile(target, "w", 16000, 1, subtype, format=container) as file:
        if title:
            file.title = title
        file.write(0.3 * np.random.default_rng(0).standard_normal(16001))
    return path.read_bytes() if path else target.getvalue()


def state(data: bytes) -> str:
    file = io.BytesIO(data)
    said = truncation(file, "a")
    assert file.tell() == 0
    return said


@pytest.mark.parametrize("container, subtype", KNOWN)
def test_whole_files_are_whole_and_cut_ones_are_not(container, subtype, tmp_path):
    data = written(container, subtype, path=tmp_path / "a")  # ALAC goes through a file of its own
    assert state(data) == ""
    assert state(data + b"\0" * 7) == ""
    for kept in (0.99, 0.6, 0.2):
        assert state(data[: int(kept * len(data))]), kept
    assert state(data[:-3])


@pytest.mark.parametrize("container", ["WAV", "AIFF", "FLAC", "OGG", "MP3", "CAF"])
def test_a_title_does_not_look_like_missing_samples(container):
    assert state(written(container, None, title="Straße")) == ""


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFF000, 0x80000000, 0])
def test_a_length_left_open_is_none(length):
    """Programs that write to a pipe cannot know it."""
    wav = bytearray(written("WAV", "PCM_16"))
    wav[40:44] = length.to_bytes(4, "little")
    assert wav[36:40] == b"data" and state(bytes(wav)) == ""


def test_other_open_lengths():
    au, caf = bytearray(written("AU", "PCM_16")), bytearray(written("CAF", "PCM_16"))
    au[8:12] = b"\xff" * 4
    at = caf.index(b"data") + 4
    caf[at : at + 8] = b"\xff" * 8
    assert state(bytes(au)) == state(bytes(caf)) == ""


def test_a_recording_that_was_not_closed_is_truncated():
    """An Ogg stream cut exactly between two pages."""
    ogg = written("OGG", "VORBIS")
    assert "does not say that it is the last" in state(ogg[: ogg.rindex(b"OggS")])


@pytest.mark.parametrize(
    "data", [b"", b"R", b"RIFF", b"OggS", b"caff", b".snd", b"FORM" * 3, b"some text" * 1000, b"NIST_1A\n   1024\n"]
)
def test_what_is_no_sound_file_raises_nothing(data):
    state(data)
