"""A recurrent U-Net of kdse as plain layers for one frame: each convolution sees the frame before and this one as channels."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kdse.nets.dccrn import ComplexConv
from kdse.nets.unet import RecurrentUNet

SLOPE = 0.2
"""Of every leaky ReLU in the students."""


@dataclass(frozen=True)
class Conv:
    """A convolution over frequency with stride 2 and kernel 3, or its transpose.

    Attributes:
        weight: (C', 2C, 3), or (2C, C', 3) when transposed; the frame before comes first. Batch norm is multiplied in.
        bias: (C',).
        transposed: whether it widens.
        grows: output bins beyond 2F − 1 when transposed.
        active: a leaky ReLU follows.
    """

    weight: np.ndarray
    bias: np.ndarray
    transposed: bool
    grows: int
    active: bool

    @property
    def inputs(self) -> int:
        """Channels of one frame."""
        return self.weight.shape[0 if self.transposed else 1] // 2


def conv_of(conv: nn.Module, norm: nn.BatchNorm2d | None) -> Conv:
    """One level of a student: a convolution, and the batch norm and leaky ReLU after it where it has them."""
    transposed = conv.transposed if isinstance(conv, ComplexConv) else isinstance(conv, nn.ConvTranspose2d)
    weight, bias = _real(conv) if isinstance(conv, ComplexConv) else (conv.weight, conv.bias)
    if norm is not None:
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        bias = norm.bias + (bias - norm.running_mean) * scale
        weight = weight * (scale[None, :, None, None] if transposed else scale[:, None, None, None])
    # A causal convolution has the frame before first; a transposed one reaches from this frame to the next
    pair = [weight[:, :, 1], weight[:, :, 0]] if transposed else [weight[:, :, 0], weight[:, :, 1]]
    stacked = torch.cat(pair, 0 if transposed else 1)
    grows = conv.output_padding[1] if isinstance(conv, nn.ConvTranspose2d) else 0
    return Conv(array_of(stacked), array_of(bias), transposed, grows, active=norm is not None)


def convs_of(net: RecurrentUNet) -> tuple[list[Conv], list[Conv]]:
    """Encoder and decoder of a student; the decoder's last convolution is `net.last`."""
    encoder = [conv_of(block.conv, block.norm) for block in net.encoder]
    decoder = [conv_of(block.conv, block.norm) for block in net.decoder]
    return encoder, [*decoder, conv_of(net.last, None)]


def lstm_of(lstm: nn.LSTM) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Weights (1, 4H, ·), recurrent weights and biases (1, 8H) of each layer in ONNX's order of gates: i, o, f, c."""

    def gates(x: Tensor) -> np.ndarray:
        i, f, c, o = x.chunk(4)  # PyTorch's order
        return array_of(torch.cat([i, o, f, c]))[None]

    layers = []
    for k in range(lstm.num_layers):
        own, recurrent = gates(getattr(lstm, f"weight_ih_l{k}")), gates(getattr(lstm, f"weight_hh_l{k}"))
        bias = gates(getattr(lstm, f"bias_ih_l{k}") + getattr(lstm, f"bias_hh_l{k}"))
        layers.append((own, recurrent, np.concatenate([bias, np.zeros_like(bias)], axis=1)))
    return layers


def linear_of(linear: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    """Weight (inputs, outputs) and bias (outputs,)."""
    return array_of(linear.weight.T), array_of(linear.bias)


def _real(conv: ComplexConv) -> tuple[Tensor, Tensor]:
    """Weight and bias of the real convolution of stacked parts that a complex one is."""
    re, im = conv.real, conv.imag
    if conv.transposed:
        return torch.cat([torch.cat([re, im], 1), torch.cat([-im, re], 1)], 0), conv.bias
    return torch.cat([torch.cat([re, -im], 1), torch.cat([im, re], 1)], 0), conv.bias


def array_of(x: Tensor) -> np.ndarray:
    """float32, without gradient."""
    return x.detach().double().numpy().astype(np.float32)
