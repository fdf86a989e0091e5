"""The corpus mini: nothing of test or dev is known from training, speakers differ, and stage 1 makes the same bits again."""

from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import RATE, read_audio
from kdse.data.corpora.mini import corpus as mini
from kdse.data.corpora.mini.corpus import SIZES, PlannedUtterance, Size, plan, recording
from kdse.data.corpora.mini.noises import NoisePlan, coloured
from kdse.data.corpora.mini.text import NAMES, WORDS, sentences, transcript
from kdse.data.corpora.mini.tts import to_phonemes
from kdse.data.corpora.mini.voices import SPEAKERS
from kdse.data.datadir import read_table, validate
from kdse.data.level import active_power

SPLITS = ("train", "dev", "test")


def items(size: str, split: str) -> list[PlannedUtterance]:
    return [item for group in plan(Path(), size) for item in group if item.speaker.split == split]


@pytest.mark.parametrize("size", SIZES)
def test_no_sentence_is_said_in_two_splits(size):
    said = {split: {transcript(item.sentence) for item in items(size, split)} for split in SPLITS}
    assert not said["train"] & said["dev"] and not said["train"] & said["test"] and not said["dev"] & said["test"]
    assert all(set(sentence.split()) <= set(WORDS) for split in SPLITS for sentence in said[split])


def test_test_holds_only_words_heard_in_training():
    words = {split: {word for item in items("default", split) for word in transcript(item.sentence).split()} for split in SPLITS}
    assert words["train"] == set(WORDS) and words["test"] <= words["train"]


def test_sizes():
    counts = {split: len(items("default", split)) for split in SPLITS}
    assert counts["train"] >= 480 and 50 <= counts["dev"] <= 70 and 100 <= counts["test"] <= 120
    counts = {split: len(items("smallest", split)) for split in SPLITS}
    assert counts["train"] <= 100 and 8 <= counts["dev"] <= 16 and 16 <= counts["test"] <= 24


def test_sentences_do_not_depend_on_the_numbers_of_the_others():
    few, many = sentences({"train": 3, "test": 5}), sentences({"train": 50, "dev": 9, "test": 5})
    assert few["test"] == many["test"] and not set(NAMES["test"]) & {*NAMES["train"], *NAMES["dev"]}
    assert all(2 < len(transcript(sentence).split()) < 8 for sentence in many["train"])


def test_speakers_of_test_are_unseen():
    names = [speaker.name for speaker in SPEAKERS]
    assert len(set(names)) == len(names) >= 8
    assert len({speaker.voice for speaker in SPEAKERS}) == len(SPEAKERS)
    for one in SPEAKERS:
        for other in SPEAKERS:
            if one.split != other.split:
                a, b = one.voice, other.voice
                assert a.mix != b.mix if a.mix or b.mix else (a.pitch, a.tract) != (b.pitch, b.tract), (one, other)
    everybody = {split: [speaker for speaker in SPEAKERS if speaker.split == split] for split in SPLITS}
    for split in ("dev", "test"):
        assert len(everybody[split]) >= 3 and {bool(speaker.voice.mix) for speaker in everybody[split]} == {True, False}


def features(x: np.ndarray) -> np.ndarray:
    """What a voice sounds like on average: log F0, and the long-term spectrum in 24 bands without its level."""
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(float), 640)[::320] * np.hanning(640)
    frames = frames[(power := (frames**2).mean(1)) > 0.1 * power.max()]
    spectra = np.abs(np.fft.rfft(frames, 2048)) ** 2
    lags = 36 + np.fft.irfft(spectra)[:, 36:260].argmax(1)
    bands = 10 * np.log10(np.add.reduceat(spectra, np.geomspace(8, 1000, 25).astype(int), axis=1)[:, :24])
    return np.append((bands - bands.mean(1, keepdims=True)).mean(0), 40 * np.median(np.log2(RATE / lags)))


def test_speakers_can_be_told_apart(voices):
    """Twelve speakers say the same six sentences: who it was is told by the nearest mean (Mahalanobis) over the other five.

    With ten sentences of their own, 85 % are told right among all 36 speakers of `default`; by chance it would be 3 %.
    """
    said = [to_phonemes(sentence) + "." for sentence in sentences({"train": 6})["train"]]
    speakers = [speaker for speaker in SPEAKERS if not speaker.voice.mix][::2]
    vectors = np.array(
        [[features(recording(PlannedUtterance(f"{s.name}-{i}", s, "", ""), x)) for i, x in enumerate(said)] for s in speakers]
    )
    vectors -= vectors.mean(0)
    right = 0
    for i in range(len(said)):
        others = np.delete(vectors, i, axis=1)
        within = (others - others.mean(1, keepdims=True)).reshape(-1, vectors.shape[2])
        inverse = np.linalg.inv(within.T @ within / len(within) + 0.1 * np.eye(vectors.shape[2]))
        apart = vectors[:, i, None] - others.mean(1)
        right += (np.einsum("abi,ij,abj->ab", apart, inverse, apart).argmin(1) == np.arange(len(speakers))).sum()
    assert right / vectors[:, :, 0].size > 0.85


@pytest.fixture
def tiny(monkeypatch, voices):
    """`--size smallest` cut down to 26 utterances, two of them by Kokoro."""
    size = Size({"train": 1, "dev": 1, "test": 1}, {"train": 0, "dev": 0, "test": 1}, NoisePlan(1, 1, 1, 6.0))
    monkeypatch.setitem(mini.SIZES, "smallest", size)


def test_stage_1(tiny, kdse, recipe, snapshot):
    code, out, err = kdse("data", "mini", "--size", "smallest", "--nj", 2)
    assert code == 0, err
    lengths = {split: validate(f"data/{split}") for split in SPLITS}
    assert {split: count for split, (count, _) in lengths.items()} == {"train": 20, "dev": 2, "test": 4}
    assert all(1.0 < seconds / count < 4.0 for count, seconds in lengths.values())
    for utt, path in read_table("data/test/wav.scp").items():
        samples = read_audio(path)
        level = 10 * np.log10(active_power(samples / 32768.0))
        assert -38 < level < -16 and samples.any() and read_table("data/test/utt2spk")[utt] == utt.split("-")[0]
    assert Path("data/noise.tsv").read_text().count("\n") == 1 + 8 + 8 + 4
    before = snapshot(recipe)

    assert "skipped" in kdse("data", "mini", "--size", "smallest")[1] and snapshot(recipe) == before

    # Killed before the data dirs were written, with two files lost: only those are made, and all is as before.
    for lost in ("data/.done", "data/audio/train/h03-001.flac", "data/noise/hum_dev1.flac"):
        Path(lost).unlink()
    kept = Path("data/audio/test/k11-001.flac").stat().st_mtime_ns
    code, out, _ = kdse("data", "mini", "--size", "smallest")
    assert code == 0 and "speak sentences: 1 in" in out and "make noises: 1 in" in out
    assert Path("data/audio/test/k11-001.flac").stat().st_mtime_ns == kept and snapshot(recipe) == before


def test_another_edition_is_made_anew(tiny, kdse, monkeypatch):
    monkeypatch.setattr(mini, "SPEAKERS", [s for s in SPEAKERS if s.name in ("h01", "h21", "h23")])
    monkeypatch.setattr("kdse.data.corpora.mini.noises.KINDS", {"pink": (coloured(1), SPLITS)})
    assert kdse("data", "mini", "--size", "smallest")[0] == 0
    monkeypatch.setattr(mini, "EDITION", mini.EDITION + 1)
    code, out, _ = kdse("data", "mini", "--size", "smallest")
    assert code == 0 and "edition changed from" in out and "is made anew" in out and "speak sentences: 3 in" in out


def test_a_finished_mini_stays_finished():
    """The values of commit b03cdb5: whoever changes how mini sounds raises EDITION."""
    assert mini.inputs("smallest")["items"] == "7a39951df3e3" and mini.inputs("default")["items"] == "9736773244f3"
    assert mini.inputs("smallest").keys() == {"edition", "size", "items", "noise"}
