"""What lets ESPnet models train faster on a CPU: cheap dropout masks, and bfloat16 in the networks."""

import types

import torch
from torch import Tensor, nn


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
    """Replace every `nn.Dropout` of a model, in place; parameters and their names stay."""
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
