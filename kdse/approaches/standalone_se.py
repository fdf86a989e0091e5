"""`standalone_se`: the front end learns to restore the waveform and knows nothing of recognition (alias `kd_r`)."""

import inspect
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from kdse.approaches.lesson import Lesson
from kdse.config import typed
from kdse.errors import UserError, did_you_mean
from kdse.losses import SIGNAL

Losses = dict[str, tuple[float, Tensor]]


@dataclass(frozen=True)
class StandaloneSE:
    """L_r alone.

    Attributes:
        signal_loss: a name of `kdse.losses.SIGNAL`.
        signal_conf: its options.
    """

    signal_loss: str = "snr"
    signal_conf: dict[str, Any] = field(default_factory=dict)
    trains = ("se",)  # of "se" and "backend"
    optimisers = 1  # with two, each minibatch is served twice, and `lesson.step` says which one follows
    needs_teacher = False  # the frozen recogniser's latents and tokens
    needs_backend = False  # a recogniser for L_ASR: trained, or frozen where `trains` lacks it
    needs_text = False
    needs_se_teacher = False
    needs_posteriors = False

    def __post_init__(self):
        if self.signal_loss not in SIGNAL:
            raise UserError(f"there is no signal loss '{self.signal_loss}'{did_you_mean(self.signal_loss, SIGNAL)}")
        options = list(inspect.signature(SIGNAL[self.signal_loss]).parameters.values())[3:]
        typed(self.signal_conf, {option.name: option.default for option in options}, f"signal loss {self.signal_loss}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, lesson: Lesson | None = None) -> Losses:
        """Return {"l_r": (1, L_r)} for (B, N) waveforms ŝ and s with (B,) lengths."""
        return {"l_r": (1.0, SIGNAL[self.signal_loss](enhanced, clean, lengths, **self.signal_conf))}

    def rule(self) -> nn.Module | None:
        """What is made of the gradients of l_asr and l_r, see `kdse.approaches.gradients`; None: they are added up."""
        return None

    def memory(self, tokens: int) -> nn.Module | None:
        """What the approach keeps from update to update: in the checkpoint, but not in the model that ships.

        Args:
            tokens: how many acoustic tokens there are; 0 without a tokenizer.
        """
        return None
