"""Approaches are compared on the same start, the same mixtures and the same number of updates."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from kdse.data.pack import Pack
from kdse.plugin.preprocess import MixOptions, MixPreprocessor, change_speed


def test_same_weights_at_the_start(standalone, kd, same):
    """To the last bit, though one of the two models is built beside a teacher."""
    assert standalone[1].start and same(standalone[1].start, kd[1].start)


def test_same_mixtures_in_the_same_order(standalone, kd):
    assert standalone[1].batches == kd[1].batches


def test_updates_and_epochs(standalone):
    """Two epochs of two updates; training mixtures are new in each epoch, validation's are not."""
    train, valid = ([batch for batch in standalone[1].batches if batch[0] == mode] for mode in ("train", "valid"))
    assert len(train) == 4 and len(set(train)) == 4
    assert len(valid) == 4 and valid[:2] == valid[2:]


def test_another_seed_has_other_weights_and_mixtures_but_the_same_validation(standalone, train_se, watched, tmp_path, same):
    with watched() as other:
        assert train_se(tmp_path / "seed1", "standalone_se", "--seed", 1) == 0
    first = standalone[1]
    assert not same(first.start, other.start)
    modes = {mode: [[b for b in seen.batches if b[0] == mode] for seen in (first, other)] for mode in ("train", "valid")}
    assert not set(modes["train"][0]) & set(modes["train"][1])
    assert modes["valid"][0] == modes["valid"][1]


def test_workers_change_nothing(standalone, train_se, weights, same, tmp_path):
    """A training with two loader processes ends with the weights of one without."""
    assert train_se(tmp_path / "workers", "standalone_se", num_workers=2) == 0
    assert same(weights(tmp_path / "workers"), weights(standalone[0]))


class Items(torch.utils.data.Dataset):
    """What ESPnet's dataset does: clean samples through the preprocessor, by index."""

    def __init__(self, speech: Pack, preprocess: MixPreprocessor):
        self.speech, self.preprocess = speech, preprocess

    def __len__(self) -> int:
        return len(self.speech)

    def __getitem__(self, index: int) -> tuple[str, dict]:
        utt = self.speech.ids[index]
        return utt, self.preprocess(utt, {"speech_ref1": self.speech[utt]})


@pytest.fixture
def options(packs) -> MixOptions:
    noises = {f"noise_{name}": str(packs / "pack" / f"noise_{pack}") for name, pack in (("train", "train"), ("valid", "dev"))}
    return MixOptions(corpus="tiny", mix={"clean_prob": 0.0}, **noises)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_mixture_belongs_to_its_utterance_and_epoch(packs, options, workers):
    """Whatever process makes it, in whatever order, and however many were made before."""
    speech = Pack(packs / "pack" / "speech_train")
    expected = {}
    for utt in speech:
        single = MixPreprocessor(True, options)
        single.epoch = 3
        expected[utt] = single(utt, {"speech_ref1": speech[utt]})["speech_mix"]
    items = Items(speech, MixPreprocessor(True, options))
    items.preprocess.epoch = 3
    order = list(reversed(range(len(items))))
    for utt, made in DataLoader(items, sampler=order, batch_size=None, num_workers=workers):
        assert np.array_equal(np.asarray(made["speech_mix"]), expected[utt])


def test_items_are_exact_sums_in_float32(packs, options):
    """speech_mix − speech_ref1 is the scaled int16 noise exactly, and both lie in [−1, 1)."""
    speech = Pack(packs / "pack" / "speech_train")
    made = MixPreprocessor(True, options)("u0", {"speech_ref1": speech["u0"]})
    mix, clean = made["speech_mix"], made["speech_ref1"]
    assert mix.dtype == clean.dtype == np.float32 and mix.shape == clean.shape == speech["u0"].shape
    noise = (mix.astype(np.float64) - clean) * 32768
    assert np.array_equal(noise, np.rint(noise)) and noise.any() and np.abs(mix).max() <= 1


def test_validation_ignores_epoch_and_seed(packs, options):
    from dataclasses import replace

    speech = Pack(packs / "pack" / "speech_dev")
    one, other = MixPreprocessor(False, options), MixPreprocessor(False, replace(options, seed=7))
    other.epoch = 5
    a, b = (p("u6", {"speech_ref1": speech["u6"]})["speech_mix"] for p in (one, other))
    assert np.array_equal(a, b)


def test_clean_speech_first(packs, options):
    """With clean_epochs: 4, items are clean in epoch 1, then less often, and as often as `clean_prob` says from epoch 5 on."""
    from dataclasses import replace

    train, valid = (MixPreprocessor(mode, replace(options, clean_epochs=4, mix={"clean_prob": 0.1})) for mode in (True, False))
    assert [train.config_of(epoch).clean_prob for epoch in range(1, 7)] == [1.0, 0.75, 0.5, 0.25, 0.1, 0.1]
    assert valid.config_of(0).clean_prob == 0.1 and MixPreprocessor(True, options).config_of(1).clean_prob == 0.0
    train.epoch = 1
    made = train("u0", {"speech_ref1": Pack(packs / "pack" / "speech_train")["u0"]})
    assert np.array_equal(made["speech_mix"], made["speech_ref1"])


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_change_speed(speed):
    """Length ⌈N/speed⌉ and pitch times speed: a tone of 1 kHz moves to 900 or 1100 Hz."""
    tone = np.rint(8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16)
    changed = change_speed(tone, speed)
    assert changed.dtype == np.int16 and len(changed) == -(-16000 * 100 // round(100 * speed))
    peak = np.abs(np.fft.rfft(changed * np.hanning(len(changed)))).argmax() * 16000 / len(changed)
    assert peak == pytest.approx(1000 * speed, abs=2)
