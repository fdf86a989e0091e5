"""Reading audio: every format gives the same samples, and every defect is named in one sentence."""

import io

import kaldiio
import numpy as np
import pytest
import soundfile

from kdse.core.errors import UserError
from kdse.data.audio import RATE, ArkWriter, guess_byte_order, read_audio, to_int16, write_ark


@pytest.fixture
def speech(speechlike):
    return speechlike(0.5, seed=1)


def refused(source, **options) -> str:
    with pytest.raises(UserError) as e:
        read_audio(source, "utt1", **options)
    message = str(e.value)
    assert "\n" not in message and "utt1" in message
    return message


@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.sph"])
def test_formats_give_the_same_samples(tmp_path, speech, name, write_audio):
    x = read_audio(write_audio(tmp_path / name, speech))
    assert x.dtype == np.int16 and np.array_equal(x, speech)


def test_sphere_as_the_corpus_has_it(tmp_path, speech):
    """Official AN4 SPHERE: big-endian, a 1024-byte header with fields of its own."""
    header = f"""NIST_1A
   1024
database_id -s3 an4
channel_count -i 1
sample_count -i {len(speech)}
sample_rate -i 16000
sample_n_bytes -i 2
sample_byte_format -s2 10
sample_sig_bits -i 16
end_head
"""
    path = tmp_path / "a.sph"
    path.write_bytes(header.encode().ljust(1024) + speech.astype(">i2").tobytes())
    assert np.array_equal(read_audio(path), speech)
    path.write_bytes(path.read_bytes()[:-200])
    assert "truncated" in refused(path)


def test_a_sphere_header_that_is_damaged(tmp_path):
    (tmp_path / "a.sph").write_bytes(
        b"NIST_1A\n   10x4\nsample_count -i 9\nsample_n_bytes -i 2\nend_head\n".ljust(1024) + bytes(100)
    )
    assert "cannot read" in refused(tmp_path / "a.sph")


def test_shortened_sphere_is_named(tmp_path):
    path = tmp_path / "a.sph"
    header = "NIST_1A\n   1024\nsample_count -i 9\nsample_n_bytes -i 2\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    path.write_bytes(header.encode().ljust(1024) + b"ajkg" + bytes(100))
    assert "shorten" in refused(path)


@pytest.mark.parametrize("kind", ["<i2", ">i2"])
def test_raw_in_both_byte_orders(tmp_path, speech, kind):
    path = tmp_path / "a.raw"
    path.write_bytes(speech.astype(kind).tobytes())
    assert guess_byte_order(path.read_bytes()) == kind
    assert np.array_equal(read_audio(path, raw=kind), speech)
    assert "no header" in refused(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert "truncated" in refused(path, raw=kind)


def test_archive_round_trip_and_kaldiio_agree(tmp_path, speech):
    items = {"a": speech, "b": speech[:100], "ü": -speech}
    entries = write_ark(tmp_path / "wav.ark", items.items())
    for utt, x in items.items():
        assert np.array_equal(read_audio(entries[utt]), x)
        rate, y = kaldiio.load_mat(entries[utt])
        assert rate == RATE and np.array_equal(y, x)


def test_archive_entries_name_the_final_place(tmp_path, speech):
    with ArkWriter(tmp_path / "part.ark", "data/wav.ark") as ark:
        assert ark.add("a", speech) == "data/wav.ark:2"


def test_truncated_archive(tmp_path, speech):
    entries = write_ark(tmp_path / "wav.ark", [("a", speech), ("b", speech)])
    whole = (tmp_path / "wav.ark").read_bytes()
    (tmp_path / "wav.ark").write_bytes(whole[:-10])
    assert np.array_equal(read_audio(entries["a"]), speech)
    assert "truncated: it ends 10 bytes" in refused(entries["b"])
    assert "no WAV entry" in refused(f"{tmp_path / 'wav.ark'}:7")
    assert "no WAV entry" in refused(f"{tmp_path / 'wav.ark'}:{10 * len(whole)}")


@pytest.mark.parametrize("share", [0.9, 0.5, 0.02])
@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.sph"])
def test_truncated_file(tmp_path, speech, name, share, write_audio):
    path = write_audio(tmp_path / name, speech)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "truncated" in refused(path)


def test_wav_written_to_a_pipe_is_whole(tmp_path, speech):
    """Programs that cannot seek back leave the length open; that is no truncation."""
    buffer = io.BytesIO()
    soundfile.write(buffer, speech, RATE, format="WAV", subtype="PCM_16")
    data = bytearray(buffer.getvalue())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(data)
    assert np.array_equal(read_audio(tmp_path / "a.wav"), speech)


def test_missing(tmp_path):
    assert "No such file" in refused(tmp_path / "none.wav")
    assert "No such file" in refused(f"{tmp_path}/none.ark:12")
    assert "directory" in refused(tmp_path)
    assert "No such file" in refused(f"{tmp_path}/none.ark:{10**20}")
    assert "null byte" in refused(f"{tmp_path}/no\0ne.wav")
    (tmp_path / "a.ark").write_bytes(b"x")
    assert f"a.ark:{10**18 - 1}" in refused(f"{tmp_path}/a.ark:{10**18 - 1}")


def test_not_audio(tmp_path):
    (tmp_path / "a.wav").write_text("hello")
    assert "no audio" in refused(tmp_path / "a.wav")


def test_wrong_rate(tmp_path, speech):
    soundfile.write(tmp_path / "a.wav", speech, 8000)
    assert "8000 Hz" in refused(tmp_path / "a.wav")


def test_stereo(tmp_path, speech):
    soundfile.write(tmp_path / "a.wav", np.stack([speech, speech], 1), RATE)
    assert "2 channels" in refused(tmp_path / "a.wav")


def test_empty(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.int16), RATE)
    assert "no samples" in refused(tmp_path / "a.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan(tmp_path, bad):
    x = np.zeros(1000, np.float32)
    x[7] = bad
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    assert "the first at sample 7" in refused(tmp_path / "a.wav")


def test_float_audio_is_rounded_and_saturates(tmp_path):
    x = np.array([0.5, -1.0, 1.5, 1 / 32768, 0.6 / 32768], np.float64)
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="DOUBLE")
    assert read_audio(tmp_path / "a.wav").tolist() == [16384, -32768, 32767, 1, 1] == to_int16(x).tolist()


def test_commands_run_only_when_allowed(tmp_path, speech, write_audio):
    path = write_audio(tmp_path / "a.wav", speech)
    mark = tmp_path / "ran"
    assert "--pipes" in refused(f"touch {mark}; cat {path} |")
    assert not mark.exists()
    assert np.array_equal(read_audio(f"cat {path} |", pipes=True), speech)
    assert "exit code 3: oops" in refused("echo oops >&2; exit 3 |", pipes=True)


def test_byte_order_of_noise_with_an_offset(noiselike):
    x = np.cumsum(noiselike(0.2, 0, 30)).astype(np.int16)
    assert guess_byte_order(x.astype(">i2").tobytes()) == ">i2"
    assert guess_byte_order(b"") in ("<i2", ">i2")
