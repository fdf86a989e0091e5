"""L_q: numbers by hand and by enumeration, padding, and gradients."""

import itertools
import math

import pytest
import torch

from kdse.losses import best_path, ctc_kl, gram, seq_kd

LENGTHS = torch.tensor([6, 4])


def log_probs(seed: int, vocabulary: int = 3) -> torch.Tensor:
    return torch.randn(2, 6, vocabulary, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)


LOSSES = {
    "ctc_kl": lambda student: ctc_kl(student, log_probs(1), LENGTHS),
    "gram": lambda student: gram(student, log_probs(1), LENGTHS),
    "seq_kd": lambda student: seq_kd(student, torch.tensor([[1, 2], [2, 0]]), LENGTHS, torch.tensor([2, 1])),
}


@pytest.mark.parametrize("name", LOSSES)
def test_padding_changes_nothing(name):
    a, b = log_probs(0), log_probs(0)
    b[1, 4:] = log_probs(5)[1, 4:]
    a, b = a.requires_grad_(), b.requires_grad_()
    loss = LOSSES[name](a)
    assert loss.item() == LOSSES[name](b).item() > 0
    loss.backward()
    assert a.grad.isfinite().all() and (a.grad[1, 4:] == 0).all() and (a.grad[1, :4] != 0).any()


@pytest.mark.parametrize("name", ["ctc_kl", "gram"])
def test_nothing_is_lost_where_both_agree(name):
    assert LOSSES[name](log_probs(1)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("function", [ctc_kl, gram])
def test_shapes_that_differ_are_named(function):
    with pytest.raises(ValueError, match=r"\(2, 6, 3\).*\(2, 5, 3\)"):
        function(log_probs(0), log_probs(1)[:, :5], LENGTHS)


def test_seq_kd_sums_over_all_alignments():
    """Against the sum over all 3⁴ paths that merge to the hypothesis."""
    p, hypothesis = log_probs(2)[1:, :4], (1, 2)
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        merged = tuple(t for t, before in zip(path, (None, *path), strict=False) if t != before and t != 0)
        if merged == hypothesis:
            total += math.exp(sum(p[0, t, token].item() for t, token in enumerate(path)))
    loss = seq_kd(p, torch.tensor([hypothesis]), torch.tensor([4]), torch.tensor([2]))
    assert loss.item() == pytest.approx(-math.log(total) / 2, rel=1e-5)


def test_an_empty_hypothesis_is_left_out():
    p = log_probs(3).requires_grad_()
    both = seq_kd(p, torch.tensor([[1, 2], [0, 0]]), LENGTHS, torch.tensor([2, 0]))
    alone = seq_kd(p[:1], torch.tensor([[1, 2]]), LENGTHS[:1], torch.tensor([2]))
    assert both.item() == pytest.approx(alone.item())
    nothing = seq_kd(p, torch.zeros(2, 0, dtype=torch.long), LENGTHS, torch.tensor([0, 0]))
    nothing.backward()
    assert nothing.item() == 0 and (p.grad == 0).all()


def test_gram_knows_no_level_and_survives_silence():
    e = log_probs(4).exp()
    assert gram(3 * e, e, LENGTHS).item() == pytest.approx(0, abs=1e-6)
    silent = torch.zeros(2, 6, 3, requires_grad=True)
    gram(silent, e, LENGTHS).backward()
    assert silent.grad.isfinite().all()


def test_best_path_merges_and_stops_at_the_length():
    p = torch.full((1, 6, 3), -9.0)
    for t, token in enumerate((1, 1, 0, 1, 2, 2)):
        p[0, t, token] = 0
    found, count = best_path(p, torch.tensor([5]))
    assert found.tolist() == [[1, 1, 2]] and count.tolist() == [3]
