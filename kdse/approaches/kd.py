"""`kd`: the front end learns from a frozen recogniser, which should see in ŝ the latents and the acoustic tokens of s."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from kdse.approaches.standalone_se import Losses, StandaloneSE
from kdse.losses import latent_distance, token_divergence, token_error_rate


class Teacher(Protocol):
    """What `kd` asks of a frozen recogniser and its acoustic tokenizer."""

    centroids: Tensor  # (K, D)
    distance: float  # mean squared distance of a latent to its nearest centroid

    def latents(self, wave: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, U, D) latents of (B, N) waveforms and their (B,) lengths; differentiable in `wave`."""


@dataclass(frozen=True)
class KD(StandaloneSE):
    """lambda_r·L_r + lambda_e·L_e + lambda_d·L_d.

    Attributes:
        lambda_r, lambda_e, lambda_d: weights of reconstruction, frame level and token level.
        tau: temperature of the token posteriors, in units of the mean distance to the nearest centroid.
        hard: one-hot tokens of s instead of soft ones.
    """

    lambda_r: float = 1.0
    lambda_e: float = 1.0
    lambda_d: float = 1.0
    tau: float = 1.0
    hard: bool = False
    needs_teacher = True

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, teacher: Teacher) -> Losses:
        """Return l_r, l_e, l_d and, with weight 0, the token error rate."""
        _, l_r = super().__call__(enhanced, clean, lengths)["l_r"]
        with torch.no_grad():
            target, frames = teacher.latents(clean, lengths)
        seen, _ = teacher.latents(enhanced, lengths)
        l_e = latent_distance(seen, target, frames)
        l_d = token_divergence(seen, target, teacher.centroids, frames, self.tau * teacher.distance, self.hard)
        errors = token_error_rate(seen.detach(), target, teacher.centroids, frames)
        return {
            "l_r": (self.lambda_r, l_r),
            "l_e": (self.lambda_e, l_e),
            "l_d": (self.lambda_d, l_d),
            "token_error_rate": (0.0, errors),
        }
