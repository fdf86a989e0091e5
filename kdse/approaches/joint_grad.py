"""`joint_grad`: joint training where the enhancement gradient is turned towards the recogniser's (Gradient Remedy)."""

from dataclasses import dataclass

from torch import Tensor, nn

from kdse.approaches.gradients import EPS, Parameterwise, project
from kdse.approaches.joint_straight import JointStraight
from kdse.core.errors import UserError


def remedy(a: Tensor, e: Tensor, ratio: float = 5.0, floor: float = 0.05) -> tuple[Tensor, Tensor]:
    """Gradient Remedy of one parameter tensor.

    Where ⟨e,a⟩ < 0:  e⊥ = e − (⟨e,a⟩/‖a‖²)·a,  e ← e⊥ + (‖e⊥‖·‖a‖/‖e‖)·a/‖a‖, at an angle θ of a with tan θ = ‖e‖/‖a‖, where ‖e‖
    is the norm before projection. Then, where ‖e‖/‖a‖ > ratio:  e ← e·cos θ′,  a ← a/cos θ′ with θ′ the angle between the two.
    (Hu et al., "Gradient remedy for multi-task learning in end-to-end noise-robust speech recognition", arXiv 2302.11362.)

    Args:
        a, e: gradients of the recogniser's and of the enhancement loss, of one shape.
        ratio: K, how much longer e may be.
        floor: the least cos θ′ that is divided by; the paper has no such guard.
    Returns: (a, e). Where one of them is 0 there is nothing to mend.

    >>> import torch
    >>> remedy(torch.tensor([1.0, 0.0]), torch.tensor([-0.6, 0.8]))  # as long as a: they meet at 45 degrees
    (tensor([1., 0.]), tensor([0.8000, 0.8000]))
    >>> remedy(torch.tensor([0.1, 0.0]), torch.tensor([0.6, 0.8]))  # ten times as long, at cos θ′ = 0.6
    (tensor([0.1667, 0.0000]), tensor([0.3600, 0.4800]))
    """
    norm_a, norm_e = a.double().norm(), e.double().norm()
    if norm_a <= EPS or norm_e <= EPS:
        return a, e
    if (e.double() * a.double()).sum() < 0:
        upright = project(e, a).double()
        e = (upright + upright.norm() / norm_e * a.double()).to(e.dtype)
        norm_e = e.double().norm()
    if norm_e > ratio * norm_a:
        cosine = ((e.double() * a.double()).sum() / (norm_e * norm_a)).clamp(min=floor)
        a, e = (a / cosine).to(a.dtype), (e * cosine).to(e.dtype)
    return a, e


class Remedy(Parameterwise):
    """`remedy` for each parameter tensor of the front end."""

    def __init__(self, ratio: float, floor: float):
        super().__init__()
        self.ratio, self.floor = ratio, floor

    def pair(self, a: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
        """See `remedy`."""
        return remedy(a, e, self.ratio, self.floor)


@dataclass(frozen=True)
class JointGrad(JointStraight):
    """λ·L_ASR + (1 − λ)·L_r with `remedy` on the front end's gradients; the backend gets its own of λ·L_ASR.

    Attributes:
        ratio: K of `remedy`.
        floor: see `remedy`.
    """

    ratio: float = 5.0
    floor: float = 0.05

    def __post_init__(self):
        super().__post_init__()
        if self.ratio <= 0 or not 0 < self.floor <= 1:
            raise UserError(f"ratio is more than 0 and floor between 0 and 1, not {self.ratio} and {self.floor}")

    def gradient_rule(self) -> nn.Module:
        """Gradient Remedy."""
        return Remedy(self.ratio, self.floor)
