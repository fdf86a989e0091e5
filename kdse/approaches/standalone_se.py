"""`standalone_se`: the front end learns to restore the waveform and knows nothing of recognition (alias `kd_r`)."""

from dataclasses import dataclass

from torch import Tensor

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext


@dataclass(frozen=True)
class StandaloneSE(Approach):
    """L_r alone."""

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_r."""
        return {"l_r": (1.0, self.reconstruction(enhanced, clean, lengths, context))}
