"""The ESPnet model that trains a front end, or a front end with a backend, by an approach."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from espnet2.enh.espnet_model import ESPnetEnhancementModel
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import Tensor, nn

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext, Teacher, TeacherInput
from kdse.approaches.gradients import hand_over, two_gradients
from kdse.approaches.options import data_name, hypotheses_name
from kdse.plugin.teacher import FrozenNetworks


def low_precision(device: torch.device, precision: str) -> torch.autocast:
    """A block that runs networks in bfloat16 where `precision` is "bf16". Losses stay outside: eight bits are no distance."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _with_lengths(batch: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor] | None:
    return (batch[name], batch[f"{name}_lengths"]) if name in batch else None


class Clock:
    """How far a training is: `progress` is 0 in the first epoch and comes close to 1 in the last; `update` counts within it."""

    def __init__(self, epochs: int = 1):
        self.epochs, self.epoch, self.update = epochs, 1, 0

    def begin(self, epoch: int) -> None:
        """An epoch, from 1, begins."""
        self.epoch, self.update = epoch, 0

    @property
    def progress(self) -> float:
        return (self.epoch - 1) / self.epochs


def enhance(model: ESPnetEnhancementModel, noisy: Tensor, lengths: Tensor) -> Tensor:
    """(B, N) ŝ of (B, N) y, with the normalisation that ESPnet's `SeparateSpeech` applies."""
    if model.normalize_variance:
        scale = noisy.std(dim=1, keepdim=True)
        return model.forward_enhance(noisy / scale, lengths, {})[0][0] * scale
    return model.forward_enhance(noisy, lengths, {})[0][0]


class DistillationModel(AbsESPnetModel):
    """An ESPnet enhancement model trained by one of `kdse.approaches`.

    Its checkpoint holds the enhancement model, the backend where the approach trains it, and the approach's own state, but never
    a teacher.

    Args:
        enh_model: the front end.
        approach: called with (enhanced, clean, lengths, context), returns {name: (weight, loss)}.
        trains: parts that are trained, of "se" and "backend" (`kdse.approaches.ApproachInfo.trains`).
        teachers: frozen recognisers.
        teacher_weights: their parts in the mean of each loss; 1 each where there are none.
        precision: "fp32", or "bf16" for the front end (never for losses) where the processor is quicker at it.
        clock: knows how far the training is; validation always has the weights of its end.
        se_teacher: an enhancement model that is frozen, or None.
        asr_model: an ESPnet ASR model that is trained too, or None.
    """

    def __init__(
        self,
        enh_model: ESPnetEnhancementModel,
        approach: Approach,
        *,
        trains: Sequence[str] = ("se",),
        teachers: Sequence[Teacher] = (),
        teacher_weights: Sequence[float] = (),
        precision: str = "fp32",
        clock: Clock | None = None,
        se_teacher: ESPnetEnhancementModel | None = None,
        asr_model: nn.Module | None = None,
    ):
        super().__init__()
        self.trains_front_end = "se" in trains
        self.enh_model = enh_model if self.trains_front_end else enh_model.requires_grad_(False)
        self.approach, self.precision, self.clock = approach, precision, clock or Clock()
        self.frozen = FrozenNetworks(teachers, se_teacher)
        self.teacher_weights = tuple(teacher_weights) or (1.0,) * len(self.teachers)
        if asr_model is not None:
            self.asr_model = asr_model
        centroids = self.teachers[0].centroids if self.teachers else None
        # named as in the checkpoints of trainings that were cut before a renaming
        self.rule = approach.gradient_rule()
        self.memory = approach.approach_state(0 if centroids is None else len(centroids))

    @property
    def teachers(self) -> tuple[Teacher, ...]:
        """The frozen recognisers."""
        return self.frozen.teachers

    def _apply(self, function, recurse=True):
        result = super()._apply(function, recurse)
        self.frozen.to(next(self.parameters()).device)
        return result

    def train(self, mode: bool = True) -> "DistillationModel":
        """A front end that the approach does not train stays in eval mode."""
        super().train(mode)
        if not self.trains_front_end:
            self.enh_model.eval()
        return self

    @property
    def recogniser(self) -> nn.Module | None:
        """The backend of L_ASR: trained, or that of the first teacher."""
        if hasattr(self, "asr_model"):
            return self.asr_model
        return self.teachers[0].asr if self.teachers else None

    def forward(
        self,
        speech_mix: Tensor,
        speech_mix_lengths: Tensor,
        speech_ref1: Tensor,
        text: Tensor | None = None,
        text_lengths: Tensor | None = None,
        optimiser: int | None = None,
        referenced: Tensor | None = None,
        **rest: Tensor,
    ) -> tuple | dict[str, Any]:
        """Return ESPnet's loss, stats and weight for noisy and clean (B, N) waveforms and (B,) lengths.

        Args:
            text: (B, V) token ids, -1 after the (B,) `text_lengths`.
            optimiser: 0 or 1 where a minibatch is served twice.
            referenced: (B, 1), 0 for recordings, which have no clean waveform.
            rest: with `target`, `target2`, ..., (B, U, D) the teachers' latents of the clean waveforms where stage 5 kept them, and
                their (B,) `target_lengths`, ...; with `target_text`, ..., (B, V) the teachers' hypotheses of them, with lengths.
        """
        learning = torch.is_grad_enabled() and self.trains_front_end
        with low_precision(speech_mix.device, self.precision), torch.set_grad_enabled(learning):
            enhanced = enhance(self.enh_model, speech_mix, speech_mix_lengths).float()
        stats: dict[str, Any] = {}
        context = BatchContext(
            teachers=self._teachers_with(rest),
            progress=self.clock.progress if self.training else 1.0,
            se_teacher_wave=rest.get("se_teacher", self._se_teacher_wave(speech_mix, speech_mix_lengths)),
            noisy=speech_mix,
            recognise=self._recognition_loss(speech_mix_lengths, text, text_lengths, stats),
            features=lambda wave: self.recogniser._extract_feats(wave, speech_mix_lengths),
            approach_state=self.memory,
            optimiser=optimiser,
            training=self.training,
            has_reference=None if referenced is None else referenced[:, 0] > 0,
        )
        losses = self.approach(enhanced, speech_ref1, speech_mix_lengths, context)
        loss = self._total(losses, stats, optimiser, len(speech_mix))
        loss, stats, weight = force_gatherable((loss, stats, len(speech_mix)), loss.device)
        if self.approach.optimisers == 1:
            return loss, stats, weight
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": optimiser}

    def _teachers_with(self, batch: dict[str, Tensor]) -> tuple[TeacherInput, ...]:
        """The teachers with their cached latents, which a batch holds under `data_name`."""
        inputs = []
        for number, (teacher, weight) in enumerate(zip(self.teachers, self.teacher_weights, strict=True)):
            name = data_name(number)
            latents, words = (_with_lengths(batch, key) for key in (name, hypotheses_name(number)))
            inputs.append(TeacherInput(teacher, latents, words, weight))
        return tuple(inputs)

    def _se_teacher_wave(self, noisy: Tensor, lengths: Tensor) -> Tensor | None:
        if self.frozen.se_teacher is None:
            return None
        with torch.no_grad():
            return enhance(self.frozen.se_teacher, noisy, lengths)

    def _recognition_loss(
        self, lengths: Tensor, text: Tensor | None, text_lengths: Tensor | None, stats: dict[str, Any]
    ) -> Callable[[Tensor], Tensor]:
        """L_ASR as a function of (B, N) waveforms; it adds the recogniser's error rate or accuracy to `stats`."""

        def recognise(wave: Tensor) -> Tensor:
            loss, seen, _ = self.recogniser(wave, lengths, text, text_lengths)
            stats.update({name: seen[name] for name in ("cer_ctc", "acc") if seen.get(name) is not None})
            return loss.mean()

        return recognise

    def _total(self, losses: Losses, stats: dict[str, Any], optimiser: int | None, utterances: int) -> Tensor:
        """The weighted sum of the losses, whose gradients in training are those of the approach's rule; `stats` get each loss."""
        loss = sum(weight * value for weight, value in losses.values() if weight)
        stats |= {name: value.detach() for name, (_, value) in losses.items()} | {"loss": loss.detach()}
        if not (self.training and torch.is_grad_enabled()):
            return loss
        self.clock.update += optimiser != 0  # a minibatch that is served twice counts once
        if self.rule is None or "l_asr" not in losses or self.clock.update % self.rule.every:
            return loss
        return self._combined(losses, stats, utterances)

    def _combined(self, losses: Losses, stats: dict[str, Any], utterances: int) -> Tensor:
        """A loss of the same value whose gradients are those of l_asr and l_r as the approach's rule combines them."""
        shared = [p for p in self.enh_model.parameters() if p.requires_grad]
        own = [p for p in self.asr_model.parameters() if p.requires_grad] if hasattr(self, "asr_model") else []
        recognition, reconstruction = (weight * value for weight, value in (losses["l_asr"], losses["l_r"]))
        a, e, of_backend = two_gradients(recognition, reconstruction, shared, own, utterances)
        gradients, numbers = self.rule(a, e)
        stats |= {name: value.float() for name, value in numbers.items()}
        return hand_over(stats["loss"], [*shared, *own], [*gradients, *of_backend])

    def collect_feats(self, speech_mix: Tensor, speech_mix_lengths: Tensor, **rest) -> dict[str, Tensor]:
        """ESPnet's statistics stage has nothing to collect here."""
        return {"feats": speech_mix, "feats_lengths": speech_mix_lengths}
