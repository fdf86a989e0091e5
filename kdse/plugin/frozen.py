"""What every teacher is: a network that is not trained, with its acoustic tokens. The kinds say how it encodes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FrozenNetwork:
    """A network in eval mode whose parameters take no gradient, while gradient flows through it.

    No `nn.Module`: a model that holds it neither saves it nor switches it to training.

    Args:
        asr: the network.
        layer: tapped encoder layer, counted from 1; 0 is the encoder's output.
        centroids: (K, D), or None before stage 5.
        distance: mean squared distance of a latent to its nearest centroid.
        compared: layers that L_e compares, counted like `layer`; () for that one.

    Attributes:
        ctc: its CTC branch, or None.
        at_once: utterances that stage 5 encodes together.
        has_decoder: it has an attention decoder and `decode`.
    """

    ctc: nn.Module | None = None
    at_once = 1
    has_decoder = False

    def __init__(
        self,
        asr: nn.Module,
        layer: int = 0,
        centroids: Tensor | None = None,
        distance: float = 1.0,
        compared: Sequence[int] = (),
    ):
        self.asr = asr.eval().requires_grad_(False)
        self.layer, self.centroids, self.distance, self.compared = layer, centroids, distance, tuple(compared)

    @property
    def device(self) -> torch.device:
        return next(self.asr.parameters()).device

    def to(self, device: torch.device):
        """Move network and centroids; return itself."""
        self.asr.to(device)
        if self.centroids is not None:
            self.centroids = self.centroids.to(device)
        return self
