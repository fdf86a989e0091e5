"""`mct_all`: the backend learns to hear through a frozen front end: clean, noisy and enhanced speech."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdse.approaches.context import Lesson
from kdse.approaches.standalone_se import Losses, StandaloneSE
from kdse.core.errors import UserError


@dataclass(frozen=True)
class MCTAll(StandaloneSE):
    """L_ASR of the backend on one of s, y and ŝ for each utterance, drawn anew in each batch. The front end stays as it starts.

    Attributes:
        clean, noisy: probabilities of s and y; what is left is that of ŝ. Validation hears ŝ alone.
    """

    clean: float = 0.2
    noisy: float = 0.4
    trains = ("backend",)
    needs_backend = True
    needs_text = True

    def __post_init__(self):
        super().__post_init__()
        if min(self.clean, self.noisy) < 0 or self.clean + self.noisy > 1:
            raise UserError(f"clean and noisy are probabilities whose sum is 1 at most, not {self.clean} and {self.noisy}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, lesson: Lesson) -> Losses:
        """Return l_asr, and with weight 0 the front end's l_r."""
        _, l_r = super().__call__(enhanced, clean, lengths, lesson)["l_r"]
        heard = enhanced
        if lesson.training:
            draw = torch.rand(len(clean), 1, device=clean.device)
            heard = torch.where(draw < self.clean, clean, torch.where(draw < self.clean + self.noisy, lesson.noisy, enhanced))
        return {"l_asr": (1.0, lesson.recognise(heard)), "l_r": (0.0, l_r)}
