"""Latency of systems whose latency is known, and why some front ends cannot take frames one by one."""

import pytest
import torch

from kdse.bench.cost import whole
from kdse.bench.latency import algorithmic_latency, step_times
from kdse.plugin.load import load_front_end


def stft(window: int, hop: int, look_ahead: int = 0):
    """An STFT and back with a gain in every frame that depends on the level of the frame `look_ahead` later."""
    shape = torch.hann_window(window)

    def process(noisy):
        spectrum = torch.stft(noisy, window, hop, window=shape, return_complex=True)
        level = spectrum.abs().mean(1, keepdim=True)
        gain = torch.sigmoid(torch.cat([level[..., look_ahead:], level[..., :look_ahead]], -1))
        return torch.istft(spectrum * gain, window, hop, window=shape, length=noisy.shape[1])

    return process


@pytest.mark.parametrize("window, hop, look_ahead", [(512, 256, 0), (512, 128, 0), (320, 160, 0), (512, 256, 1), (512, 128, 3)])
def test_latency_of_an_stft_is_its_window_and_the_look_ahead(window, hop, look_ahead):
    assert algorithmic_latency(stft(window, hop, look_ahead)) == window + look_ahead * hop


@pytest.mark.parametrize("shift", [0, 30, -100])
def test_latency_of_a_filter(shift):
    """y[n] = x[n + shift]: one sample more than the look-ahead, and less than none where the output comes later."""

    def process(noisy):
        return torch.nn.functional.pad(noisy, (max(-shift, 0), max(shift, 0)))[:, max(shift, 0) :][:, : noisy.shape[1]]

    assert algorithmic_latency(process) == shift + 1


def test_latency_of_what_needs_the_whole_utterance():
    assert algorithmic_latency(lambda noisy: noisy / noisy.std()) is None
    assert algorithmic_latency(lambda noisy: noisy.flip(1)) is None


def test_what_ignores_its_input_has_no_latency():
    with pytest.raises(AssertionError, match="does not depend on the input"):
        algorithmic_latency(torch.zeros_like)


def test_a_front_end_without_steps_says_so(kd):
    model, _ = load_front_end(kd[0])
    model.normalize_variance = True
    assert step_times(model, torch.randn(1, 16000)) == (None, "the level of the whole utterance is normalised first")
    assert algorithmic_latency(whole(model)) is None
    model.normalize_variance = False
    model.separator.net = torch.nn.Identity()
    assert step_times(model, torch.randn(1, 16000)) == (None, "KdseDCCRN enhances whole utterances only")
