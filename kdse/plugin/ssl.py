"""Self-supervised networks (wav2vec 2.0, HuBERT, WavLM) of torchaudio; `frontend: kdse_ssl` makes a recogniser's features."""

from pathlib import Path
from typing import Any

import torch
import torchaudio
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torchaudio.models.wav2vec2.wavlm_attention import WavLMSelfAttention

from kdse.core.errors import UserError, did_you_mean
from kdse.data.audio import RATE
from kdse.plugin.checkpoint import load_state

SIZES = ("base", "large")
MODELS = [f"{kind}_{size}" for kind in ("wav2vec2", "hubert", "wavlm") for size in SIZES]
MODELS += ["wav2vec2_large_lv60k", "wav2vec2_xlsr_300m", "hubert_xlarge"]


def build(model: str, model_conf: dict[str, Any] | None = None) -> nn.Module:
    """A network by name, with random weights and without a head: its latents are used, not the words of a CTC layer.

    Args:
        model: a constructor of `torchaudio.models` (`MODELS`), or "wav2vec2_model" or "wavlm_model" with `model_conf`.
        model_conf: arguments of the constructor.

    Raises: UserError for an unknown model, and for arguments that it does not take.
    """
    names = [*MODELS, "wav2vec2_model", "wavlm_model"]
    if model not in names:
        raise UserError(f"kdse_ssl: there is no model '{model}'{did_you_mean(model, names)}; there are {', '.join(names)}")
    try:
        network = getattr(torchaudio.models, model)(**(model_conf or {}))
    except TypeError as e:
        raise UserError(f"kdse_ssl: model_conf does not fit {model}: {e}") from e
    network.aux = None
    return network


def load_weights(network: nn.Module, path: Path) -> None:
    """Those of a state dict of torchaudio's, without those of a head."""
    load_state(network, path, ignore=("aux.", "mask_generator.", "logit_generator."))


def wants_unit_variance(network: nn.Module) -> bool:
    """Whether convolutions are normalised by layer, not by group: such networks were trained on waveforms of variance 1."""
    return isinstance(network.feature_extractor.conv_layers[-1].layer_norm, nn.LayerNorm)


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
        self.upstream = build(model, model_conf)
        if str(fs) not in ("16000", "16k"):
            raise UserError(f"kdse_ssl: {model} takes 16 kHz, not fs: {fs}")
        if weights is not None:
            load_weights(self.upstream, Path(weights))
        layers = self.upstream.encoder.transformer.layers
        if not 0 <= layer <= len(layers):
            raise UserError(f"kdse_ssl: {model} has {len(layers)} layers and no layer {layer} (0 is a weighted sum of all)")
        self.layer, self.frozen = layer, frozen
        self.mix = nn.Parameter(torch.zeros(len(layers))) if layer == 0 else None
        self.unit_variance = wants_unit_variance(self.upstream)
        self.size = layers[0].final_layer_norm.normalized_shape[0]
        if frozen:
            self.upstream.requires_grad_(False)

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
        hidden, frames = self._hidden(input, input_lengths)
        if self.mix is None:
            features = hidden[-1]
        else:
            features = sum(share * layer for share, layer in zip(self.mix.softmax(0), hidden, strict=True))
        return features[:, : int(frames.max())], frames

    def _hidden(self, wave: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """The layers' outputs, (B, T, D) each; torchaudio's WavLM takes no mask, so its utterances are encoded one by one."""
        depth = self.layer or None
        if not isinstance(self.upstream.encoder.transformer.layers[0].attention, WavLMSelfAttention):
            return self.upstream.extract_features(wave, lengths, depth)
        alone = [
            self.upstream.extract_features(wave[n : n + 1, :count], None, depth)[0] for n, count in enumerate(lengths.tolist())
        ]
        hidden = [pad_sequence([output[0] for output in layer], batch_first=True) for layer in zip(*alone, strict=True)]
        return hidden, torch.tensor([layers[0].shape[1] for layers in alone], device=wave.device)


def _unit_variance(wave: Tensor, lengths: Tensor) -> Tensor:
    """(B, N) waveforms with mean 0 and variance 1 over their (B,) valid samples, 0 after them."""
    valid = torch.arange(wave.shape[1], device=wave.device) < lengths[:, None]
    count = lengths[:, None]
    mean = (wave * valid).sum(1, keepdim=True) / count
    centred = (wave - mean) * valid
    return centred / (centred.square().sum(1, keepdim=True) / count + 1e-5).sqrt()
