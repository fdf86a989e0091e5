"""What lets ESPnet models train faster on a CPU: cheap dropout masks and convolutions, and bfloat16 in the networks."""

import types

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ByteDropout(nn.Dropout):
    """Dropout whose mask costs one random byte an element.

    torch draws its CPU masks serially, one Mersenne number an element: 30 % of a Conformer's training step. Here eight elements
    share one 64-bit draw, so `p` is rounded to 1/256 (0.1 becomes 26/256); the kept elements are scaled by the rounded value. On
    other devices and for p = 0 or 1 it is torch's own dropout.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Same shape; in eval mode the input itself."""
        threshold = round(256 * self.p)
        if not self.training or x.device.type != "cpu" or not 0 < threshold < 256:
            return super().forward(x)
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
        return x * kept.to(x.dtype).mul_(256 / (256 - threshold))


def cheap_dropout(model: nn.Module) -> None:
    """Make every `nn.Dropout` of a model a `ByteDropout`, in place.

    Layers change their class: no global state is touched, and parameters, hooks and places in the model stay.
    """
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = ByteDropout


def bf16_training(model: nn.Module) -> None:
    """Run an ESPnet ASR model's training forward in bfloat16 where torch's autocast deems it safe, in place.

    Features stay in float32, because a log-mel sum loses quiet bands in eight bits of mantissa; losses are computed in float32 by
    autocast's own rules. In eval mode nothing changes, so decoding is exact.
    """
    forward, features = model.forward, model._extract_feats

    def low(self, *args, **kwargs):
        with torch.autocast(next(self.parameters()).device.type, torch.bfloat16, enabled=self.training):
            return forward(*args, **kwargs)

    def exact(self, *args, **kwargs):
        with torch.autocast(next(self.parameters()).device.type, enabled=False):
            return features(*args, **kwargs)

    model.forward = types.MethodType(low, model)
    model._extract_feats = types.MethodType(exact, model)


class DepthwiseConv(nn.Conv1d):
    """A depthwise convolution with channels last, the layout in which oneDNN has a direct kernel for it."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T')."""
        x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        options = {"stride": (1, *self.stride), "padding": (0, *self.padding), "dilation": (1, *self.dilation)}
        return F.conv2d(x, self.weight.unsqueeze(2), self.bias, groups=self.groups, **options).squeeze(2)


def cheap_convolutions(model: nn.Module) -> None:
    """Let a Conformer's convolutions run in their fastest layout, in place. Layers change their class, as in `cheap_dropout`."""
    for module in model.modules():
        if type(module) is nn.Conv2d:
            module.to(memory_format=torch.channels_last)
        elif type(module) is nn.Conv1d and module.groups == module.in_channels > 1:
            plain = module.padding_mode == "zeros" and type(module.padding) is tuple
            module.__class__ = DepthwiseConv if plain else nn.Conv1d


def bf16_encoder(asr: nn.Module) -> None:
    """Hold the encoder of a frozen ESPnet ASR model in bfloat16, in place: no weight is converted at any step, as autocast would.

    Features, their normalisation and all that follows the encoder stay in float32.
    """

    def cast(dtype: torch.dtype):
        return lambda module, inputs: (inputs[0].to(dtype), *inputs[1:])

    def exact(module, inputs, output):
        out, *rest = output
        if isinstance(out, tuple):  # with outputs of intermediate layers
            return ((out[0].float(), [(layer, x.float()) for layer, x in out[1]]), *rest)
        return (out.float(), *rest)

    asr.encoder.to(torch.bfloat16)
    for module in asr.encoder.modules():
        if type(module) is nn.Conv2d:  # not depthwise ones: on several threads oneDNN takes minutes to make their bfloat16 kernel
            module.to(memory_format=torch.channels_last)
    asr.encoder.register_forward_pre_hook(cast(torch.bfloat16))
    asr.encoder.register_forward_hook(exact)
    if getattr(asr.encoder, "conditioning_layer", None) is not None:  # self-conditioned CTC goes to and fro between the two
        asr.ctc.ctc_lo.register_forward_pre_hook(cast(torch.float32))
        asr.encoder.conditioning_layer.register_forward_pre_hook(cast(torch.bfloat16))
