"""`kd`: the front end learns from frozen recognisers, whose latents and acoustic tokens of ŝ should be those of s.

`kd_re` and `kd_rd` leave out one of the two; `kd_q` adds the sequence level, `kd_t` a large enhancement network as an SE teacher,
`kd_full` both. Further terms come from `kdse.losses.DISTILLATION_TERMS`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext, EncoderOutput, Teacher, TeacherInput
from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import check_keys
from kdse.losses import (
    DISTILLATION_TERMS,
    att_kl,
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

ATT_KL = "att_kl"
AUTO = "auto"
SEQUENCE = ("ctc_kl", "seq_kd", "gram", ATT_KL, AUTO)
"""Kinds of the sequence level. ATT_KL wants teachers with an attention decoder, such as Whisper; AUTO asks each for what it has."""


@dataclass(frozen=True)
class KD(Approach):
    """λ_r(t)·L_r + lambda_e·L_e + lambda_d·L_d + lambda_q·L_q + lambda_t·L_t + further terms.

    Attributes:
        lambda_r, lambda_e, lambda_d: weights of reconstruction, frame level and token level.
        anneal_fraction: share of the training over which λ_r falls from 1 to lambda_r, epoch by epoch:
            λ_r(t) = lambda_r^min(1, t/anneal_fraction). The student learns to remove noise first; 0 begins with lambda_r.
        tau: temperature of the token posteriors, in units of the mean distance to the nearest centroid.
        hard: one-hot tokens of s instead of soft ones.
        lambda_q, sequence: weight and kind of the sequence level, a name of `SEQUENCE`. "auto" is "att_kl" for a teacher with an
            attention decoder, else "ctc_kl" for one with CTC, else "gram".
        lambda_t: weight of the SE teacher, L_t = `spectrum_distance` + divergence · `spectrum_divergence`.
        gated: learn from the SE teacher only where it beats the student.
        terms: {name: weight} of further terms, names of `kdse.losses.DISTILLATION_TERMS`; a weight of 0 only logs.
        oa_min_weight, oa_max_weight: of observation adding. The recogniser is given (1 − ω)·ŝ + ω·y. In training ω is drawn from
            between them for each utterance, in validation it is their mean.
        position_jitter: s of silence at most before both signals in training. A recogniser that knows positions can be pleased
            through them (arXiv 2601.21084); from batch to batch they are others.
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
    oa_min_weight: float = 0.0
    position_jitter: float = 0.0
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
        if not 0 <= self.oa_min_weight <= self.oa_max_weight:
            raise UserError(f"oa_min_weight is between 0 and oa_max_weight ({self.oa_max_weight}), not {self.oa_min_weight}")
        if not 0 <= self.position_jitter <= 5:
            raise UserError(f"position_jitter is between 0 and 5 s, not {self.position_jitter}")
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

    def asks_decoder(self, has_decoder: bool) -> bool:
        return self.lambda_q != 0 and (self.sequence == ATT_KL or (self.sequence == AUTO and has_decoder))

    def sequence_of(self, teacher: Teacher) -> str | None:
        """The kind of the sequence level that a teacher is asked for; None without a weight."""
        if not self.lambda_q:
            return None
        if self.sequence != AUTO:
            return self.sequence
        if teacher.has_decoder:
            return ATT_KL
        return "gram" if teacher.ctc is None else "ctc_kl"

    @property
    def compares_latents(self) -> bool:
        """Whether a loss with a weight compares latents frame by frame."""
        of_sequence = self.lambda_q and self.sequence in ("gram", AUTO)
        return bool(self.lambda_e or self.lambda_d or self.terms_on("latents") or of_sequence)

    @property
    def posterior_losses(self) -> list[str]:
        """The losses that compare CTC posteriors."""
        of_sequence = [self.sequence] if self.lambda_q != 0 and self.sequence in ("ctc_kl", "seq_kd") else []
        return of_sequence + self.terms_on("posteriors")

    def terms_on(self, level: str) -> list[str]:
        """The further terms that compare a level of the teachers, see `kdse.losses.Term`."""
        return [name for name in self.terms if DISTILLATION_TERMS[name].level == level]

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_r, l_e, l_d, l_q and l_t where they have a weight, further terms, and with weight 0 the token error rate.

        Of several teachers, each loss is the mean by their weights.
        """
        losses = {"l_r": (self.weight_r(context.progress), self.reconstruction(enhanced, clean, lengths, context))}
        speech = self.recogniser_input(enhanced, context)
        silence = self.silence_in_front(context)
        heard = [F.pad(wave, (silence, 0)) for wave in (speech, clean)]
        losses |= weighted_mean([(given.weight, self.distil(given, *heard, lengths + silence)) for given in context.teachers])
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
        sequence = self.sequence_of(teacher)
        posteriors = self.needs_posteriors or sequence in ("ctc_kl", ATT_KL)
        target = teacher.target(clean, lengths, given.cached_latents, posteriors)
        student = teacher.encode(speech, lengths, posteriors)
        logits = self.decoded(given, student, target) if sequence == ATT_KL else None
        student = without_first(student, student.latents.shape[1] - target.latents.shape[1])
        frames, tau = target.frames, self.tau * teacher.distance
        l_d = token_divergence(student.latents, target.latents, teacher.centroids, frames, tau, self.hard)
        errors = token_error_rate(student.latents.detach(), target.latents, teacher.centroids, frames)
        losses = {
            "l_e": (self.lambda_e, distance_of_layers(student, target)),
            "l_d": (self.lambda_d, l_d),
            "token_error_rate": (0.0, errors),
        }
        if logits is not None:
            losses["l_q"] = (self.lambda_q, att_kl(*logits, given.hypotheses[1] + 1))
        elif sequence:
            losses["l_q"] = (self.lambda_q, sequence_loss(sequence, student, target))
        for name in self.terms_on("latents"):
            losses[name] = (self.terms[name], DISTILLATION_TERMS[name].loss(student.latents, target.latents, frames))
        for name in self.terms_on("posteriors"):
            losses[name] = (self.terms[name], DISTILLATION_TERMS[name].loss(student.log_probs, target.log_probs, frames))
        return losses

    def decoded(self, given: TeacherInput, student: EncoderOutput, target: EncoderOutput) -> tuple[Tensor, Tensor]:
        """Logits (B, V + 1, n) of the attention decoder for ŝ and s, given the words that it hears in s."""
        words, _ = given.hypotheses
        with torch.no_grad():
            wanted = given.teacher.decode(target, words)
        return given.teacher.decode(student, words), wanted

    def silence_in_front(self, context: BatchContext) -> int:
        """Samples of silence that go before the signals of this batch, a multiple of 40 ms."""
        steps = int(self.position_jitter / 0.04) if context.training else 0
        return 640 * int(torch.randint(steps + 1, ())) if steps else 0

    def recogniser_input(self, enhanced: Tensor, context: BatchContext) -> Tensor:
        """(B, N) ŝ, with a share of the noisy signal where the student is used with observation adding."""
        if not self.oa_max_weight:
            return enhanced
        draws = torch.rand(len(enhanced), 1, device=enhanced.device) if enhanced.requires_grad else 0.5
        omega = self.oa_min_weight + (self.oa_max_weight - self.oa_min_weight) * draws
        return enhanced + omega * (context.noisy - enhanced)

    def weight_r(self, progress: float) -> float:
        """λ_r at a share of the training.

        >>> [KD(lambda_r=0.01, anneal_fraction=0.5).weight_r(t) for t in (0.0, 0.25, 0.5, 1.0)]
        [1.0, 0.1, 0.01, 0.01]
        """
        return self.lambda_r ** min(1.0, progress / self.anneal_fraction) if self.anneal_fraction else self.lambda_r


def without_first(output: EncoderOutput, count: int) -> EncoderOutput:
    """What the encoder made of the silence in front left out, where the target was cached without it."""
    if not count:
        return output
    log_probs = None if output.log_probs is None else output.log_probs[:, count:]
    return EncoderOutput(output.latents[:, count:], output.frames - count, log_probs)


def weighted_mean(by_teacher: Sequence[tuple[float, Losses]]) -> Losses:
    """Each loss over the teachers: Σ w·L / Σ w. Weights are shares; lambdas say how much all teachers together count.

    >>> losses = [{"l_e": (0.1, torch.tensor(value))} for value in (1.0, 5.0)]
    >>> weighted_mean([(3.0, losses[0]), (1.0, losses[1])])     # (3·1 + 1·5) / 4
    {'l_e': (0.1, tensor(2.))}
    """
    total = sum(weight for weight, _ in by_teacher)
    mean: Losses = {}
    for name, (factor, _) in by_teacher[0][1].items():
        mean[name] = (factor, sum(weight * losses[name][1] for weight, losses in by_teacher) / total)
    return mean


def distance_of_layers(student: EncoderOutput, target: EncoderOutput) -> Tensor:
    """L_e: the mean over the layers that a teacher compares; that of the tokens where it names none."""
    if not target.compared:
        return latent_distance(student.latents, target.latents, target.frames)
    distances = [latent_distance(a, b, target.frames) for a, b in zip(student.compared, target.compared, strict=True)]
    return torch.stack(distances).mean()


def sequence_loss(kind: str, student: EncoderOutput, target: EncoderOutput) -> Tensor:
    """L_q of a kind of `SEQUENCE`."""
    if kind == "gram":
        return gram(student.latents, target.latents, target.frames)
    if kind == "ctc_kl":
        return ctc_kl(student.log_probs, target.log_probs, target.frames)
    hypothesis, count = best_path(target.log_probs, target.frames)
    return seq_kd(student.log_probs, hypothesis, student.frames, count)
