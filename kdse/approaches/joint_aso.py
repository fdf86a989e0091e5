"""`joint_aso`: joint training by alternating optimisation, each minibatch served twice."""

from dataclasses import dataclass

from torch import Tensor

from kdse.approaches.base import Losses, over_references
from kdse.approaches.context import BatchContext
from kdse.approaches.joint_straight import JointStraight
from kdse.core.errors import UserError
from kdse.losses import latent_distance


@dataclass(frozen=True)
class JointASO(JointStraight):
    """Step 1 of a minibatch trains the front end by α₁·L_r (+ (1 − α₁)·L_f), step 2 both networks by α₂·L_r + (1 − α₂)·L_ASR.

    L_f is the mean squared distance of the recogniser's features (log mel) of ŝ and s. Each step has an optimiser of its own.
    Algorithm 1 of Sensors 2022, 22(14), 5381.

    Attributes:
        alpha_1, alpha_2: weights of L_r in the steps.
        features: whether step 1 has L_f (`joint_aso_aux`).
        lambda_asr: stands for 1 − alpha_2 and is not set by itself.
    """

    alpha_1: float = 0.5
    alpha_2: float = 0.5
    features: bool = False
    optimisers = 2

    def __post_init__(self):
        super().__post_init__()
        if self.lambda_asr != 0.5:
            raise UserError("joint_aso has alpha_2 in place of lambda_asr")
        for name in ("alpha_1", "alpha_2"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(f"{name} is a weight between 0 and 1, not {getattr(self, name)}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return the losses of the step whose optimiser takes the update; in validation those of step 2."""
        l_r = self.reconstruction(enhanced, clean, lengths, context)
        if context.optimiser != 0:
            return {"l_asr": (1 - self.alpha_2, context.recognise(enhanced)), "l_r": (self.alpha_2, l_r)}
        losses: Losses = {"l_r": (self.alpha_1, l_r)}
        if self.features:
            student, frames = context.features(enhanced)
            target, _ = context.features(clean)
            l_f = over_references(latent_distance, student, target, frames, context.has_reference)
            losses["l_f"] = (1 - self.alpha_1, l_f)
        return losses
