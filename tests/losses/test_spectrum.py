"""L_t: numbers by hand, the gate, padding, gradients."""

import pytest
import torch

from kdse.losses import spectrum_distance, spectrum_divergence
from kdse.losses.spectrum import magnitudes, teacher_is_closer

LENGTHS = torch.tensor([4000, 3000])


def wave(seed: int) -> torch.Tensor:
    return torch.randn(2, 4000, generator=torch.Generator().manual_seed(seed))


LOSSES = {
    "distance": lambda student: spectrum_distance(student, wave(1), wave(2), LENGTHS, gated=False),
    "gated": lambda student: spectrum_distance(student, wave(1), wave(1) + 0.01 * wave(2), LENGTHS),
    "divergence": lambda student: spectrum_divergence(student, wave(1), LENGTHS),
}


@pytest.mark.parametrize("name", LOSSES)
def test_padding_changes_nothing(name):
    a, b = wave(0), wave(0)
    b[1, 3000:] = 9.0
    a, b = a.requires_grad_(), b.requires_grad_()
    loss = LOSSES[name](a)
    assert loss.item() == LOSSES[name](b).item() > 0
    loss.backward()
    assert a.grad.isfinite().all() and (a.grad[1, 3000:] == 0).all() and (a.grad[1, :3000] != 0).any()


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_is_lost_where_both_agree_and_gradients_stay_finite_in_silence(name):
    assert LOSSES[name](wave(1)).item() == pytest.approx(0, abs=1e-6)
    silent = torch.zeros(2, 4000, requires_grad=True)
    LOSSES[name](silent).backward()
    assert silent.grad.isfinite().all()


def test_distance_by_hand():
    """Ten times the level is 10^0.3 of the compressed magnitude: every bin differs by (10^0.3 − 1)·|S|^0.3."""
    s, lengths = wave(0), torch.tensor([4000, 4000])
    compressed = magnitudes(s, lengths)[0] ** 0.3
    expected = ((10**0.3 - 1) ** 2 * compressed.square()).mean()
    assert spectrum_distance(10 * s, s, s, lengths, gated=False).item() == pytest.approx(expected.item(), rel=1e-3)


def test_divergence_by_hand():
    """Two tones of equal energy, the upper one 20 dB too weak in the student: KL of (1/2, 1/2) from (1, 0.01)/1.01."""
    lengths = torch.tensor([4000])
    n = torch.arange(4000)
    low, high = (torch.sin(2 * torch.pi * f / 16000 * n)[None] for f in (1000, 5000))
    found = spectrum_divergence(low + 0.1 * high, low + high, lengths).item()
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([1, 0.01]) / 1.01
    assert found == pytest.approx((p * (p / q).log()).sum().item(), rel=0.05)


def test_the_gate_lets_through_only_what_the_teacher_does_better():
    """A teacher that is right below 4 kHz and wrong above teaches the lower half alone."""
    clean, student = torch.zeros(1, 16, 256), torch.ones(1, 16, 256)
    teacher = torch.cat([torch.zeros(1, 16, 128), torch.full((1, 16, 128), 3.0)], 2)
    gate = teacher_is_closer(student, teacher, clean)
    assert gate[..., :128].all() and not gate[..., 128:].any()
    assert not teacher_is_closer(student, student, clean).any()


def test_a_worse_teacher_teaches_nothing():
    s = wave(0)
    student = (s + 0.1 * wave(1)).requires_grad_()
    loss = spectrum_distance(student, s + wave(2), s, LENGTHS)
    loss.backward()
    assert loss.item() == 0 and student.grad.abs().max() == 0


@pytest.mark.parametrize(
    "function", [lambda a, b: spectrum_distance(a, b, a, LENGTHS), lambda a, b: spectrum_divergence(a, b, LENGTHS)]
)
def test_shapes_that_differ_are_named(function):
    with pytest.raises(ValueError, match=r"\(2, 4000\).*\(2, 3999\)"):
        function(wave(0), wave(1)[:, :3999])
