"""Whisper in torch computes what CTranslate2 computes, and lets gradient through to the waveform."""

import importlib.util

import numpy as np
import pytest
import torch

from kdse.core.errors import UserError
from kdse.whisper.features import LogMel, mel_filters
from kdse.whisper.model import FRAME, Whisper
from tests.whisper.tiny import LAYERS, SIZE, arrays, write


def wave(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    return Whisper.load(write(arrays()))


def test_mel_filters_are_slaneys():
    """Corners as in the Auditory Toolbox: linear below 1 kHz in steps of 200/3 Hz, logarithmic above; each of area 1."""
    filters = mel_filters()
    assert filters.shape == (80, 201) and (filters >= 0).all()
    librosa = pytest.importorskip("librosa")
    assert np.abs(filters.numpy() - librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)).max() < 1e-8


def test_features_of_silence_have_a_gradient():
    silence = torch.zeros(1, 3200, requires_grad=True)
    features = LogMel()(silence)
    assert features.shape == (1, 80, 20) and torch.allclose(features, torch.tensor((-10 + 4) / 4))
    features.sum().backward()
    assert silence.grad.isfinite().all()


def test_shapes(whisper):
    latents, frames, tapped = whisper.encode(wave(2, 16100), torch.tensor([16100, 8000]), taps=(1, 2))
    assert latents.shape == (2, 51, SIZE) and frames.tolist() == [51, 25]
    assert [tap.shape for tap in tapped] == [latents.shape] * 2
    logits = whisper.decoder(torch.zeros(2, 4, dtype=torch.long), latents, frames)
    assert logits.shape == (2, 4, whisper.vocabulary)


def test_what_follows_an_utterance_changes_nothing(whisper):
    """Alone or beside a longer one: latents and logits are the same."""
    short = torch.nn.functional.pad(wave(1, 8 * FRAME), (0, 4 * FRAME))  # with silence: the last window sees what comes after
    both = torch.cat([torch.nn.functional.pad(short, (0, 20 * FRAME)), wave(1, 32 * FRAME, seed=1)])
    lengths = torch.tensor([short.shape[1]])
    words = torch.tensor([[50257, 50362, 11, 12]])
    latents, frames, _ = whisper.encode(short, lengths)
    together, counts, _ = whisper.encode(both, torch.tensor([short.shape[1], both.shape[1]]))
    assert frames.tolist() == [12] and counts.tolist() == [12, 32]
    assert torch.allclose(together[:1, :12], latents, atol=1e-4)
    alone = whisper.decoder(words, latents, frames)
    assert torch.allclose(whisper.decoder(words.expand(2, -1), together, counts)[:1], alone, atol=1e-4)


def test_a_token_sees_no_later_one(whisper):
    latents, frames, _ = whisper.encode(wave(1, 10 * FRAME), torch.tensor([10 * FRAME]))
    a, b = (whisper.decoder(torch.tensor([[50257, 50362, 11, last]]), latents, frames) for last in (12, 13))
    assert torch.equal(a[:, :3], b[:, :3]) and not torch.equal(a[:, 3], b[:, 3])


def test_gradient_flows_to_the_wave_and_nothing_can_be_trained(whisper):
    heard = wave(1, 10 * FRAME).requires_grad_()
    latents, frames, _ = whisper.encode(heard, torch.tensor([10 * FRAME]))
    whisper.decoder(torch.tensor([[50257, 50362]]), latents, frames).log_softmax(-1)[0, -1, 11].backward()
    assert heard.grad.abs().max() > 0 and heard.grad.isfinite().all()
    assert not list(whisper.parameters())


def test_bfloat16_is_near(whisper):
    """Eight bits of mantissa: a relative error of 2⁻⁹ a product, which layers add up."""
    low = Whisper.load(write(arrays()), torch.bfloat16)
    (a, _, _), (b, _, _) = (network.encode(wave(1, 30 * FRAME), torch.tensor([30 * FRAME])) for network in (whisper, low))
    assert (a - b).norm() / a.norm() < 0.02


def test_longer_than_its_window_is_refused(whisper):
    with pytest.raises(UserError, match=r"takes 30 s at most, not 30\.1 s"):
        whisper.encode(torch.zeros(1, 30 * 16000 + 1000), torch.tensor([481000]))


def test_a_model_without_an_array_is_refused():
    values = arrays()
    del values["encoder/conv1/weight"]
    with pytest.raises(UserError, match="no Whisper model: it has no array 'encoder/conv1/weight'"):
        Whisper.load(write(values))


def test_the_layers_are_counted(whisper):
    assert whisper.encoder.layers == whisper.decoder.layers == LAYERS


@pytest.mark.parametrize("name", ["base", "tiny.en"])
def test_values_are_ctranslate2s(name):
    """On real weights: features to 1e-4, latents of float32 to 0.002 of about 20, and teacher-forced words agree."""
    if any(importlib.util.find_spec(package) is None for package in ("ctranslate2", "faster_whisper")):
        pytest.skip("faster-whisper is not installed")
    from ctranslate2 import StorageView
    from faster_whisper import WhisperModel

    from kdse.recognisers.whisper import packaged_weights
    from kdse.whisper.prompt import prompt_for

    try:
        weights = packaged_weights(name)
    except UserError as e:
        pytest.skip(str(e))
    theirs = WhisperModel(name, files=weights, compute_type="float32", local_files_only=True)
    ours = Whisper.load(weights["model.bin"])
    heard = torch.nn.functional.pad(wave(1, 3 * 16000) * torch.linspace(0, 1, 3 * 16000), (0, 8000))
    features = theirs.feature_extractor(heard[0].numpy(), padding=0)[:, : heard.shape[1] // 160].astype(np.float32)
    assert np.abs(ours.features(heard)[0].numpy() - features).max() < 1e-4
    encoded = theirs.model.encode(StorageView.from_array(np.ascontiguousarray(features[None])))
    latents, frames, _ = ours.encode(heard, torch.tensor([heard.shape[1]]))
    assert np.abs(latents[0].numpy() - np.array(encoded)[0]).max() < 0.005
    prompt = prompt_for(ours.vocabulary)
    plain = {"beam_size": 1, "max_length": 30, "suppress_tokens": [prompt.end], "suppress_blank": False}
    result = theirs.model.generate(encoded, [list(prompt.ids)], **plain)
    words = result[0].sequences_ids[0]
    logits = ours.decoder(torch.tensor([[*prompt.ids, *words]]), latents, frames)[0, len(prompt.ids) - 1 : -1]
    logits[:, prompt.end] = -torch.inf
    assert len(words) > 10 and (logits.argmax(-1) == torch.tensor(words)).float().mean() > 0.9
