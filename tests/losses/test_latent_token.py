"""L_e and L_d: numbers by hand, what padding may not do, and what τ and hard tokens mean."""

import math

import pytest
import torch
from torch.nn import functional as F

from kdse.losses import latent_distance, token_divergence, token_error_rate
from kdse.losses.mask import valid
from kdse.losses.token import token_logits

B, U, D, K = 3, 7, 5, 11
LENGTHS = torch.tensor([7, 4, 1])
CENTROIDS = torch.randn(K, D, generator=torch.Generator().manual_seed(9))

LOSSES = {
    "latent_distance": lambda student, teacher, lengths: latent_distance(student, teacher, lengths),
    "soft": lambda student, teacher, lengths: token_divergence(student, teacher, CENTROIDS, lengths, tau=2.0),
    "hard": lambda student, teacher, lengths: token_divergence(student, teacher, CENTROIDS, lengths, tau=2.0, hard=True),
    "error_rate": lambda student, teacher, lengths: token_error_rate(student, teacher, CENTROIDS, lengths),
}
every = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
differentiable = pytest.mark.parametrize("loss", list(LOSSES.values())[:3], ids=list(LOSSES)[:3])


@pytest.fixture
def teacher() -> torch.Tensor:
    return torch.randn(B, U, D, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def student(teacher) -> torch.Tensor:
    return teacher + torch.randn(B, U, D, generator=torch.Generator().manual_seed(1))


@every
def test_padding_does_not_count(loss, student, teacher):
    """Neither what stands in it, to the last bit, nor how much of it there is."""
    value = loss(student, teacher, LENGTHS)
    assert value.shape == () and value.isfinite()
    padding = ~valid(LENGTHS, U)
    for latents in (student, teacher):
        latents[padding] = 100 * torch.randn(int(padding.sum()), D)
        assert torch.equal(loss(student, teacher, LENGTHS), value)
    longer = (F.pad(x, (0, 0, 0, 13), value=-50.0) for x in (student, teacher))
    torch.testing.assert_close(loss(*longer, LENGTHS), value)


@every
def test_every_valid_frame_counts_the_same(loss, student, teacher):
    """A batch is the frame-weighted mean of its items: long items are not worth less a frame."""
    single = [loss(student[b : b + 1, :n], teacher[b : b + 1, :n], LENGTHS[b : b + 1]) for b, n in enumerate(LENGTHS.tolist())]
    torch.testing.assert_close(loss(student, teacher, LENGTHS), (torch.stack(single) * LENGTHS).sum() / LENGTHS.sum())


@differentiable
def test_gradient_reaches_valid_frames_of_the_student_alone(loss, student, teacher):
    student.requires_grad_(True)
    loss(student, teacher, LENGTHS).backward()
    reached = student.grad.abs().sum(2) > 0
    assert student.grad.isfinite().all() and torch.equal(reached, valid(LENGTHS, U))


@every
def test_shapes_that_differ_are_named(loss, student, teacher):
    with pytest.raises(ValueError, match=r"\(3, 6, 5\).*\(3, 7, 5\)"):
        loss(student[:, :-1], teacher, LENGTHS)


@every
def test_zero_at_equality(loss, teacher):
    if loss is not LOSSES["hard"]:
        assert loss(teacher.clone(), teacher, LENGTHS) == 0


def test_latent_distance_by_hand():
    """Squared errors 1 + 4, 9 + 16 and 1 + 1 over 3 frames of 2 values: 32/6; the last frame of the second item is padding."""
    student = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1e3, 1e3]]])
    assert latent_distance(student, torch.zeros(2, 2, 2), torch.tensor([2, 1])).item() == pytest.approx(32 / 6)


def test_logits_are_squared_distances(student):
    torch.testing.assert_close(token_logits(student, CENTROIDS, 2.0), -torch.cdist(student, CENTROIDS[None]).square() / 2)


def test_far_from_the_origin_distances_keep_their_sign():
    """‖x‖² − 2xc + ‖c‖² may round below zero; a distance never is."""
    far = 1000 + torch.randn(1, 50, D)
    assert (token_logits(far, far[0], 1.0) <= 0).all()


def test_divergence_by_hand():
    """Teacher at distance² 0 and 4 from two centroids, student at 1 and 1, τ = 2: p = σ(2), q = ½: p·ln 2p + (1−p)·ln 2(1−p)."""
    centroids = torch.tensor([[0.0], [2.0]])
    p = 1 / (1 + math.exp(-2))
    found = token_divergence(torch.tensor([[[1.0]]]), torch.tensor([[[0.0]]]), centroids, torch.tensor([1]), tau=2.0)
    assert found.item() == pytest.approx(p * math.log(2 * p) + (1 - p) * math.log(2 - 2 * p), rel=1e-6)


def test_divergence_is_torch_s_own(student, teacher):
    """The mean over valid frames of torch.distributions' KL(p‖q), which is never negative."""
    p, q = (torch.distributions.Categorical(logits=-torch.cdist(x, CENTROIDS[None]).square() / 2) for x in (teacher, student))
    divergences = torch.distributions.kl_divergence(p, q)[valid(LENGTHS, U)]
    assert (divergences > 0).all()
    torch.testing.assert_close(LOSSES["soft"](student, teacher, LENGTHS), divergences.mean())


def test_divergence_is_never_negative(teacher):
    for seed in range(20):
        near = teacher + 1e-3 * torch.randn(B, U, D, generator=torch.Generator().manual_seed(seed))
        assert LOSSES["soft"](near, teacher, LENGTHS) > -1e-7


def test_hard_tokens_are_cross_entropy(student, teacher):
    mask = valid(LENGTHS, U)
    nearest = torch.cdist(teacher, CENTROIDS[None]).argmin(-1)
    logits = -torch.cdist(student, CENTROIDS[None]).square() / 2
    torch.testing.assert_close(LOSSES["hard"](student, teacher, LENGTHS), F.cross_entropy(logits[mask], nearest[mask]))


def test_soft_tokens_become_hard_ones_for_a_small_tau(student, teacher):
    """KL(p‖q) = cross-entropy − entropy of p, and the entropy of a one-hot p is 0."""
    soft, hard = (token_divergence(student, teacher, CENTROIDS, LENGTHS, tau=1e-3, hard=h) for h in (False, True))
    torch.testing.assert_close(soft, hard, rtol=1e-3, atol=0)


def test_tau_is_a_squared_distance(student, teacher):
    """Latents in other units with τ in the square of those units change nothing; a larger τ blurs all differences away."""
    value = token_divergence(student, teacher, CENTROIDS, LENGTHS, tau=1.5)
    in_tenths = token_divergence(10 * student, 10 * teacher, 10 * CENTROIDS, LENGTHS, tau=150.0)
    torch.testing.assert_close(in_tenths, value, rtol=1e-4, atol=0)
    blurred = [token_divergence(student, teacher, CENTROIDS, LENGTHS, tau=tau).item() for tau in (1.0, 10.0, 100.0, 1000.0)]
    assert blurred == sorted(blurred, reverse=True) and blurred[-1] < 1e-4


def test_order_and_position_of_centroids_do_not_count(student, teacher):
    value = LOSSES["soft"](student, teacher, LENGTHS)
    flipped = token_divergence(student, teacher, CENTROIDS.flip(0), LENGTHS, tau=2.0)
    moved = token_divergence(student + 3, teacher + 3, CENTROIDS + 3, LENGTHS, tau=2.0)
    torch.testing.assert_close(flipped, value)
    torch.testing.assert_close(moved, value, rtol=1e-4, atol=1e-5)


def test_error_rate_by_hand():
    """Centroids at 0 and 1: the student crosses the middle in one of three valid frames, and once in the padding."""
    teacher = torch.tensor([[0.1, 0.2], [0.9, 0.1]])[..., None]
    student = torch.tensor([[0.4, 0.6], [0.7, 0.9]])[..., None]
    assert token_error_rate(student, teacher, torch.tensor([[0.0], [1.0]]), torch.tensor([2, 1])).item() == pytest.approx(1 / 3)
