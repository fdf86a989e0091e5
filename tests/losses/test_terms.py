"""Every distillation term: what the registry promises of all of them."""

import pytest
import torch
from torch.nn import functional as F

from kdse.losses import DISTILLATION_TERMS

SHAPES = {"latents": (3, 7, 5), "posteriors": (3, 7, 5), "waveforms": (3, 4000)}
LENGTHS = {"latents": (7, 4, 2), "posteriors": (7, 4, 2), "waveforms": (4000, 3000, 2000)}

every = pytest.mark.parametrize("name", DISTILLATION_TERMS)


def values(name: str, seed: int) -> torch.Tensor:
    """What a term of this level is given."""
    level = DISTILLATION_TERMS[name].level
    drawn = torch.randn(SHAPES[level], generator=torch.Generator().manual_seed(seed))
    return drawn.log_softmax(-1) if level == "posteriors" else drawn


def lengths(name: str) -> torch.Tensor:
    return torch.tensor(LENGTHS[DISTILLATION_TERMS[name].level])


def loss(name: str, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    return DISTILLATION_TERMS[name].loss(student, teacher, lengths(name))


def padding(name: str) -> torch.Tensor:
    """Booleans of the shape of its values, true past the lengths."""
    shape = SHAPES[DISTILLATION_TERMS[name].level]
    past = torch.arange(shape[1])[None] >= lengths(name)[:, None]
    return past.reshape(*past.shape, *[1] * (len(shape) - 2)).expand(shape)


@every
def test_its_name_is_one_that_logs_show(name):
    assert name.startswith("l_") and name not in ("l_r", "l_e", "l_d", "l_q", "l_t", "l_asr", "l_f", "l_p")
    assert DISTILLATION_TERMS[name].level in SHAPES


@every
def test_it_is_a_finite_scalar_that_is_least_where_both_agree(name):
    value, best = (loss(name, values(name, seed), values(name, 0)) for seed in (1, 0))
    assert value.shape == () and value.isfinite() and best < value
    assert best == pytest.approx(0, abs=1e-5)


@every
def test_padding_changes_no_bit(name):
    student, teacher = values(name, 1), values(name, 0)
    value = loss(name, student, teacher)
    for given in (student, teacher):
        given[padding(name)] = values(name, 2)[padding(name)]
        assert torch.equal(loss(name, student, teacher), value)


@every
def test_the_gradient_is_finite_and_none_reaches_the_padding(name):
    student = values(name, 1).requires_grad_(True)
    loss(name, student, values(name, 0)).backward()
    assert student.grad.isfinite().all() and student.grad.any()
    assert not student.grad[padding(name)].any()
    silent = torch.zeros_like(student, requires_grad=True)
    loss(name, silent, values(name, 0)).backward()
    assert silent.grad.isfinite().all()


@every
def test_shapes_that_differ_are_named(name):
    teacher = values(name, 0)
    with pytest.raises(ValueError, match=r"\(3, \d+.*\(3, \d+"):
        loss(name, F.pad(teacher, (0, 0) * (teacher.dim() - 2) + (0, 1)), teacher)
