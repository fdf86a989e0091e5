"""A self-supervised network as a frozen teacher of a front end: latents every 20 ms, and nothing that writes words."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from kdse.approaches.context import CachedLatents, EncoderOutput
from kdse.core.files import read_yaml
from kdse.plugin.frozen import FrozenNetwork
from kdse.plugin.ssl import build, load_weights, wants_unit_variance

WEIGHTS = "ssl.pth"


class SSLTeacher(FrozenNetwork):
    """A teacher as `kdse.approaches.context.Teacher` describes one, without `decode`.

    Args:
        network: of `kdse.plugin.ssl.build`.
        layer: tapped layer of its Transformer, counted from 1; 0 is its output.
        precision: "fp32", or "bf16" for the products of its Transformer; convolutions of the waveform stay in float32.
        tokens: centroids, distance, compared, as in `FrozenNetwork`.
    """

    def __init__(self, network: nn.Module, layer: int = 0, *, precision: str = "fp32", **tokens):
        super().__init__(network, layer, **tokens)
        self.unit_variance, self.precision = wants_unit_variance(network), precision

    @classmethod
    def load(cls, backend: Path | str, precision: str = "fp32", **tokens) -> "SSLTeacher":
        """That of a folder of `kdse.training.ssl`."""
        config = read_yaml(Path(backend) / "config.yaml")
        network = build(config["model"], config["model_conf"])
        load_weights(network, Path(backend) / WEIGHTS)
        return cls(network, precision=precision, **tokens)

    @property
    def _transformer(self) -> nn.Module:
        return self.asr.encoder.transformer

    @property
    def layers(self) -> int:
        return len(self._transformer.layers)

    @property
    def size(self) -> int:
        """Values of a latent."""
        return self._transformer.layers[0].final_layer_norm.normalized_shape[0]

    def encode(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> EncoderOutput:
        """Encode (B, N) waveforms with (B,) lengths; differentiable in `wave`. It has no CTC posteriors.

        Each utterance is encoded by itself: networks that normalise by group do so over the whole length, padding included, and
        torchaudio's WavLM takes no mask.
        """
        wanted = (self.layer, *self.compared)
        by_utterance = [self._encode(wave[number, :count], wanted) for number, count in enumerate(lengths.tolist())]
        frames = torch.tensor([len(latents[0]) for latents in by_utterance], device=wave.device)
        first, *compared = (pad_sequence(latents, batch_first=True) for latents in zip(*by_utterance, strict=True))
        return EncoderOutput(first, frames, compared=tuple(compared))

    def _encode(self, wave: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """(U, D) latents of each layer that is wanted, of a (N,) waveform."""
        if self.unit_variance:
            wave = F.layer_norm(wave, wave.shape)
        features, _ = self.asr.feature_extractor(wave[None], None)
        depth = None if 0 in wanted else max(wanted)
        with torch.autocast(wave.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            hidden = self.asr.encoder.extract_features(features, None, depth)
        return [self._output(hidden[-1])[0] if number == 0 else hidden[number - 1][0].float() for number in wanted]

    def _output(self, last: Tensor) -> Tensor:
        """The network's output, of the last layer's: networks that normalise before their layers do so once more behind them."""
        last = last.float()
        return last if self._transformer.layer_norm_first else self._transformer.layer_norm(last)

    def target(self, clean: Tensor, lengths: Tensor, cached: CachedLatents | None, posteriors: bool = False) -> EncoderOutput:
        """Encode clean (B, N) waveforms without gradient, or take their cached latents, where there are some and they suffice."""
        if cached is not None and not self.compared:
            return EncoderOutput(*cached)
        with torch.no_grad():
            return self.encode(clean, lengths)
