"""The ESPnet model that trains a front end, or a front end with a backend, by an approach."""

from typing import Any

import torch
from espnet2.enh.espnet_model import ESPnetEnhancementModel
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import Tensor, nn

from kdse.approaches.context import Lesson
from kdse.approaches.gradients import hand_over, two_gradients
from kdse.plugin.teacher import FrozenTeacher


def low_precision(device: torch.device, precision: str) -> torch.autocast:
    """A block that runs networks in bfloat16 where `precision` is "bf16". Losses stay outside: eight bits are no distance."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


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

    Its checkpoint holds the enhancement model, the backend where the approach trains it, and what the approach remembers, but never
    a teacher.

    Args:
        enh_model: the front end.
        approach: called with (enhanced, clean, lengths, lesson), returns {name: (weight, loss)}.
        teacher: the frozen recogniser, or None.
        precision: "fp32", or "bf16" for the front end (never for losses) where the processor is quicker at it.
        clock: knows how far training is; validation always has the weights of its end.
        se_teacher: a frozen enhancement model, or None.
        asr_model: an ESPnet ASR model that is trained too, or None.
        second: a frozen recogniser that teaches beside `teacher`, or None.
    """

    def __init__(
        self,
        enh_model: ESPnetEnhancementModel,
        approach,
        teacher: FrozenTeacher | None = None,
        precision: str = "fp32",
        clock: Clock | None = None,
        se_teacher: ESPnetEnhancementModel | None = None,
        asr_model: nn.Module | None = None,
        second: FrozenTeacher | None = None,
    ):
        super().__init__()
        self.clock = clock or Clock()
        self.enh_model = enh_model if "se" in approach.trains else enh_model.requires_grad_(False)
        self.approach = approach
        self.precision = precision
        object.__setattr__(self, "teacher", teacher)  # no submodules: neither saved nor trained
        object.__setattr__(self, "second", second)
        object.__setattr__(self, "se_teacher", se_teacher and se_teacher.eval().requires_grad_(False))
        if asr_model is not None:
            self.asr_model = asr_model
        self.rule = approach.rule()
        tokens = 0 if teacher is None or teacher.centroids is None else len(teacher.centroids)
        self.memory = approach.memory(tokens)

    def _apply(self, function, recurse=True):
        result = super()._apply(function, recurse)
        for teacher in (self.teacher, self.second, self.se_teacher):
            if teacher is not None:
                teacher.to(next(self.parameters()).device)
        return result

    def train(self, mode: bool = True) -> "DistillationModel":
        """A front end that the approach does not train stays in eval mode."""
        super().train(mode)
        if "se" not in self.approach.trains:
            self.enh_model.eval()
        return self

    @property
    def recogniser(self) -> nn.Module | None:
        """The backend: trained, or the frozen teacher's."""
        return self.asr_model if hasattr(self, "asr_model") else self.teacher and self.teacher.asr

    def forward(
        self,
        speech_mix: Tensor,
        speech_mix_lengths: Tensor,
        speech_ref1: Tensor,
        target: Tensor | None = None,
        target_lengths: Tensor | None = None,
        target2: Tensor | None = None,
        target2_lengths: Tensor | None = None,
        text: Tensor | None = None,
        text_lengths: Tensor | None = None,
        step: int | None = None,
        referenced: Tensor | None = None,
        **rest,
    ) -> tuple | dict[str, Any]:
        """Return ESPnet's loss, stats and weight for noisy and clean (B, N) waveforms and (B,) lengths.

        `target` (B, U, D) are the teacher's latents of the clean waveforms where they were computed before, `target2` those of the
        second one; `text` (B, V) are token ids, -1 after the (B,) lengths; `step` is 0 or 1 where a minibatch is served twice;
        `referenced` (B, 1) is 0 for recordings, which have no clean waveform.
        """
        learning = torch.is_grad_enabled() and "se" in self.approach.trains
        with low_precision(speech_mix.device, self.precision), torch.set_grad_enabled(learning):
            enhanced = enhance(self.enh_model, speech_mix, speech_mix_lengths).float()
        taught = None
        if self.se_teacher is not None:
            with torch.no_grad():
                taught = enhance(self.se_teacher, speech_mix, speech_mix_lengths)
        known = None if target is None else (target, target_lengths)
        stats: dict[str, Any] = {}

        def recognise(wave: Tensor) -> Tensor:
            loss, found, _ = self.recogniser(wave, speech_mix_lengths, text, text_lengths)
            stats.update({name: found[name] for name in ("cer_ctc", "acc") if found.get(name) is not None})
            return loss.mean()

        lesson = Lesson(
            self.teacher,
            self.clock.progress if self.training else 1.0,
            known,
            taught,
            speech_mix,
            recognise,
            lambda wave: self.recogniser._extract_feats(wave, speech_mix_lengths),
            self.memory,
            step,
            self.training,
            None if referenced is None else referenced[:, 0] > 0,
            self.second,
            None if target2 is None else (target2, target2_lengths),
        )
        losses = self.approach(enhanced, speech_ref1, speech_mix_lengths, lesson)
        loss = sum(weight * value for weight, value in losses.values() if weight)
        stats |= {name: value.detach() for name, (_, value) in losses.items()} | {"loss": loss.detach()}
        if self.training and torch.is_grad_enabled():
            self.clock.update += step != 0  # a minibatch that is served twice counts once
            if self.rule is not None and "l_asr" in losses and self.clock.update % self.rule.every == 0:
                loss = self._operate(losses, stats, len(speech_mix))
        loss, stats, weight = force_gatherable((loss, stats, len(speech_mix)), loss.device)
        if self.approach.optimisers == 1:
            return loss, stats, weight
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": step}

    def _operate(self, losses: dict, stats: dict[str, Any], utterances: int) -> Tensor:
        """The loss whose gradients are what the approach's rule makes of those of l_asr and l_r."""
        shared = [p for p in self.enh_model.parameters() if p.requires_grad]
        own = [p for p in self.asr_model.parameters() if p.requires_grad] if hasattr(self, "asr_model") else []
        first, second = (weight * value for weight, value in (losses["l_asr"], losses["l_r"]))
        a, e, of_backend = two_gradients(first, second, shared, own, utterances)
        combined, seen = self.rule(a, e)
        stats |= {name: value.float() for name, value in seen.items()}
        return hand_over(stats["loss"], [*shared, *own], [*combined, *of_backend])

    def collect_feats(self, speech_mix: Tensor, speech_mix_lengths: Tensor, **rest) -> dict[str, Tensor]:
        """ESPnet's statistics stage has nothing to collect here."""
        return {"feats": speech_mix, "feats_lengths": speech_mix_lengths}
