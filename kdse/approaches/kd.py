"""`kd`: the front end learns from frozen recognisers, whose latents and acoustic tokens of ŝ should be those of s.

`kd_re` and `kd_rd` leave out one of the two; `kd_q` adds the sequence level, `kd_t` a large enhancement network as an SE teacher,
`kd_full` both. Further terms come from `kdse.losses.DISTILLATION_TERMS`.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext, EncoderOutput, TeacherInput
from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import check_keys
from kdse.losses import (
    DISTILLATION_TERMS,
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

SEQUENCE = ("ctc_kl", "seq_kd", "gram")
"""Kinds of the sequence level."""


@dataclass(frozen=True)
class KD(Approach):
    """λ_r(t)·L_r + lambda_e·L_e + lambda_d·L_d + lambda_q·L_q + lambda_t·L_t + further terms.

    Attributes:
        lambda_r, lambda_e, lambda_d: weights of reconstruction, frame level and token level.
        anneal_fraction: share of the training over which λ_r falls from 1 to lambda_r, epoch by epoch:
            λ_r(t) = lambda_r^min(1, t/anneal_fraction). The student learns to remove noise first; 0 begins with lambda_r.
        tau: temperature of the token posteriors, in units of the mean distance to the nearest centroid.
        hard: one-hot tokens of s instead of soft ones.
        lambda_q, sequence: weight and kind of the sequence level, a name of `SEQUENCE`.
        lambda_t: weight of the SE teacher, L_t = `spectrum_distance` + divergence · `spectrum_divergence`.
        gated: learn from the SE teacher only where it beats the student.
        terms: {name: weight} of further terms, names of `kdse.losses.DISTILLATION_TERMS`; a weight of 0 only logs.
        oa_max_weight: of observation adding. The recogniser is given (1 − ω)·ŝ + ω·y. In training ω is drawn from
            [0, oa_max_weight] for each utterance, in validation it is half of the maximum.
    """

    lambda_r: float = 1.0
    lambda_e: float = 1.0
    lambda_d: float = 1.0
    anneal_fraction: float = 0.0
    tau: float = 1.0
    hard: bool = False
    lambda_q: float = 0.0
    sequence: str = "ctc_kl"
    lambda_t: float = 0.0
    divergence: float = 0.1
    gated: bool = True
    terms: dict[str, Any] = field(default_factory=dict)
    oa_max_weight: float = 0.0
    needs_teacher = True
    several_teachers = True

    def __post_init__(self):
        super().__post_init__()
        if self.sequence not in SEQUENCE:
            raise UserError(f"there is no sequence loss '{self.sequence}'{did_you_mean(self.sequence, SEQUENCE)}")
        if not 0 <= self.anneal_fraction <= 1:
            raise UserError(f"anneal_fraction is a share of the training between 0 and 1, not {self.anneal_fraction}")
        if not 0 <= self.oa_max_weight <= 1:
            raise UserError(f"oa_max_weight is a share of the noisy signal between 0 and 1, not {self.oa_max_weight}")
        check_keys(self.terms, DISTILLATION_TERMS, "terms")
        for name, weight in self.terms.items():
            if type(weight) not in (int, float) or not math.isfinite(weight):
                raise UserError(f"terms: the weight of {name} is a finite number, not {weight!r}")

    @property
    def needs_se_teacher(self) -> bool:
        return self.lambda_t != 0 or bool(self.terms_on("waveforms"))

    @property
    def needs_posteriors(self) -> bool:
        return bool(self.posterior_losses)

    @property
    def posterior_losses(self) -> list[str]:
        """The losses that compare CTC posteriors."""
        of_sequence = [self.sequence] if self.lambda_q != 0 and self.sequence != "gram" else []
        return of_sequence + self.terms_on("posteriors")

    def terms_on(self, level: str) -> list[str]:
        """The further terms that compare a level of the teachers, see `kdse.losses.Term`."""
        return [name for name in self.terms if DISTILLATION_TERMS[name].level == level]

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_r, l_e, l_d, l_q and l_t where they have a weight, further terms, and with weight 0 the token error rate.

        Of several teachers, each loss is the mean.
        """
        losses = {"l_r": (self.weight_r(context.progress), self.reconstruction(enhanced, clean, lengths, context))}
        speech = self.recogniser_input(enhanced, context)
        by_teacher = [self.distil(teacher, speech, clean, lengths) for teacher in context.teachers]
        for name, (weight, _) in by_teacher[0].items():
            losses[name] = (weight, sum(of[name][1] for of in by_teacher) / len(by_teacher))
        if self.lambda_t:
            distance = spectrum_distance(enhanced, context.se_teacher_wave, clean, lengths, self.gated)
            divergence = spectrum_divergence(enhanced, context.se_teacher_wave, lengths)
            losses["l_t"] = (self.lambda_t, distance + self.divergence * divergence)
        for name in self.terms_on("waveforms"):
            losses[name] = (self.terms[name], DISTILLATION_TERMS[name].loss(enhanced, context.se_teacher_wave, lengths))
        return losses

    def distil(self, given: TeacherInput, speech: Tensor, clean: Tensor, lengths: Tensor) -> Losses:
        """The losses of one recogniser: l_e, l_d, the token error rate, l_q and further terms."""
        teacher = given.teacher
        target = teacher.target(clean, lengths, given.cached_latents, self.needs_posteriors)
        student = teacher.encode(speech, lengths, self.needs_posteriors)
        frames, tau = target.frames, self.tau * teacher.distance
        l_d = token_divergence(student.latents, target.latents, teacher.centroids, frames, tau, self.hard)
        errors = token_error_rate(student.latents.detach(), target.latents, teacher.centroids, frames)
        losses = {
            "l_e": (self.lambda_e, latent_distance(student.latents, target.latents, frames)),
            "l_d": (self.lambda_d, l_d),
            "token_error_rate": (0.0, errors),
        }
        if self.lambda_q:
            losses["l_q"] = (self.lambda_q, sequence_loss(self.sequence, student, target))
        for name in self.terms_on("latents"):
            losses[name] = (self.terms[name], DISTILLATION_TERMS[name].loss(student.latents, target.latents, frames))
        for name in self.terms_on("posteriors"):
            losses[name] = (self.terms[name], DISTILLATION_TERMS[name].loss(student.log_probs, target.log_probs, frames))
        return losses

    def recogniser_input(self, enhanced: Tensor, context: BatchContext) -> Tensor:
        """(B, N) ŝ, with a share of the noisy signal where the student is used with observation adding."""
        if not self.oa_max_weight:
            return enhanced
        draws = torch.rand(len(enhanced), 1, device=enhanced.device) if enhanced.requires_grad else 0.5
        return enhanced + self.oa_max_weight * draws * (context.noisy - enhanced)

    def weight_r(self, progress: float) -> float:
        """λ_r at a share of the training.

        >>> [KD(lambda_r=0.01, anneal_fraction=0.5).weight_r(t) for t in (0.0, 0.25, 0.5, 1.0)]
        [1.0, 0.1, 0.01, 0.01]
        """
        return self.lambda_r ** min(1.0, progress / self.anneal_fraction) if self.anneal_fraction else self.lambda_r


def sequence_loss(kind: str, student: EncoderOutput, target: EncoderOutput) -> Tensor:
    """L_q of a kind of `SEQUENCE`."""
    if kind == "gram":
        return gram(student.latents, target.latents, target.frames)
    if kind == "ctc_kl":
        return ctc_kl(student.log_probs, target.log_probs, target.frames)
    hypothesis, count = best_path(target.log_probs, target.frames)
    return seq_kd(student.log_probs, hypothesis, student.frames, count)
