"""`mct_all`: the backend is trained behind a frozen front end, on clean, noisy and enhanced speech."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext
from kdse.core.errors import UserError


@dataclass(frozen=True)
class MCTAll(Approach):
    """L_ASR of the backend on one of s, y and ŝ for each utterance, drawn anew in each batch. The front end stays as it starts.

    Attributes:
        clean, noisy: probabilities of s and y; the rest is the probability of ŝ. Validation is on ŝ alone.
    """

    clean: float = 0.2
    noisy: float = 0.4
    needs_backend = True
    needs_text = True

    def __post_init__(self):
        super().__post_init__()
        if min(self.clean, self.noisy) < 0 or self.clean + self.noisy > 1:
            raise UserError(f"clean and noisy are probabilities whose sum is 1 at most, not {self.clean} and {self.noisy}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_asr, and with weight 0 the front end's l_r."""
        l_r = self.reconstruction(enhanced, clean, lengths, context)
        speech = self.drawn(enhanced, clean, context.noisy) if context.training else enhanced
        return {"l_asr": (1.0, context.recognise(speech)), "l_r": (0.0, l_r)}

    def drawn(self, enhanced: Tensor, clean: Tensor, noisy: Tensor) -> Tensor:
        """(B, N) one of the three for each utterance."""
        draw = torch.rand(len(clean), 1, device=clean.device)
        noisy_or_enhanced = torch.where(draw < self.clean + self.noisy, noisy, enhanced)
        return torch.where(draw < self.clean, clean, noisy_or_enhanced)
