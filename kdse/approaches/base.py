"""What all approaches share: the loss L_r between ŝ and s, and what an approach asks for."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from kdse.approaches.context import BatchContext
from kdse.core.config import typed
from kdse.core.errors import UserError, did_you_mean
from kdse.losses import WAVEFORM_LOSSES

Losses = dict[str, tuple[float, Tensor]]
"""{name: (weight, loss)}; a weight of 0 only logs."""


def over_references(
    loss: Callable[..., Tensor], enhanced: Tensor, clean: Tensor, lengths: Tensor, has_reference: Tensor | None, **options: Any
) -> Tensor:
    """A loss over the utterances of a batch that have a clean waveform; recordings have none.

    Args:
        loss: called with (enhanced, clean, lengths, **options).
        enhanced, clean, lengths: (B, …), (B, …) and (B,).
        has_reference: (B,) booleans, None for all of them.
    Returns: the loss; 0 where no utterance has a clean waveform.

    >>> import torch
    >>> mean = lambda x, y, n: (x - y).abs().mean()
    >>> x, y, n = torch.tensor([[1.0], [7.0]]), torch.zeros(2, 1), torch.tensor([1, 1])
    >>> masks = None, torch.tensor([True, False]), torch.tensor([False, False])
    >>> [over_references(mean, x, y, n, mask).item() for mask in masks]
    [4.0, 1.0, 0.0]
    """
    if has_reference is None or has_reference.all():
        return loss(enhanced, clean, lengths, **options)
    if not has_reference.any():
        return 0.0 * enhanced.sum()
    return loss(enhanced[has_reference], clean[has_reference], lengths[has_reference], **options)


@dataclass(frozen=True)
class Approach:
    """The options that every approach has; a subclass adds its own and returns its losses when it is called.

    Attributes:
        signal_loss: L_r, a name of `kdse.losses.WAVEFORM_LOSSES`.
        signal_conf: its options.
    """

    signal_loss: str = "snr"
    signal_conf: dict[str, Any] = field(default_factory=dict)
    optimisers = 1  # with two, each minibatch is served twice, and `context.optimiser` says which one takes the update
    needs_teacher = False  # latents and acoustic tokens of a frozen recogniser
    several_teachers = False  # more than one frozen recogniser may teach
    needs_backend = False  # a recogniser for L_ASR: trained, or frozen where the approach does not train it
    needs_text = False
    needs_se_teacher = False
    needs_posteriors = False

    def __post_init__(self):
        if self.signal_loss not in WAVEFORM_LOSSES:
            raise UserError(f"there is no signal loss '{self.signal_loss}'{did_you_mean(self.signal_loss, WAVEFORM_LOSSES)}")
        options = list(inspect.signature(WAVEFORM_LOSSES[self.signal_loss]).parameters.values())[3:]
        typed(self.signal_conf, {option.name: option.default for option in options}, f"signal loss {self.signal_loss}")

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return the losses of (B, N) waveforms ŝ and s with (B,) lengths."""
        raise NotImplementedError

    def reconstruction(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Tensor:
        """L_r of (B, N) waveforms ŝ and s with (B,) lengths, over the utterances that have an s."""
        loss = WAVEFORM_LOSSES[self.signal_loss]
        return over_references(loss, enhanced, clean, lengths, context.has_reference, **self.signal_conf)

    def asks_decoder(self, has_decoder: bool) -> bool:
        """Whether it learns from a teacher's attention decoder and its hypotheses, where the teacher has them or has not."""
        return False

    def gradient_rule(self) -> nn.Module | None:
        """How the gradients of l_asr and l_r are combined, see `kdse.approaches.gradients`; None: they are added up."""
        return None

    def approach_state(self, tokens: int) -> nn.Module | None:
        """What the approach keeps from update to update: in the checkpoint, but not in the model that ships.

        Args:
            tokens: number of acoustic tokens; 0 without a tokenizer.
        """
        return None
