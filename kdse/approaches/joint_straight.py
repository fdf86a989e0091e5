"""`joint_straight`: front end and backend are trained together by a weighted sum."""

from dataclasses import dataclass

from torch import Tensor, nn

from kdse.approaches.context import Lesson
from kdse.approaches.gradients import Sum
from kdse.approaches.standalone_se import Losses, StandaloneSE
from kdse.core.errors import UserError


@dataclass(frozen=True)
class JointStraight(StandaloneSE):
    """λ·L_ASR + (1 − λ)·L_r; the backend learns from L_ASR.

    Attributes:
        lambda_asr: λ, the weight of the recogniser's loss.
    """

    lambda_asr: float = 0.5
    trains = ("se", "backend")
    needs_backend = True
    needs_text = True

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.lambda_asr < 1:
            raise UserError(f"lambda_asr is a weight between 0 and 1, not {self.lambda_asr}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, lesson: Lesson) -> Losses:
        """Return l_asr and l_r for (B, N) waveforms with (B,) lengths; `lesson.recognise` gives L_ASR of a waveform."""
        _, l_r = super().__call__(enhanced, clean, lengths, lesson)["l_r"]
        return {"l_asr": (self.lambda_asr, lesson.recognise(enhanced)), "l_r": (1 - self.lambda_asr, l_r)}

    def rule(self) -> nn.Module:
        """What is made of the two gradients of the front end."""
        return Sum()
