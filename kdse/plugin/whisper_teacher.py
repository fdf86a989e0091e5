"""Whisper as a frozen teacher of a front end: latents, and the words of its decoder."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from kdse.approaches.context import CachedLatents, EncoderOutput
from kdse.plugin.frozen import FrozenNetwork
from kdse.whisper.model import Whisper
from kdse.whisper.prompt import prompt_for

SILENCE = 8000
"""Samples after the speech, half a second. The end of a sentence is found with it; that of a single word often not."""


class WhisperTeacher(FrozenNetwork):
    """A teacher as `kdse.approaches.context.Teacher` describes one.

    Args:
        whisper: the network.
        layer, tokens: layer, centroids, distance, compared of `FrozenNetwork`.
    """

    at_once = 16
    has_decoder = True

    def __init__(self, whisper: Whisper, layer: int = 0, **tokens):
        super().__init__(whisper, layer, **tokens)
        self.prompt = prompt_for(whisper.vocabulary)

    @classmethod
    def load(cls, backend: Path | str, precision: str = "fp32", **tokens) -> "WhisperTeacher":
        """That of a folder in CTranslate2's format."""
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return cls(Whisper.load(Path(backend) / "model.bin", dtype), **tokens)

    @property
    def layers(self) -> int:
        return self.asr.encoder.layers

    @property
    def size(self) -> int:
        """Values of a latent."""
        return self.asr.size

    @property
    def device(self) -> torch.device:
        return self.asr.encoder.get("layer_norm/gamma").device  # it has no parameters

    def encode(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> EncoderOutput:
        """Encode (B, N) waveforms with (B,) lengths; differentiable in `wave`. It has no CTC posteriors.

        The silence after the speech is part of what it hears and of the frames.
        """
        count = torch.arange(wave.shape[1], device=wave.device)
        wave = F.pad(wave * (count < lengths[:, None]), (0, SILENCE))
        taps = tuple(sorted({self.layer, *self.compared} - {0}))
        encoded, frames, tapped = self.asr.encode(wave, lengths + SILENCE, taps)
        latents = {0: encoded, **dict(zip(taps, tapped, strict=True))}
        compared = tuple(latents[number] for number in self.compared)
        return EncoderOutput(latents[self.layer], frames, encoded=encoded, compared=compared)

    def target(self, clean: Tensor, lengths: Tensor, cached: CachedLatents | None, posteriors: bool = False) -> EncoderOutput:
        """Encode clean (B, N) waveforms without gradient, or take their cached latents, where there are some and they suffice.

        Args:
            posteriors: the decoder will be asked, too, which wants the last layer's.
        """
        with torch.no_grad():
            if cached is None or self.compared or (posteriors and self.layer):
                return self.encode(clean, lengths)
            latents, frames = cached
            return EncoderOutput(latents, frames, encoded=latents)

    def decode(self, output: EncoderOutput, words: Tensor) -> Tensor:
        """Logits (B, V + 1, n) of each of (B, V) tokens and the end, given those before it."""
        prompt = torch.tensor(self.prompt.ids, device=words.device).expand(len(words), -1)
        logits = self.asr.decoder(torch.cat([prompt, words], 1), output.encoded, output.frames)
        return logits[:, len(self.prompt.ids) - 1 :]
