"""The ESPnet model that trains a front end by an approach, and the frozen recogniser that teaches it."""

import kdse.plugin.quiet  # noqa: F401  isort: skip
from contextlib import contextmanager

import torch
from espnet2.enh.espnet_model import ESPnetEnhancementModel
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import Tensor, nn

from kdse.approaches.lesson import Heard, Lesson
from kdse.plugin.speed import bf16_encoder


def low_precision(device: torch.device, precision: str) -> torch.autocast:
    """A block that runs networks in bfloat16 where `precision` is "bf16". Losses stay outside: eight bits are no distance."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


class Clock:
    """How far a training is: `progress` is 0 in the first epoch and comes close to 1 in the last."""

    def __init__(self, epochs: int = 1):
        self.epochs, self.epoch = epochs, 1

    @property
    def progress(self) -> float:
        return (self.epoch - 1) / self.epochs


class FrozenTeacher:
    """A backend in eval mode whose parameters take no gradient, while gradient flows through it; and its acoustic tokens.

    No `nn.Module`: a model that holds it neither saves it nor switches it to training.

    Args:
        asr: an ESPnet ASR model.
        layer: tapped encoder layer, counted from 1; 0 is the encoder's output.
        centroids: (K, D), or None before stage 5.
        distance: mean squared distance of a latent to its nearest centroid.
        precision: "fp32", or "bf16" for the encoder's weights and arithmetic; latents come out as float32.
    """

    def __init__(
        self,
        asr: nn.Module,
        layer: int = 0,
        centroids: Tensor | None = None,
        distance: float = 1.0,
        precision: str = "fp32",
    ):
        self.asr = asr.eval().requires_grad_(False)
        self.layer, self.centroids, self.distance = layer, centroids, distance
        self._tapped: Tensor | None = None
        if layer:
            asr.encoder.encoders[layer - 1].register_forward_hook(self._tap)
        if precision == "bf16":
            bf16_encoder(asr)

    def _tap(self, module, inputs, output):
        value = output[0]  # (x or (x, position), mask)
        self._tapped = value[0] if isinstance(value, tuple) else value

    def to(self, device: torch.device) -> "FrozenTeacher":
        """Move the recogniser and the centroids."""
        self.asr.to(device)
        if self.centroids is not None:
            self.centroids = self.centroids.to(device)
        return self

    def listen(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> Heard:
        """What the recogniser makes of (B, N) waveforms with (B,) lengths; differentiable in `wave`. Posteriors if asked for."""
        assert not self.asr.training
        with self._as_deep_as(0 if posteriors else self.layer):
            out, frames = self.asr.encode(wave, lengths)
        out = out[0] if isinstance(out, tuple) else out
        log_probs = None if not posteriors else self.asr.ctc.ctc_lo(out.float()).log_softmax(-1)
        return Heard((self._tapped if self.layer else out).float(), frames, log_probs)

    @contextmanager
    def _as_deep_as(self, layer: int):
        """What lies behind the tapped layer is not computed; 0 computes all."""
        encoder = self.asr.encoder
        blocks = encoder.encoders if layer else None
        if layer:
            encoder.encoders = blocks[:layer]
        try:
            yield
        finally:
            if layer:
                encoder.encoders = blocks

    def target(self, clean: Tensor, lengths: Tensor, known: tuple[Tensor, Tensor] | None, posteriors: bool = False) -> Heard:
        """What it makes of clean (B, N) waveforms, without gradient; from `known`, (B, U, D) latents that stage 5 kept and their
        (B,) numbers, where they are given and suffice."""
        with torch.no_grad():
            if known is None or (posteriors and self.layer):  # CTC is computed from the last layer's latents
                return self.listen(clean, lengths, posteriors)
            return Heard(*known, self.asr.ctc.ctc_lo(known[0]).log_softmax(-1) if posteriors else None)


def enhance(model: ESPnetEnhancementModel, noisy: Tensor, lengths: Tensor) -> Tensor:
    """(B, N) ŝ of (B, N) y, with the normalisation that ESPnet's `SeparateSpeech` applies."""
    if model.normalize_variance:
        scale = noisy.std(dim=1, keepdim=True)
        return model.forward_enhance(noisy / scale, lengths, {})[0][0] * scale
    return model.forward_enhance(noisy, lengths, {})[0][0]


class DistillationModel(AbsESPnetModel):
    """An ESPnet enhancement model trained by one of `kdse.approaches`; only the enhancement model is in its checkpoint.

    Args:
        enh_model: the front end.
        approach: called with (enhanced, clean, lengths, lesson), returns {name: (weight, loss)}.
        teacher: the frozen recogniser, or None.
        se_teacher: a frozen enhancement model, or None.
        precision: "fp32", or "bf16" for the front end (never for losses) where the processor is quicker at it.
        clock: knows how far training is; validation always has the weights of its end.
    """

    def __init__(
        self,
        enh_model: ESPnetEnhancementModel,
        approach,
        teacher: FrozenTeacher | None = None,
        precision: str = "fp32",
        clock: Clock | None = None,
        se_teacher: ESPnetEnhancementModel | None = None,
    ):
        super().__init__()
        self.clock = clock or Clock()
        self.enh_model = enh_model
        self.approach = approach
        self.precision = precision
        object.__setattr__(self, "teacher", teacher)  # no submodules: neither saved nor trained
        object.__setattr__(self, "se_teacher", se_teacher and se_teacher.eval().requires_grad_(False))

    def _apply(self, function, recurse=True):
        result = super()._apply(function, recurse)
        for teacher in (self.teacher, self.se_teacher):
            if teacher is not None:
                teacher.to(next(self.parameters()).device)
        return result

    def forward(
        self,
        speech_mix: Tensor,
        speech_mix_lengths: Tensor,
        speech_ref1: Tensor,
        target: Tensor | None = None,
        target_lengths: Tensor | None = None,
        **rest,
    ):
        """Return ESPnet's (loss, stats, weight) for noisy and clean (B, N) waveforms and (B,) lengths.

        `target` (B, U, D) are the teacher's latents of the clean waveforms where they were computed before.
        """
        with low_precision(speech_mix.device, self.precision):
            enhanced = enhance(self.enh_model, speech_mix, speech_mix_lengths).float()
        taught = None
        if self.se_teacher is not None:
            with torch.no_grad():
                taught = enhance(self.se_teacher, speech_mix, speech_mix_lengths)
        known = None if target is None else (target, target_lengths)
        lesson = Lesson(self.teacher, self.clock.progress if self.training else 1.0, known, taught, speech_mix)
        losses = self.approach(enhanced, speech_ref1, speech_mix_lengths, lesson)
        loss = sum(weight * value for weight, value in losses.values() if weight)
        stats = {name: value.detach() for name, (_, value) in losses.items()} | {"loss": loss.detach()}
        return force_gatherable((loss, stats, speech_mix.shape[0]), loss.device)

    def collect_feats(self, speech_mix: Tensor, speech_mix_lengths: Tensor, **rest) -> dict[str, Tensor]:
        """ESPnet's statistics stage has nothing to collect here."""
        return {"feats": speech_mix, "feats_lengths": speech_mix_lengths}
