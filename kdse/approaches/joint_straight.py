"""`joint_straight`: front end and backend are trained together by a weighted sum."""

from dataclasses import dataclass

from torch import Tensor, nn

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext
from kdse.approaches.gradients import Sum
from kdse.core.errors import UserError


@dataclass(frozen=True)
class JointStraight(Approach):
    """λ·L_ASR + (1 − λ)·L_r; the backend learns from L_ASR.

    Attributes:
        lambda_asr: λ, the weight of the recogniser's loss.
    """

    lambda_asr: float = 0.5
    needs_backend = True
    needs_text = True

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.lambda_asr < 1:
            raise UserError(f"lambda_asr is a weight between 0 and 1, not {self.lambda_asr}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_asr and l_r."""
        l_r = self.reconstruction(enhanced, clean, lengths, context)
        return {"l_asr": (self.lambda_asr, context.recognise(enhanced)), "l_r": (1 - self.lambda_asr, l_r)}

    def gradient_rule(self) -> nn.Module:
        """How the two gradients of the front end are combined."""
        return Sum()
