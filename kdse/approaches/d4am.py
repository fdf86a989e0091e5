"""`d4am`: the front end learns for a frozen recogniser, with as much of L_r as does not stand against it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext
from kdse.approaches.gradients import EPS, Grads, inner, measure

PERIOD, RATE, LIMIT = 8, 0.05, 1.0
"""α_s moves once in PERIOD updates, by −RATE·d, at most LIMIT."""


class Calibration(nn.Module):
    """g = g_c + (α_g + α_s)·g_r over all parameters of the front end at once.

    α_g = max(0, −⟨g_c,g_r⟩/‖g_r‖²) keeps g from turning against g_r. α_s is learned: every 8 updates α_s ← max(0, α_s +
    clip(−0.05·d, −1, 1)), where d is the mean over them of −2(⟨g_c,g_r⟩ + α_g‖g_r‖²) + 2α_s‖g_r‖². (Lee et al., "D4AM: a general
    denoising framework for downstream acoustic models", ICLR 2023.)

    Args:
        gclb, srpr: whether α_g and α_s are used; without either, g = g_c (`clso`).
        start: α_s at the beginning.
    """

    every = 1

    def __init__(self, gclb: bool = True, srpr: bool = True, start: float = 1.0):
        super().__init__()
        self.gclb, self.srpr = gclb, srpr
        self.register_buffer("alpha_s", torch.tensor(start if srpr else 0.0))
        self.register_buffer("total", torch.tensor(0.0))
        self.register_buffer("updates", torch.tensor(0))

    def forward(self, a: Grads, e: Grads) -> tuple[Grads, dict[str, Tensor]]:
        """Return (g, numbers) for g_c = a and g_r = e."""
        product, power = inner(a, e), inner(e, e)
        alpha_g = (-product / power).clamp(min=0) if self.gclb and power > EPS**2 else torch.zeros_like(power)
        factor = alpha_g + self.alpha_s
        numbers = measure(a, e) | {"alpha_g": alpha_g, "alpha_s": self.alpha_s.clone()}
        if self.srpr and torch.isfinite(product + power):  # the trainer leaves out a minibatch that is not, so α_s does too
            self._learn(-2 * (product + alpha_g * power) + 2 * self.alpha_s * power)
        return [(x + factor * y).to(x.dtype) for x, y in zip(a, e, strict=True)], numbers

    def _learn(self, slope: Tensor) -> None:
        self.total += slope
        self.updates += 1
        if self.updates % PERIOD == 0:
            self.alpha_s.copy_((self.alpha_s + (-RATE * self.total / PERIOD).clamp(-LIMIT, LIMIT)).clamp(min=0))
            self.total.zero_()


@dataclass(frozen=True)
class D4AM(Approach):
    """L_ASR of the frozen recogniser and L_r, weighed by `Calibration`.

    Attributes:
        gclb, srpr, alpha: see `Calibration`; `clso`, `gclb` and `srpr` are the ablations with neither or one of them.
    """

    gclb: bool = True
    srpr: bool = True
    alpha: float = 1.0
    needs_backend = True
    needs_text = True

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_asr and l_r, each with weight 1; the rule weighs them."""
        l_r = self.reconstruction(enhanced, clean, lengths, context)
        return {"l_asr": (1.0, context.recognise(enhanced)), "l_r": (1.0, l_r)}

    def gradient_rule(self) -> nn.Module:
        """The calibrated gradient."""
        return Calibration(self.gclb, self.srpr, self.alpha)
