"""The frozen recogniser that teaches a front end."""

from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kdse.approaches.context import Heard
from kdse.plugin.fast_layers import bf16_encoder


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
        return Heard(self.tapped(out), frames, log_probs)

    def tapped(self, encoded: Tensor) -> Tensor:
        """(B, U, D) latents of the tapped layer, after the recogniser's `encode` returned `encoded`."""
        return (self._tapped if self.layer else encoded).float()

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
