"""Acoustic parameters and their phonetic weights: known signals, numbers by hand."""

import math
from dataclasses import replace

import pytest
import torch

from kdse.approaches.context import BatchContext, EncoderOutput, TeacherInput
from kdse.approaches.paap import PAAP, PhoneticWeights
from kdse.losses.acoustic import PARAMETERS, acoustic_parameters, weighted_parameters

NAMES = [p if isinstance(p, str) else f"{p[0]}-{p[1]}" for p in PARAMETERS]


def tone(hertz: float, level: float = 0.1, n: int = 8000) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * hertz * torch.arange(n) / 16000)[None]


def middle(wave: torch.Tensor) -> dict[str, float]:
    """The parameters in the middle of a wave."""
    found, frames = acoustic_parameters(wave, torch.tensor([wave.shape[1]]))
    assert found.shape == (1, 51, len(PARAMETERS)) and frames.tolist() == [51]
    return dict(zip(NAMES, found[0, 25].tolist(), strict=True))


def test_a_tone_is_where_it_is():
    found = middle(tone(2500))
    assert found["centroid"] == pytest.approx(2.5, abs=0.1)
    bands = {name: value for name, value in found.items() if name[0].isdigit()}
    assert max(bands, key=bands.get) == "2000-3000"
    assert found["alpha ratio"] < -20 and found["Hammarberg index"] < -20
    assert middle(tone(300))["alpha ratio"] > 20 and middle(tone(300))["Hammarberg index"] > 20


def test_ten_times_the_amplitude_is_twenty_decibels_more_and_nothing_else():
    two = tone(600, 0.02) + tone(3000, 0.01)
    soft, loud = middle(two), middle(10 * two)
    assert loud["loudness"] - soft["loudness"] == pytest.approx(20, abs=0.1)
    assert loud["alpha ratio"] == pytest.approx(soft["alpha ratio"], abs=1.0)


def test_a_steady_tone_has_less_flux_than_one_that_starts():
    steady = tone(1000)
    starting = steady * (torch.arange(8000) >= 4000)
    flux = NAMES.index("spectral flux")
    steady, starting = (acoustic_parameters(w, torch.tensor([8000]))[0][0, 5:45, flux] for w in (steady, starting))
    assert starting.max() > 3 * steady.max()


@pytest.mark.parametrize("wave", [torch.zeros(1, 8000), tone(440), torch.ones(1, 8000)], ids=["silence", "tone", "constant"])
def test_gradients_are_finite(wave):
    wave = wave.clone().requires_grad_(True)
    acoustic_parameters(wave, torch.tensor([8000]))[0].square().sum().backward()
    assert torch.isfinite(wave.grad).all()


def test_a_wave_is_described_alike_alone_and_in_a_batch():
    """Whatever a front end leaves behind its end; also where it is shorter than a window."""
    wave = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    for n in (8000, 200):
        alone, frames = acoustic_parameters(wave[:, :n], torch.tensor([n]))
        padded, _ = acoustic_parameters(torch.cat([wave[:, :n], torch.ones(1, 4000)], 1), torch.tensor([n]))
        assert alone.shape[1] == frames == n // 160 + 1
        assert torch.allclose(padded[:, : int(frames)], alone, atol=1e-4)


def test_padding_changes_nothing():
    one = torch.ones(2, 4, 3)
    far = one.clone()
    far[0, 2:] = 1e6
    frames = torch.tensor([2, 4])
    assert weighted_parameters(far, one, one, frames) == weighted_parameters(one, one, one, frames) == 0


def test_phonetic_weights_by_hand():
    """Two tokens, one parameter of interest: z is +1 on token 0 and −1 on token 1 (mean 0, variance 1), so both weigh it alike;
    another parameter differs within tokens only, so that its weight is 0."""
    state = PhoneticWeights(3)
    values = torch.zeros(4, len(PARAMETERS))
    values[:, 0] = torch.tensor([5.0, 5.0, 3.0, 3.0])
    values[:, 1] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    for _ in range(2):  # in two batches
        state.learn(values, torch.tensor([0, 0, 1, 1]))
    mean, deviation = state.moments()
    assert mean[:2].tolist() == [4, 0] and deviation[:2].tolist() == [1, 1]
    weights = state.weights()
    assert weights[0, 0] == weights[1, 0] == pytest.approx(math.sqrt(len(PARAMETERS))) and weights[:2, 1].tolist() == [0, 0]
    assert weights[2].tolist() == [1.0] * len(PARAMETERS)  # never seen
    assert (weights[:2].square().mean(1) * state.counts[:2]).sum() / 8 == pytest.approx(1)


class OneToken:
    """A recogniser of token 0 alone, one latent for four descriptor frames."""

    centroids, distance = torch.tensor([[0.0], [9.0]]), 1.0

    def target(self, clean, lengths, cached, posteriors=False):
        return EncoderOutput(torch.zeros(len(clean), 13, 1), torch.full((len(clean),), 13), None)


def test_a_perfect_front_end_has_no_parameter_loss_and_a_loud_one_has():
    approach, clean = PAAP(phonetic=False), tone(700) + 0.01 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    context = BatchContext(teachers=(TeacherInput(OneToken()),), approach_state=approach.approach_state(2), training=True)
    lengths = torch.tensor([8000])
    perfect = approach(clean, clean, lengths, context)
    loud = approach(3 * clean, clean, lengths, context)
    assert float(perfect["l_p"][1]) == 0 < float(loud["l_p"][1]) and perfect["l_p"][0] == 1.0
    assert context.approach_state.counts.tolist() == [102, 0]
    approach(clean, clean, lengths, replace(context, training=False))
    assert context.approach_state.counts.tolist() == [102, 0]
