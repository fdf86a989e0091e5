"""The frozen recogniser that teaches a front end."""

from collections.abc import Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from kdse.approaches.context import CachedLatents, EncoderOutput
from kdse.plugin.fast_layers import bf16_encoder
from kdse.plugin.frozen import FrozenNetwork


class FrozenTeacher(FrozenNetwork):
    """A backend in eval mode whose parameters take no gradient, while gradient flows through it; and its acoustic tokens.

    Args:
        asr: an ESPnet ASR model.
        layer, centroids, distance, compared: as in `FrozenNetwork`.
        precision: "fp32", or "bf16" for the encoder's weights and arithmetic; latents come out as float32.
    """

    # at_once is 1: padding changes what a Conformer's convolutions see

    def __init__(
        self,
        asr: nn.Module,
        layer: int = 0,
        centroids: Tensor | None = None,
        distance: float = 1.0,
        precision: str = "fp32",
        compared: Sequence[int] = (),
    ):
        super().__init__(asr, layer, centroids, distance, compared)
        self._tapped: dict[int, Tensor] = {}
        for number in {layer, *compared}:
            if 0 < number <= self.layers:
                asr.encoder.encoders[number - 1].register_forward_hook(partial(self._tap, number))
        if precision == "bf16":
            bf16_encoder(asr)

    def _tap(self, number: int, module, inputs, output):
        value = output[0]  # (x or (x, position), mask)
        self._tapped[number] = value[0] if isinstance(value, tuple) else value

    @property
    def ctc(self) -> nn.Module | None:
        return self.asr.ctc

    @property
    def layers(self) -> int:
        """Encoder layers that can be tapped."""
        return len(getattr(self.asr.encoder, "encoders", ()))

    @property
    def size(self) -> int:
        """Values of a latent."""
        return self.asr.encoder.output_size()

    def encode(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> EncoderOutput:
        """Encode (B, N) waveforms with (B,) lengths; differentiable in `wave`. CTC posteriors only where asked for."""
        assert not self.asr.training
        wanted = {self.layer, *self.compared}
        with self._as_deep_as(0 if posteriors or 0 in wanted else max(wanted)):
            encoded, frames = self.asr.encode(wave, lengths)
        encoded = encoded[0] if isinstance(encoded, tuple) else encoded
        log_probs = self._posteriors(encoded.float()) if posteriors else None
        compared = tuple(self._of_layer(number, encoded) for number in self.compared)
        return EncoderOutput(self.tapped(encoded), frames, log_probs, encoded.float() if posteriors else None, compared)

    def tapped(self, encoded: Tensor) -> Tensor:
        """(B, U, D) latents of the tapped layer, after the recogniser's `encode` returned `encoded`."""
        return self._of_layer(self.layer, encoded)

    def _of_layer(self, number: int, encoded: Tensor) -> Tensor:
        return (self._tapped[number] if number else encoded).float()

    @contextmanager
    def _as_deep_as(self, layer: int):
        """Leave out the layers behind the tapped one; 0 computes all."""
        encoder = self.asr.encoder
        blocks = encoder.encoders if layer else None
        if layer:
            encoder.encoders = blocks[:layer]
        try:
            yield
        finally:
            if layer:
                encoder.encoders = blocks

    def target(self, clean: Tensor, lengths: Tensor, cached: CachedLatents | None, posteriors: bool = False) -> EncoderOutput:
        """Encode clean (B, N) waveforms without gradient, or take their cached latents, where there are some and they suffice."""
        with torch.no_grad():
            # CTC is computed from the last layer's latents, and the cache holds one layer
            if cached is None or self.compared or (posteriors and self.layer):
                return self.encode(clean, lengths, posteriors)
            latents, frames = cached
            return EncoderOutput(latents, frames, self._posteriors(latents) if posteriors else None, latents)

    def _posteriors(self, encoded: Tensor) -> Tensor:
        return self.asr.ctc.ctc_lo(encoded).log_softmax(-1)


class FrozenNetworks:
    """The teachers of a training. No `nn.Module`, so that a model that holds them neither saves nor trains them.

    Args:
        teachers: frozen recognisers.
        se_teacher: an ESPnet enhancement model, or None.
    """

    def __init__(self, teachers: Sequence[FrozenTeacher] = (), se_teacher: nn.Module | None = None):
        self.teachers = tuple(teachers)
        self.se_teacher = se_teacher and se_teacher.eval().requires_grad_(False)

    def to(self, device: torch.device) -> None:
        """Move all of them."""
        for network in (*self.teachers, self.se_teacher):
            if network is not None:
                network.to(device)
