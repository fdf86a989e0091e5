"""A frozen encoder that computes faster: matrix products by oneDNN, with weights laid out once, and attention in one pass.

torch hands float32 products to MKL, which on AMD processors reaches half of what oneDNN does (`docs/speed.md`), and computes a
pointwise convolution by a kernel made for wider ones. An activation after a product is computed while its result is in the cache.
"""

import math

import torch
from espnet.nets.pytorch_backend.transformer.attention import RelPositionMultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS = {"ReLU": "relu", "Swish": "swish", "GELU": "gelu"}
"""What oneDNN can compute with a product, by the class of the module."""


class PackedLinear(nn.Linear):
    """A product whose weights oneDNN has laid out; what follows it is "none" or one of `ACTIVATIONS`."""

    after, approximation = "none", ""

    def pack(self) -> None:
        """Lay the weights out as they are now."""
        self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.detach().contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D')."""
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, self.after, [], self.approximation)


class PackedPointwise(nn.Conv1d):
    """A convolution of kernel 1 as a product over channels, in the layout (B, T, C), from which Conformers turn to it and back."""

    def pack(self) -> None:
        """Lay the weights out as they are now."""
        self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.detach().squeeze(2).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T)."""
        return torch.ops.mkldnn._linear_pointwise(x.transpose(-1, -2), self.packed, self.bias, "none", [], "").transpose(-1, -2)


class RelativeAttention(RelPositionMultiHeadedAttention):
    """Attention with relative positions (Dai et al., arXiv 1901.02860) of utterances of one length; others get ESPnet's."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, pos_emb: Tensor, mask: Tensor | None) -> Tensor:
        """(B, U, D) -> (B, U, D), with (1, 2U - 1, D) positions.

        ESPnet pads and reshapes scores of 2U - 1 positions until those that belong together stand in one place; here they are read
        from where they are, frame i and frame j at U - 1 - i + j.
        """
        if mask is not None and not bool(mask.all()):
            return super().forward(query, key, value, pos_emb, mask)
        q, k, v = self.forward_qkv(query, key, value)
        batch, heads, frames, size = q.shape
        positions = self.linear_pos(pos_emb).view(1, -1, heads, size).transpose(1, 2)
        scores = torch.matmul((q + self.pos_bias_v[:, None]) / math.sqrt(size), positions.transpose(-2, -1))
        row = 2 * frames - 1
        scores = scores.as_strided((batch, heads, frames, frames), (heads * frames * row, frames * row, row - 1, 1), frames - 1)
        attended = F.scaled_dot_product_attention(q + self.pos_bias_u[:, None], k, v, attn_mask=scores)
        return self.linear_out(attended.transpose(1, 2).reshape(batch, frames, heads * size))


def pack_encoder(encoder: nn.Module) -> None:
    """Let an ESPnet encoder in eval mode compute faster, in place. Values differ by rounding.

    Layers change their class, so that parameters, their names and their places stay, and ESPnet's encoders call them as before.

    The encoder must be frozen: no gradient flows through it any more, weights that are loaded later have no effect, and it can be
    neither copied nor moved. What is not in float32 on a CPU stays as it is, and so does all where torch lacks these kernels.
    """
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        return
    for module in encoder.modules():
        weight = getattr(module, "weight", None)
        if weight is None or weight.dtype != torch.float32 or weight.device.type != "cpu" or module._forward_pre_hooks:
            continue  # a hook may make the weight anew each time
        if type(module) is nn.Linear:
            module.__class__ = PackedLinear
        elif type(module) is nn.Conv1d and _is_pointwise(module):
            module.__class__ = PackedPointwise
        else:
            continue
        module.pack()
    layers = [module for module in encoder.modules() if type(module) is PositionwiseFeedForward]
    for layer in layers:
        if sum(other.w_1 is layer.w_1 for other in layers) == 1:  # shared, it would get the activation of each
            _join_activation(layer)
    for module in encoder.modules():
        if type(module) is RelPositionMultiHeadedAttention and not module.zero_triu:
            module.__class__ = RelativeAttention


LONG_ENOUGH, PADDING = 8000, 400
"""Samples that every encoder takes, and those by which shorter waves grow until theirs does."""


def encode(asr: nn.Module, wave: Tensor) -> tuple:
    """ESPnet's `encode` of (B, N) waves of one length; silence follows waves that are too short for the encoder."""
    try:
        return asr.encode(wave, torch.full((len(wave),), wave.shape[1], device=wave.device))
    except (TooShortUttError, RuntimeError):  # of the subsampling, and of the window of the STFT
        if wave.shape[1] >= LONG_ENOUGH:
            raise
        return encode(asr, F.pad(wave, (0, PADDING)))


def _is_pointwise(conv: nn.Conv1d) -> bool:
    return (conv.kernel_size, conv.stride, conv.padding, conv.groups) == ((1,), (1,), (0,), 1)


def _join_activation(layer: PositionwiseFeedForward) -> None:
    """Compute the activation with the product before it."""
    if type(layer.w_1) is PackedLinear and (name := type(layer.activation).__name__) in ACTIVATIONS:
        layer.w_1.after = ACTIVATIONS[name]
        layer.w_1.approximation = getattr(layer.activation, "approximate", "")
        layer.activation = nn.Identity()
