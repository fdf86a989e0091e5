"""Gradient surgery in numbers: worked by hand, or properties that must hold for any gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from kdse.approaches.d4am import Calibration
from kdse.approaches.gradients import Sum, hand_over, measure, project, two_gradients
from kdse.approaches.joint_grad import Remedy, remedy
from kdse.approaches.pcgrad import Projection

vectors = st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3).map(lambda v: torch.tensor(v, dtype=torch.float32))


def angle(x, y):
    return math.acos(max(-1.0, min(1.0, float(F.cosine_similarity(x.double(), y.double(), dim=0)))))


@given(vectors, vectors)
@settings(max_examples=200, deadline=None)
def test_a_conflicting_pair_meets_at_theta(a, e):
    """tan θ = ‖e‖/‖a‖ with the norms of before; the part of e that stood upright on a stays."""
    if float(a.norm()) < 0.1 or float(e.norm()) < 0.1 or float(a @ e) >= 0:
        return
    upright = project(e, a)
    if float(upright.norm()) < 0.1:
        return
    same, turned = remedy(a, e, ratio=math.inf)
    assert torch.equal(same, a)
    assert angle(turned, a) == pytest.approx(math.atan2(float(e.norm()), float(a.norm())), abs=1e-3)
    assert torch.allclose(turned - (turned @ a) / (a @ a) * a, upright, atol=1e-4)


@given(vectors, vectors)
@settings(max_examples=200, deadline=None)
def test_a_pair_that_agrees_and_is_balanced_stays_as_it_is(a, e):
    if float(a @ e) >= 0 and float(e.norm()) <= 5 * float(a.norm()):
        found = remedy(a, e)
        assert torch.equal(found[0], a) and torch.equal(found[1], e)


def test_the_second_step_by_hand():
    """a = (1, 0), e = (−8, 6): ‖e‖ = 10 > 5. e⊥ = (0, 6), e ← (0, 6) + 6/10·(1, 0) = (0.6, 6), cos θ′ = 0.6/√36.36 = 0.0995."""
    a, e = remedy(torch.tensor([1.0, 0.0]), torch.tensor([-8.0, 6.0]))
    cosine = 0.6 / math.sqrt(36.36)
    assert torch.allclose(a, torch.tensor([1 / cosine, 0.0])) and torch.allclose(e, torch.tensor([0.6, 6.0]) * cosine)


@pytest.mark.parametrize("a, e", [((0, 0), (1, 2)), ((1, 2), (0, 0)), ((0, 0), (0, 0)), ((1, 0), (-3, 0)), ((1e-20, 0), (-1, 1))])
@pytest.mark.parametrize("rule", [Remedy(5.0, 0.05), Projection(), Sum(), Calibration()], ids=lambda rule: type(rule).__name__)
def test_zero_and_opposite_gradients_give_no_nan(rule, a, e):
    a, e = [torch.tensor(a, dtype=torch.float32)], [torch.tensor(e, dtype=torch.float32)]
    combined, seen = rule(a, e)
    assert all(torch.isfinite(g).all() for g in combined) and all(torch.isfinite(value).all() for value in seen.values())


def test_a_right_angle_is_not_divided_by_zero():
    """cos θ′ = 0 where nothing conflicts and e is far longer: the floor holds a to twenty times its length."""
    a, e = remedy(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 100.0]), ratio=5.0, floor=0.05)
    assert torch.allclose(a, torch.tensor([20.0, 0.0])) and torch.allclose(e, torch.tensor([0.0, 5.0]))


def test_projection_is_the_remedy_without_its_second_half():
    a, e = torch.tensor([1.0, 0.0]), torch.tensor([-0.6, 0.8])
    (combined,), _ = Projection()([a], [e])
    assert torch.allclose(combined, torch.tensor([1.0, 0.8]))
    assert torch.equal(project(-e, a), -e)  # no conflict, no change


def test_measures_by_hand():
    """a = ((3), (0, 4)), e = ((−3), (0, 4)): ⟨a,e⟩ = 7, both of norm 5; one of two tensors conflicts."""
    a, e = [torch.tensor([3.0]), torch.tensor([0.0, 4.0])], [torch.tensor([-3.0]), torch.tensor([0.0, 4.0])]
    found = {name: float(value) for name, value in measure(a, e).items()}
    assert found == pytest.approx({"grad_cosine": 7 / 25, "grad_ratio": 1.0, "grad_conflicts": 0.5})


def test_d4am_by_hand():
    """g_c = (1, 0), g_r = (−1, 1): ⟨⟩ = −1, ‖g_r‖² = 2, α_g = 1/2, α_s = 1 at first, so g = g_c + 1.5·g_r = (−0.5, 1.5).

    d = −2(−1 + 1/2·2) + 2·1·2 = 4 at each of 8 updates: α_s ← 1 + clip(−0.2) = 0.8, once, at the eighth.
    """
    rule, a, e = Calibration(), [torch.tensor([1.0, 0.0])], [torch.tensor([-1.0, 1.0])]
    for update in range(1, 9):
        (g,), seen = rule(a, e)
        assert torch.allclose(g, torch.tensor([-0.5, 1.5])) and float(seen["alpha_g"]) == 0.5
        assert float(rule.alpha_s) == pytest.approx(1.0 if update < 8 else 0.8)
    (g,), _ = rule(a, e)
    assert torch.allclose(g, torch.tensor([1.0 - 1.3, 1.3]))


def test_d4am_without_conflict_and_at_its_limits():
    """g_c = g_r = (10): α_g = 0 and d = −200 + 200·α_s, which is 0 at α_s = 1.

    With g_c = (1), g_r = (100), d = −200 + 20,000·α_s: one move is −1 at most and ends at 0; from 0 it is +1.
    """
    rule = Calibration()
    for _ in range(8):
        (g,), seen = rule([torch.tensor([10.0])], [torch.tensor([10.0])])
    assert float(seen["alpha_g"]) == 0 and float(g) == 20 and float(rule.alpha_s) == 1
    for expected in (0, 1):
        for _ in range(8):
            rule([torch.tensor([1.0])], [torch.tensor([100.0])])
        assert float(rule.alpha_s) == expected


@pytest.mark.parametrize(
    "options, expected",
    [({}, 1.5), ({"srpr": False}, 0.5), ({"gclb": False}, 1.0), ({"gclb": False, "srpr": False}, 0.0)],
    ids=["d4am", "gclb", "srpr", "clso"],
)
def test_d4am_and_its_ablations(options, expected):
    a, e = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    (g,), _ = Calibration(**options)([a], [e])
    assert torch.allclose(g, a + expected * e)


def test_what_calibration_remembers_is_in_its_state():
    rule, other = Calibration(), Calibration()
    for _ in range(5):
        rule([torch.tensor([1.0])], [torch.tensor([2.0])])
    other.load_state_dict(rule.state_dict())
    for _ in range(5):
        one, two = (r([torch.tensor([1.0])], [torch.tensor([2.0])])[0][0] for r in (rule, other))
        assert torch.equal(one, two)
    assert rule.updates == 10 and torch.equal(rule.alpha_s, other.alpha_s)


def test_a_minibatch_that_is_not_finite_does_not_reach_alpha():
    """The trainer leaves its update out and goes on; NaN in α_s would end the training for good."""
    rule = Calibration()
    rule([torch.tensor([math.nan])], [torch.tensor([1.0])])
    for _ in range(8):
        (g,), _ = rule([torch.tensor([1.0])], [torch.tensor([1.0])])
    assert float(g) == 2 and float(rule.alpha_s) == 1 and rule.updates == 8


@pytest.fixture
def network():
    """A front end of two layers, one of them frozen, a recogniser behind it, and an unused parameter."""
    torch.manual_seed(0)
    front = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    front[0].bias.requires_grad_(False)
    front.register_parameter("unused", torch.nn.Parameter(torch.ones(2)))
    return front, torch.nn.Linear(3, 2)


def losses(front, back, x):
    out = front(x)
    return back(out).square().mean(), (out - x).square().mean()


def test_two_gradients_are_those_of_backward(network):
    front, back = network
    x = torch.randn(5, 3)
    shared, own = [p for p in front.parameters() if p.requires_grad], list(back.parameters())
    a, e, of_back = two_gradients(*losses(front, back, x), shared, own)
    assert all(p.grad is None for p in [*front.parameters(), *own])
    for number, grads in ((0, [*a, *of_back]), (1, [*e, *(torch.zeros_like(p) for p in own)])):
        front.zero_grad(), back.zero_grad()
        losses(front, back, x)[number].backward()
        for p, g in zip([*shared, *own], grads, strict=True):
            assert torch.equal(g, torch.zeros_like(p) if p.grad is None else p.grad)
    assert front[0].bias.grad is None


@pytest.mark.parametrize("scale", [1.0, 0.25, 1024.0])
def test_the_handed_over_gradients_arrive_exactly(network, scale):
    """Scaled with the loss, and added up over batches as accumulation does."""
    front, back = network
    shared, own = [p for p in front.parameters() if p.requires_grad], list(back.parameters())
    expected = [torch.zeros_like(p) for p in [*shared, *own]]
    for seed in range(3):
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
        first, second = losses(front, back, x)
        a, e, of_back = two_gradients(first, second, shared, own)
        combined, _ = Remedy(5.0, 0.05)(a, e)
        loss = hand_over(first + second, [*shared, *own], [*combined, *of_back])
        assert torch.equal(loss.detach(), (first + second).detach())
        (loss * scale).backward()
        expected = [total + scale * g for total, g in zip(expected, [*combined, *of_back], strict=True)]
    for p, g in zip([*shared, *own], expected, strict=True):
        assert torch.equal(p.grad, g)
    assert front[0].bias.grad is None
    norm = torch.nn.utils.clip_grad_norm_([*shared, *own], 1e-3)
    assert float(norm) == pytest.approx(float(torch.stack([g.norm() for g in expected]).norm()), rel=1e-5)
