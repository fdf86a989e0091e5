"""Folders of recordings: every layout is read, and what does not fit together is one sentence."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.compare.recordings import CLEAN, NOISY, look, read_recordings
from kdse.core.errors import UserError
from kdse.data.audio import write_ark
from kdse.data.datadir import write_datadir
from kdse.enhancers.align import at_rate

WORDS = {"a": "one two", "b": "three", "c": "four five six"}
"""Of `mine`."""


def write(path: Path, samples: np.ndarray, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def test_a_folder_of_files(mine):
    found = read_recordings(mine)
    assert [(r.key, r.text, r.utt) for r in found] == [(key, words, key) for key, words in WORDS.items()]
    samples, rate = found[1].read(CLEAN)
    expected, _ = soundfile.read(mine / "clean" / "b.wav", dtype="float32")
    np.testing.assert_array_equal(samples, expected)
    assert rate == 16000 and look(found, 1)["c"].seconds == 2.0


def test_files_alone_in_a_folder_and_below_it(tmp_path):
    """Without noisy/ the folder's own files are taken, and nothing below it: it may hold results."""
    write(tmp_path / "one.flac", np.full(4000, 0.1))
    write(tmp_path / "compare" / "two.flac", np.full(4000, 0.1))
    (found,) = read_recordings(tmp_path)
    assert (found.key, found.text, found.clean) == ("one", None, None)
    write(tmp_path / "noisy" / "room" / "three.wav", np.full(4000, 0.1))
    write(tmp_path / "noisy" / ".hidden.wav", np.full(4000, 0.1))
    (found,) = read_recordings(tmp_path)
    assert found.key == "room/three"


def test_other_rates_and_channels(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    write(tmp_path / "noisy" / "a.wav", np.stack([0.2 * tone, 0.4 * tone], axis=1), 44100)
    (found,) = read_recordings(tmp_path)
    samples, rate = found.read(NOISY)
    assert rate == 44100 and np.max(np.abs(samples - 0.3 * tone)) < 1e-4
    low = at_rate(samples, rate, 16000)
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert len(low) == 16000 and np.max(np.abs(low - expected)[200:-200]) < 1e-3


def test_names_in_a_text_may_have_their_suffix(mine):
    (mine / "text").unlink()
    (mine / "text.tsv").write_text("".join(f"{key}.wav\t{words}\n" for key, words in WORDS.items()) + "more\tand more\n")
    assert [r.text for r in read_recordings(mine)] == list(WORDS.values())


def test_a_data_dir(tmp_path):
    """As stage 2 writes it: one utterance in two noises."""
    rng = np.random.default_rng(0)
    audio = {key: rng.integers(-99, 99, 4000).astype(np.int16) for key in ("u1-0", "u1-5")}
    (tmp_path / "ark").mkdir()
    noisy, clean = (write_ark(tmp_path / "ark" / f"{kind}.ark", audio.items()) for kind in (NOISY, CLEAN))
    tables = {"wav.scp": noisy, "spk1.scp": clean, "text": dict.fromkeys(audio, "ONE TWO"), "utt2spk": dict.fromkeys(audio, "s")}
    tables |= {
        "utt2orig": dict.fromkeys(audio, "u1"),
        "utt2snr": {"u1-0": "0", "u1-5": "5dB"},
        "utt2noise": dict.fromkeys(audio, "n"),
    }
    write_datadir(tmp_path / "set", tables)
    found = read_recordings(tmp_path / "set")
    assert [(r.key, r.utt, r.speaker, r.noise, r.snr, r.text) for r in found] == [
        ("u1-0", "u1", "s", "n", 0.0, "ONE TWO"),
        ("u1-5", "u1", "s", "n", 5.0, "ONE TWO"),
    ]
    np.testing.assert_array_equal(found[1].read(CLEAN)[0] * 32768, audio["u1-5"])
    assert look(found, 2).keys() == audio.keys()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda d: (d / "noisy").rename(d / "nosy"), "there is no sound file in .* or .*noisy; .* is to hold noisy"),
        (lambda d: [path.unlink() for path in (d / "noisy").iterdir()], r"there is no sound file in .*noisy; "),
        (lambda d: (d / "text").write_text("a one\n"), "text has no words of b, and of 1 more"),
        (lambda d: (d / "text").write_text("a one\na two\n"), "text, line 2: utterance a is given twice"),
        (lambda d: (d / "text.tsv").write_text("a\tone\n"), "text and .*text.tsv are both there"),
        (lambda d: write(d / "noisy" / "a.flac", np.zeros(9000)), "have one name; leave one out"),
        (lambda d: write(d / "noisy" / "a b.flac", np.zeros(9000)), "names of recordings have no spaces"),
        (
            lambda d: [(d / "clean").rename(d / "c2"), write(d / "clean" / "z.wav", np.zeros(9))],
            "no file in .*clean has the name",
        ),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(mine, spoil, message):
    spoil(mine)
    with pytest.raises(UserError, match=message) as e:
        read_recordings(mine)
    assert "\n" not in str(e.value)


def test_no_folder(tmp_path):
    (tmp_path / "file").touch()
    for name, message in (("none", "there is no folder"), ("file", "is no folder")):
        with pytest.raises(UserError, match=message):
            read_recordings(tmp_path / name)


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda d: write(d / "clean" / "b.wav", np.zeros(23999)), "has 23999 samples at 16000 Hz, .* has 24000 at 16000 Hz"),
        (lambda d: write(d / "clean" / "b.wav", np.zeros(24000), 8000), "has 24000 samples at 8000 Hz"),
        (lambda d: (d / "noisy" / "c.wav").write_bytes(b"RIFF"), "c.wav is damaged or no sound file"),
        (lambda d: soundfile.write(d / "noisy" / "a.wav", np.full(16000, np.nan), 16000, subtype="FLOAT"), "NaN or infinite"),
        (lambda d: [write(d / kind / "a.wav", np.zeros(800)) for kind in (NOISY, CLEAN)], "a.wav lasts 0.050 s"),
    ],
)
def test_what_cannot_be_compared_is_found_by_a_look(mine, spoil, message):
    spoil(mine)
    with pytest.raises(UserError, match=message):
        look(read_recordings(mine), 1)


def test_other_samples_are_another_input(mine):
    before = look(read_recordings(mine), 1)
    samples, _ = soundfile.read(mine / "noisy" / "a.wav")
    write(mine / "noisy" / "a.wav", samples[::-1])
    after = look(read_recordings(mine), 1)
    assert [key for key in before if before[key] != after[key]] == ["a"]
    assert before["a"].sha256[CLEAN] == after["a"].sha256[CLEAN]
