"""`standalone_se`: the front end learns to restore the waveform and knows nothing of recognition (alias `kd_r`)."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from kdse.approaches.context import Lesson
from kdse.core.config import typed
from kdse.core.errors import UserError, did_you_mean
from kdse.losses import SIGNAL

Losses = dict[str, tuple[float, Tensor]]


def over(known: Tensor | None, loss: Callable[..., Tensor], enhanced: Tensor, clean: Tensor, lengths: Tensor, **options) -> Tensor:
    """A loss over the utterances of a batch that have a clean waveform: recordings go through a front end without one.

    Args:
        known: (B,) booleans, None for all of them.
        enhanced, clean, lengths: (B, …), (B, …) and (B,).
    Returns: the loss, 0 where none has.

    >>> import torch
    >>> mean = lambda x, y, n: (x - y).abs().mean()
    >>> x, y, n = torch.tensor([[1.0], [7.0]]), torch.zeros(2, 1), torch.tensor([1, 1])
    >>> [over(k, mean, x, y, n).item() for k in (None, torch.tensor([True, False]), torch.tensor([False, False]))]
    [4.0, 1.0, 0.0]
    """
    if known is None or known.all():
        return loss(enhanced, clean, lengths, **options)
    if not known.any():
        return 0.0 * enhanced.sum()
    return loss(enhanced[known], clean[known], lengths[known], **options)


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
    takes_two = False  # such recognisers
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
        """Return {"l_r": (1, L_r)} for (B, N) waveforms ŝ and s with (B,) lengths, over the utterances that have an s."""
        known = lesson.referenced if lesson else None
        return {"l_r": (1.0, over(known, SIGNAL[self.signal_loss], enhanced, clean, lengths, **self.signal_conf))}

    def rule(self) -> nn.Module | None:
        """What is made of the gradients of l_asr and l_r, see `kdse.approaches.gradients`; None: they are added up."""
        return None

    def memory(self, tokens: int) -> nn.Module | None:
        """What the approach keeps from update to update: in the checkpoint, but not in the model that ships.

        Args:
            tokens: how many acoustic tokens there are; 0 without a tokenizer.
        """
        return None
