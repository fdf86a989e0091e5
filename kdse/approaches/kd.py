"""`kd`: the front end learns from a frozen recogniser, which should see in ŝ the latents and the acoustic tokens of s.

`kd_re` and `kd_rd` leave out one of the two; `kd_q` adds the sequence level, `kd_t` a large enhancement network as a second
teacher, `kd_full` both.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kdse.approaches.context import Heard, Lesson, Teacher
from kdse.approaches.standalone_se import Losses, StandaloneSE
from kdse.core.errors import UserError, did_you_mean
from kdse.losses import (
    best_path,
    ctc_kl,
    gram,
    latent_distance,
    seq_kd,
    spectrum_distance,
    spectrum_divergence,
    token_divergence,
    token_error_rate,
)


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
    """λ_r(t)·L_r + lambda_e·L_e + lambda_d·L_d + lambda_q·L_q + lambda_t·L_t.

    Attributes:
        lambda_r, lambda_e, lambda_d: weights of reconstruction, frame level and token level.
        fall: share of the training over which λ_r falls from 1 to lambda_r, epoch by epoch: λ_r(t) = lambda_r^min(1, t/fall).
            The student learns to remove noise first; 0 begins with lambda_r.
        tau: temperature of the token posteriors, in units of the mean distance to the nearest centroid.
        hard: one-hot tokens of s instead of soft ones.
        lambda_q, sequence: weight and kind of the sequence level, a name of `SEQUENCE`.
        lambda_t: weight of the SE teacher, L_t = `spectrum_distance` + divergence · `spectrum_divergence`.
        gated: learn from the SE teacher only where it beats the student.
        adding: the recogniser hears (1 − ω)·ŝ + ω·y, for students that are used with observation adding. In training ω is drawn
            from [0, adding] for each utterance, in validation it is half of `adding`.
    """

    lambda_r: float = 1.0
    lambda_e: float = 1.0
    lambda_d: float = 1.0
    fall: float = 0.0
    tau: float = 1.0
    hard: bool = False
    lambda_q: float = 0.0
    sequence: str = "ctc_kl"
    lambda_t: float = 0.0
    divergence: float = 0.1
    gated: bool = True
    adding: float = 0.0
    needs_teacher = True
    takes_two = True

    def __post_init__(self):
        super().__post_init__()
        if self.sequence not in SEQUENCE:
            raise UserError(f"there is no sequence loss '{self.sequence}'{did_you_mean(self.sequence, SEQUENCE)}")
        if not 0 <= self.fall <= 1:
            raise UserError(f"fall is a share of the training between 0 and 1, not {self.fall}")
        if not 0 <= self.adding <= 1:
            raise UserError(f"adding is a share of the noisy signal between 0 and 1, not {self.adding}")

    @property
    def needs_se_teacher(self) -> bool:
        return self.lambda_t != 0

    @property
    def needs_posteriors(self) -> bool:
        return self.lambda_q != 0 and self.sequence != "gram"

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, lesson: Lesson) -> Losses:
        """Return l_r, l_e, l_d, l_q and l_t where they have a weight, and, with weight 0, the token error rate."""
        losses = {"l_r": (self.weight_r(lesson.progress), super().__call__(enhanced, clean, lengths)["l_r"][1])}
        heard = self.heard(enhanced, lesson)
        taught = [self.learned(*pair, heard, clean, lengths) for pair in lesson.teachers]
        for name in taught[0]:
            losses[name] = (taught[0][name][0], sum(by[name][1] for by in taught) / len(taught))
        if self.lambda_t:
            distance = spectrum_distance(enhanced, lesson.taught, clean, lengths, self.gated)
            losses["l_t"] = (self.lambda_t, distance + self.divergence * spectrum_divergence(enhanced, lesson.taught, lengths))
        return losses

    def learned(self, teacher: Teacher, known: tuple | None, heard: Tensor, clean: Tensor, lengths: Tensor) -> Losses:
        """What one recogniser teaches: l_e, l_d, l_q and the token error rate. Of several, each loss is the mean."""
        target = teacher.target(clean, lengths, known, self.needs_posteriors)
        seen = teacher.listen(heard, lengths, self.needs_posteriors)
        frames, tau = target.frames, self.tau * teacher.distance
        l_d = token_divergence(seen.latents, target.latents, teacher.centroids, frames, tau, self.hard)
        errors = token_error_rate(seen.latents.detach(), target.latents, teacher.centroids, frames)
        losses = {
            "l_e": (self.lambda_e, latent_distance(seen.latents, target.latents, frames)),
            "l_d": (self.lambda_d, l_d),
            "token_error_rate": (0.0, errors),
        }
        if self.lambda_q:
            losses["l_q"] = (self.lambda_q, SEQUENCE[self.sequence](seen, target))
        return losses

    def heard(self, enhanced: Tensor, lesson: Lesson) -> Tensor:
        """What the recogniser is given in place of ŝ: itself, or with some of the noisy signal."""
        if not self.adding:
            return enhanced
        draws = torch.rand(len(enhanced), 1, device=enhanced.device) if enhanced.requires_grad else 0.5
        return enhanced + self.adding * draws * (lesson.noisy - enhanced)

    def weight_r(self, progress: float) -> float:
        """λ_r at a share of the training.

        >>> [KD(lambda_r=0.01, fall=0.5).weight_r(t) for t in (0.0, 0.25, 0.5, 1.0)]
        [1.0, 0.1, 0.01, 0.01]
        """
        return self.lambda_r ** min(1.0, progress / self.fall) if self.fall else self.lambda_r
