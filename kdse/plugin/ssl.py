"""`frontend: kdse_ssl`: features of a recogniser from a self-supervised network (wav2vec 2.0, HuBERT, WavLM) of torchaudio."""

from pathlib import Path
from typing import Any

import torch
import torchaudio
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from torch import Tensor, nn

from kdse.core.errors import UserError, did_you_mean
from kdse.data.audio import RATE
from kdse.plugin.checkpoint import load_state

SIZES = ("base", "large")
MODELS = [f"{kind}_{size}" for kind in ("wav2vec2", "hubert", "wavlm") for size in SIZES]
MODELS += ["wav2vec2_large_lv60k", "wav2vec2_xlsr_300m", "hubert_xlarge"]


class SSLFrontend(AbsFrontend):
    """Hidden layers of a self-supervised network as features, every 20 ms; gradient flows to the waveform.

    Args:
        model: a constructor of `torchaudio.models` (`MODELS`), or "wav2vec2_model" or "wavlm_model" with `model_conf`.
        weights: path of its state dict, as torchaudio publishes them; None where they come with the recogniser's checkpoint.
        layer: counted from 1; 0 is a learned weighted sum of all layers (SUPERB, arXiv 2105.01051).
        frozen: the network itself is not trained.
        model_conf: arguments of the constructor.
        fs: 16000, which all of them want.

    Raises: UserError for an unknown model, layer or rate, and for weights that do not fit.
    """

    def __init__(
        self,
        model: str = "hubert_base",
        weights: str | None = None,
        layer: int = 0,
        frozen: bool = True,
        model_conf: dict[str, Any] | None = None,
        fs: int | str = RATE,
    ):
        super().__init__()
        names = [*MODELS, "wav2vec2_model", "wavlm_model"]
        if model not in names:
            raise UserError(f"kdse_ssl: there is no model '{model}'{did_you_mean(model, names)}; there are {', '.join(names)}")
        if str(fs) not in ("16000", "16k"):
            raise UserError(f"kdse_ssl: {model} takes 16 kHz, not fs: {fs}")
        self.upstream = getattr(torchaudio.models, model)(**(model_conf or {}))
        self.upstream.aux = None  # the CTC layer of networks that were fine-tuned: their latents are used, not their words
        if weights is not None:
            self._load(Path(weights))
        layers = self.upstream.encoder.transformer.layers
        if not 0 <= layer <= len(layers):
            raise UserError(f"kdse_ssl: {model} has {len(layers)} layers and no layer {layer} (0 is a weighted sum of all)")
        self.layer, self.frozen = layer, frozen
        self.mix = nn.Parameter(torch.zeros(len(layers))) if layer == 0 else None
        # networks whose convolutions are normalised by layer, not by group, were trained on waveforms of variance 1
        self.unit_variance = isinstance(self.upstream.feature_extractor.conv_layers[-1].layer_norm, nn.LayerNorm)
        self.size = layers[0].final_layer_norm.normalized_shape[0]
        if frozen:
            self.upstream.requires_grad_(False)

    def _load(self, path: Path) -> None:
        """The weights of the network, without those of a head."""
        load_state(self.upstream, path, ignore=("aux.", "mask_generator.", "logit_generator."))

    def train(self, mode: bool = True) -> "SSLFrontend":
        """A frozen network stays in eval mode: no dropout, no layer is dropped."""
        super().train(mode)
        if self.frozen:
            self.upstream.eval()
        return self

    def output_size(self) -> int:
        """Values of a frame."""
        return self.size

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) features and (B,) frames of (B, N) waveforms in [-1, 1) with (B,) lengths."""
        if self.unit_variance:
            input = _unit_variance(input, input_lengths)
        hidden, frames = self.upstream.extract_features(input, input_lengths, self.layer or None)
        if self.mix is None:
            features = hidden[-1]
        else:
            features = sum(share * layer for share, layer in zip(self.mix.softmax(0), hidden, strict=True))
        return features[:, : int(frames.max())], frames


def _unit_variance(wave: Tensor, lengths: Tensor) -> Tensor:
    """(B, N) waveforms with mean 0 and variance 1 over their (B,) valid samples, 0 after them."""
    valid = torch.arange(wave.shape[1], device=wave.device) < lengths[:, None]
    count = lengths[:, None]
    mean = (wave * valid).sum(1, keepdim=True) / count
    centred = (wave - mean) * valid
    return centred / (centred.square().sum(1, keepdim=True) / count + 1e-5).sqrt()
