"""What the students share: an encoder over frequency, recurrent layers in the middle, a decoder with added skips."""

import torch
from torch import Tensor, nn


class Stream:
    """What a network remembers between frames: the frame before at every convolution, and the state of its LSTM."""

    def __init__(self) -> None:
        self.before: dict[nn.Module, Tensor] = {}
        self.lstm: tuple[Tensor, Tensor] | None = None

    def through(self, layer: nn.Module, frame: Tensor) -> Tensor:
        """A causal layer of kernel 2 in time on a frame (B, C, 1, F): what it makes of the frame before (zeros at first) and this.

        A layer computes both frames and the second is taken, so its arithmetic is the offline one, done twice.
        """
        before = self.before.get(layer, torch.zeros_like(frame))
        self.before[layer] = frame
        return layer(torch.cat([before, frame], 2))[:, :, 1:2]


class RecurrentUNet(nn.Module):
    """A subclass makes `encoder`, `decoder` (blocks; one less in the decoder), `squeeze`, `lstm`, `spread`, and `last`."""

    def through(self, x: Tensor, stream: Stream | None = None) -> Tensor:
        """(B, C, T, F) features -> (B, C', T, F'), the last layer's output; with a stream T is 1 and the frames before count."""

        def layer(module: nn.Module, x: Tensor) -> Tensor:
            return module(x) if stream is None else stream.through(module, x)

        skips = []
        for block in self.encoder:
            x = layer(block, x)
            skips.append(x)
        batch, channels, frames, freqs = x.shape
        flat = x.transpose(1, 2).reshape(batch, frames, channels * freqs)
        hidden, state = self.lstm(self.squeeze(flat), stream and stream.lstm)
        if stream is not None:
            stream.lstm = state
        x = self.spread(hidden).reshape(batch, frames, channels, freqs).transpose(1, 2)
        for block in self.decoder:
            x = layer(block, x + skips.pop())
        return layer(self.last, x + skips.pop())[:, :, :frames]

    def step(self, frame: Tensor, stream: Stream) -> Tensor:
        """The mask (B, 1, F) of the next frame (B, 1, F), in eval mode: that of `forward` on all frames since `stream` was made."""
        assert frame.shape[1] == 1 and not self.training, "one frame at a time, in eval mode"
        return self(frame, stream)
