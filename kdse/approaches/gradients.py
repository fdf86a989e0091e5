"""Two gradients of one network that may disagree: how they are measured, combined, and handed to the stock trainer.

a is the gradient of the recogniser's loss, e that of the enhancement loss, each a list with one tensor for each parameter of the
front end. A gradient rule is an `nn.Module`, so that its state is in the checkpoint. Called with (a, e) it returns the front end's
gradient and numbers to log; its `every` says at how many updates it acts once.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Grads = list[Tensor]
EPS = 1e-12


def inner(x: Sequence[Tensor], y: Sequence[Tensor]) -> Tensor:
    """⟨x, y⟩ over all tensors, in double precision.

    >>> inner([torch.tensor([1.0, 2.0]), torch.tensor([3.0])], [torch.tensor([1.0, 1.0]), torch.tensor([2.0])]).item()
    9.0
    """
    return torch.stack([(p.double() * q.double()).sum() for p, q in zip(x, y, strict=True)]).sum()


def project(e: Tensor, a: Tensor) -> Tensor:
    """e without what it has against a: e − (⟨e,a⟩/‖a‖²)·a where ⟨e,a⟩ < 0, else e itself.

    Yu et al., "Gradient surgery for multi-task learning", NeurIPS 2020, for one of the two sides.

    >>> project(torch.tensor([-1.0, 2.0]), torch.tensor([2.0, 0.0]))
    tensor([0., 2.])
    """
    product, power = inner([e], [a]), inner([a], [a])
    if product >= 0 or power <= EPS**2:
        return e
    return (e.double() - product / power * a.double()).to(e.dtype)


def measure(a: Grads, e: Grads) -> dict[str, Tensor]:
    """How the two gradients stand to each other.

    Returns: grad_cosine, the cosine of the angle between them over all parameters; grad_ratio, ‖e‖/‖a‖; grad_conflicts, the share
        of tensors where they point away from each other. Where one is 0, the cosine and the ratio are 0.

    >>> numbers = measure([torch.tensor([1.0]), torch.tensor([0.0])], [torch.tensor([-1.0]), torch.tensor([1.0])])
    >>> {name: round(value.item(), 3) for name, value in numbers.items()}
    {'grad_cosine': -0.707, 'grad_ratio': 1.414, 'grad_conflicts': 0.5}
    """
    norm_a, norm_e = inner(a, a).sqrt(), inner(e, e).sqrt()
    cosine = inner(a, e) / (norm_a * norm_e).clamp(min=EPS)
    conflicts = torch.stack([(x * y).sum() < 0 for x, y in zip(a, e, strict=True)]).double().mean()
    ratio = norm_e / norm_a.clamp(min=EPS) if norm_a > EPS else torch.zeros_like(norm_a)
    return {"grad_cosine": cosine, "grad_ratio": ratio, "grad_conflicts": conflicts}


class Sum(nn.Module):
    """a + e: no surgery. The two are measured every tenth update; in between, one backward pass does."""

    every = 10

    def forward(self, a: Grads, e: Grads) -> tuple[Grads, dict[str, Tensor]]:
        """Return (a + e, numbers)."""
        return [x + y for x, y in zip(a, e, strict=True)], measure(a, e)


class Parameterwise(nn.Module):
    """A rule that treats each parameter tensor by itself."""

    every = 1

    def pair(self, a: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
        """The two gradients of one tensor, changed."""
        raise NotImplementedError

    def forward(self, a: Grads, e: Grads) -> tuple[Grads, dict[str, Tensor]]:
        """Return (the sum of the changed gradients, numbers of those of before)."""
        return [sum(self.pair(x, y)) for x, y in zip(a, e, strict=True)], measure(a, e)


def two_gradients(
    first: Tensor, second: Tensor, shared: Sequence[Tensor], own: Sequence[Tensor], weight: int = 1
) -> tuple[Grads, Grads, Grads]:
    """Gradients of two losses without touching `.grad`: (first by shared, second by shared, first by own).

    The mean over the processes of a distributed training, each weighted by its `weight` (utterances): what is not linear in the
    gradients must see what a single process with the whole batch would see.

    Args:
        first, second: scalars with a graph.
        shared, own: parameters; where a loss does not depend on one its gradient is 0. Frozen ones must not be among them.
    """
    of_first = torch.autograd.grad(first, [*shared, *own], retain_graph=True, allow_unused=True)
    of_second = torch.autograd.grad(second, list(shared), allow_unused=True)
    pairs = zip([*shared, *own, *shared], [*of_first, *of_second], strict=True)
    full = averaged([torch.zeros_like(p) if g is None else g for p, g in pairs], weight)
    n, m = len(shared), len(shared) + len(own)
    return full[:n], full[m:], full[n:m]


def averaged(grads: Grads, weight: int) -> Grads:
    """The weighted mean over all processes; the gradients themselves where there is one process."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()) or torch.distributed.get_world_size() == 1:
        return grads
    flat = torch.cat([*(g.reshape(-1) * weight for g in grads), torch.tensor([float(weight)], device=grads[0].device)])
    torch.distributed.all_reduce(flat)
    parts = (flat[:-1] / flat[-1]).split([g.numel() for g in grads])
    return [part.view_as(g) for part, g in zip(parts, grads, strict=True)]


class _HandOver(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value: Tensor, count: int, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors[:count])
        return value.clone()

    @staticmethod
    def backward(ctx, scale: Tensor):
        grads = ctx.saved_tensors
        return (None, None, *(None for _ in grads), *((scale * g).to(g.dtype) for g in grads))


def hand_over(value: Tensor, params: Sequence[Tensor], grads: Grads) -> Tensor:
    """A loss of this value whose backward gives each parameter its gradient, whatever computed it.

    The trainer's own steps then do what they always do: a scaled loss scales the gradients, several add up, DDP sees them.

    >>> p = torch.nn.Parameter(torch.zeros(2))
    >>> loss = hand_over(torch.tensor(7.0), [p], [torch.tensor([1.0, -2.0])])
    >>> (loss / 2).backward()
    >>> loss.item(), p.grad
    (7.0, tensor([ 0.5000, -1.0000]))
    """
    assert len(params) == len(grads) and all(p.shape == g.shape for p, g in zip(params, grads, strict=True))
    return _HandOver.apply(value.detach(), len(grads), *(g.detach() for g in grads), *params)
