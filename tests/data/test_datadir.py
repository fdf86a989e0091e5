"""Data dirs: the validator names file, line and utterance of every defect, and the command exits with code 2."""

import numpy as np
import pytest
import soundfile

from kdse.core.errors import UserError
from kdse.data.audio import RATE
from kdse.data.datadir import DataDir, read_table, validate, write_datadir


@pytest.fixture
def data(tmp_path, speechlike, write_audio):
    """Three good utterances of two speakers."""
    tables = {"wav.scp": {}, "text": {}, "utt2spk": {}}
    for i, utt in enumerate(("b1", "a1", "a2")):
        tables["wav.scp"][utt] = str(write_audio(tmp_path / "audio" / f"{utt}.flac", speechlike(0.7, i)))
        tables["text"][utt] = "HELLO  WORLD" if i else "YES"
        tables["utt2spk"][utt] = utt[0]
    write_datadir(tmp_path / "data", tables)
    return tmp_path / "data"


def test_good_dir_is_sorted(data, kdse):
    assert (data / "spk2utt").read_text() == "a a1 a2\nb b1\n"
    assert list(read_table(data / "text")) == ["a1", "a2", "b1"]
    assert DataDir(data).utts == ["a1", "a2", "b1"]
    assert validate(data, nj=2) == (3, pytest.approx(2.1))
    code, out, _ = kdse("validate", data)
    assert code == 0 and "3 utterances" in out


def stereo(path):
    soundfile.write(path, np.ones((9000, 2), np.int16), RATE)


def slow(path):
    soundfile.write(path, np.ones(9000, np.int16), 8000)


def silent(path):
    soundfile.write(path, np.ones(9000, np.int16), RATE)


def nan(path):
    soundfile.write(path, np.full(9000, np.nan), RATE, format="WAV", subtype="FLOAT")


def truncated(path):
    path.write_bytes(path.read_bytes()[:2000])


def missing(path):
    path.unlink()


@pytest.mark.parametrize(
    "spoil, word",
    [(stereo, "2 channels"), (slow, "8000 Hz"), (silent, "silent"), (nan, "NaN"), (truncated, "truncated"), (missing, "No such")],
)
@pytest.mark.parametrize("nj", [1, 2])
def test_bad_audio(data, kdse, spoil, word, nj):
    path = data.parent / "audio" / "a2.flac"
    spoil(path)
    code, _, err = kdse("validate", data, "--nj", nj)
    assert code == 2 and err.count("\n") == 1 and "Traceback" not in err
    assert word in err and str(path) in err and f"utterance a2, {data / 'wav.scp'} line 2" in err


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("text", "a1 YES\na2\nb1 NO\n", "text, line 2: utterance a2 has an empty transcript"),
        ("text", "a1 YES\na2 \t \nb1 NO\n", "text, line 2: utterance a2 has an empty transcript"),
        ("text", "a1 YES\na2 NO\na1 NO\nb1 X\n", "text, line 3: utterance a1 is given twice"),
        ("text", "a1 YES\n\nb1 X\n", "text, line 2 is empty"),
        ("text", "a1 YES\nb1 NO\n", "utterance a2 is in wav.scp but not in text"),
        ("text", "a1 YES\na2 NO\nb1 X\nc1 Y\n", "utterance c1 is in text but not in wav.scp"),
        ("utt2spk", "a1 a\na2 a\n", "utterance b1 is in wav.scp but not in utt2spk"),
        ("utt2snr", "a1 5\nd1 0\n", "utterance d1 is in utt2snr but not in wav.scp"),
        ("wav.scp", "", "wav.scp is empty"),
        ("wav.scp", "a1\n", "wav.scp, line 1: utterance a1 has an empty value"),
        ("wav.scp", None, "cannot read"),
        ("text", b"a1 \xff\xfe\n", "is not UTF-8"),
    ],
)
def test_bad_tables(data, kdse, name, text, message):
    if text is None:
        (data / name).unlink()
    else:
        (data / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, err = kdse("validate", data)
    assert code == 2 and err.count("\n") == 1 and message in err and str(data) in err


def test_lengths_must_agree(data, kdse, speechlike, write_audio):
    other = write_audio(data.parent / "short.flac", speechlike(0.5, 9))
    scp = read_table(data / "wav.scp")
    (data / "spk1.scp").write_text("".join(f"{utt} {other if utt == 'a2' else path}\n" for utt, path in scp.items()))
    code, _, err = kdse("validate", data)
    assert code == 2 and "utterance a2 has 8000 samples in spk1.scp and 11200 in wav.scp" in err


def test_no_dir(kdse, tmp_path):
    code, _, err = kdse("validate", tmp_path / "none")
    assert code == 2 and "there is no data dir" in err


def test_pipes_only_on_request(data, kdse):
    path = str(data.parent / "audio" / "a1.flac")
    (data / "wav.scp").write_text((data / "wav.scp").read_text().replace(path, f"cat {path} |"))
    code, _, err = kdse("validate", data)
    assert code == 2 and "--pipes" in err and "utterance a1" in err
    assert kdse("validate", data, "--pipes")[0] == 0


def test_writing_is_atomic(data, snapshot):
    before = snapshot(data.parent)
    with pytest.raises(AssertionError):
        write_datadir(data, {"wav.scp": {"x": "y"}, "utt2spk": {"x": "x"}, "no_such_table": {}})
    assert snapshot(data.parent) == before


def test_hypotheses_may_be_empty(tmp_path):
    (tmp_path / "text").write_text("a\nb SOME WORDS\n")
    assert read_table(tmp_path / "text", empty=True) == {"a": "", "b": "SOME WORDS"}
    with pytest.raises(UserError):
        read_table(tmp_path / "text")
