"""What the students share: an encoder over frequency, recurrent layers in the middle, a decoder with added skips."""

from torch import Tensor, nn


class RecurrentUNet(nn.Module):
    """A subclass makes `encoder`, `decoder` (blocks; one less in the decoder), `squeeze`, `lstm`, `spread`, and a last layer."""

    def through(self, x: Tensor) -> Tensor:
        """(B, C, T, F) features -> what the last layer takes: the decoder's output plus the first skip."""
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
        batch, channels, frames, freqs = x.shape
        flat = x.transpose(1, 2).reshape(batch, frames, channels * freqs)
        flat = self.spread(self.lstm(self.squeeze(flat))[0])
        x = flat.reshape(batch, frames, channels, freqs).transpose(1, 2)
        for block in self.decoder:
            x = block(x + skips.pop())
        return x + skips.pop()
