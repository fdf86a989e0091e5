"""The transducer loss that ESPnet asks for as `warprnnt_pytorch`, a package that is not to be had: torchaudio's instead."""

import torch
from torch import Tensor, nn


class RNNTLoss(nn.Module):
    """Mean transducer loss of a batch (Graves, arXiv 1211.3711).

    Args:
        blank: index of the blank.
        fastemit_lambda: 0; torchaudio's loss has no FastEmit.
    """

    def __init__(self, blank: int = 0, fastemit_lambda: float = 0.0):
        super().__init__()
        if fastemit_lambda:
            raise NotImplementedError("torchaudio's transducer loss has no FastEmit")
        self.blank = blank

    def forward(self, logits: Tensor, targets: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
        """Of (B, U, V', V) logits with V' = labels + 1, (B, labels) targets, (B,) encoder frames and (B,) labels; in nats.

        Logits and labels beyond the longest in the batch are allowed, as data-parallel batches have them.
        """
        from torchaudio.functional import rnnt_loss

        most, longest = int(frames.max()), int(lengths.max())
        logits = logits[:, :most, : longest + 1].float().contiguous()
        targets, frames, lengths = (x.to(torch.int32).contiguous() for x in (targets[:, :longest], frames, lengths))
        return rnnt_loss(logits, targets, frames, lengths, blank=self.blank, reduction="mean")
