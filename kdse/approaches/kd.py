"""`kd`: the front end learns from a frozen recogniser, which should see in ŝ the latents and the acoustic tokens of s."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from kdse.approaches.standalone_se import Losses, StandaloneSE
from kdse.errors import UserError, did_you_mean
from kdse.losses import best_path, ctc_kl, gram, latent_distance, seq_kd, token_divergence, token_error_rate


class Heard(NamedTuple):
    """What a recogniser makes of waveforms: latents (B, U, D), their (B,) numbers, CTC log posteriors (B, U, V) or None."""

    latents: Tensor
    frames: Tensor
    log_probs: Tensor | None


class Teacher(Protocol):
    """What `kd` asks of a frozen recogniser and its acoustic tokenizer."""

    centroids: Tensor  # (K, D)
    distance: float  # mean squared distance of a latent to its nearest centroid

    def listen(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> Heard:
        """Of (B, N) waveforms and their (B,) lengths; differentiable in `wave`. CTC posteriors only where asked for."""

    def target(self, clean: Tensor, lengths: Tensor, known: tuple[Tensor, Tensor] | None, posteriors: bool = False) -> Heard:
        """Of clean waveforms, without gradient; `known` are their latents and numbers where they were computed before."""


def _seq_kd(seen: Heard, target: Heard) -> Tensor:
    hypothesis, count = best_path(target.log_probs, target.frames)
    return seq_kd(seen.log_probs, hypothesis, seen.frames, count)


SEQUENCE: dict[str, Callable[[Heard, Heard], Tensor]] = {
    "ctc_kl": lambda seen, target: ctc_kl(seen.log_probs, target.log_probs, target.frames),
    "seq_kd": _seq_kd,
    "gram": lambda seen, target: gram(seen.latents, target.latents, target.frames),
}


@dataclass(frozen=True)
class KD(StandaloneSE):
    """λ_r(t)·L_r + lambda_e·L_e + lambda_d·L_d + lambda_q·L_q.

    Attributes:
        lambda_r, lambda_e, lambda_d: weights of reconstruction, frame level and token level.
        fall: share of the training over which λ_r falls from 1 to lambda_r, epoch by epoch: λ_r(t) = lambda_r^min(1, t/fall).
            The student learns to remove noise first; 0 begins with lambda_r.
        tau: temperature of the token posteriors, in units of the mean distance to the nearest centroid.
        hard: one-hot tokens of s instead of soft ones.
        lambda_q, sequence: weight and kind of the sequence level, a name of `SEQUENCE`.
    """

    lambda_r: float = 1.0
    lambda_e: float = 1.0
    lambda_d: float = 1.0
    fall: float = 0.0
    tau: float = 1.0
    hard: bool = False
    lambda_q: float = 0.0
    sequence: str = "ctc_kl"
    needs_teacher = True

    def __post_init__(self):
        super().__post_init__()
        if self.sequence not in SEQUENCE:
            raise UserError(f"there is no sequence loss '{self.sequence}'{did_you_mean(self.sequence, SEQUENCE)}")
        if not 0 <= self.fall <= 1:
            raise UserError(f"fall is a share of the training between 0 and 1, not {self.fall}")

    def __call__(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor,
        teacher: Teacher,
        progress: float = 1.0,
        known: tuple[Tensor, Tensor] | None = None,
    ) -> Losses:
        """Return l_r, l_e, l_d, l_q where it has a weight, and, with weight 0, the token error rate."""
        _, l_r = super().__call__(enhanced, clean, lengths)["l_r"]
        posteriors = bool(self.lambda_q) and self.sequence != "gram"
        target = teacher.target(clean, lengths, known, posteriors)
        seen = teacher.listen(enhanced, lengths, posteriors)
        frames, tau = target.frames, self.tau * teacher.distance
        l_d = token_divergence(seen.latents, target.latents, teacher.centroids, frames, tau, self.hard)
        errors = token_error_rate(seen.latents.detach(), target.latents, teacher.centroids, frames)
        losses = {
            "l_r": (self.weight_r(progress), l_r),
            "l_e": (self.lambda_e, latent_distance(seen.latents, target.latents, frames)),
            "l_d": (self.lambda_d, l_d),
            "token_error_rate": (0.0, errors),
        }
        if self.lambda_q:
            losses["l_q"] = (self.lambda_q, SEQUENCE[self.sequence](seen, target))
        return losses

    def weight_r(self, progress: float) -> float:
        """λ_r at a share of the training.

        >>> [KD(lambda_r=0.01, fall=0.5).weight_r(t) for t in (0.0, 0.25, 0.5, 1.0)]
        [1.0, 0.1, 0.01, 0.01]
        """
        return self.lambda_r ** min(1.0, progress / self.fall) if self.fall else self.lambda_r
