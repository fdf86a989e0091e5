"""What an approach may learn from beside the clean waveform: a recogniser, a large enhancement network, and the time."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor, nn


class Heard(NamedTuple):
    """What a recogniser makes of waveforms: latents (B, U, D), their (B,) numbers, CTC log posteriors (B, U, V) or None."""

    latents: Tensor
    frames: Tensor
    log_probs: Tensor | None


class Teacher(Protocol):
    """What `kd` asks of a frozen recogniser and its acoustic tokenizer."""

    centroids: Tensor  # (K, D)
    distance: float  # mean squared distance of a latent to its nearest centroid

    def listen(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> Heard:
        """Of (B, N) waveforms and their (B,) lengths; differentiable in `wave`. CTC posteriors only where asked for."""

    def target(self, clean: Tensor, lengths: Tensor, known: tuple[Tensor, Tensor] | None, posteriors: bool = False) -> Heard:
        """Of clean waveforms, without gradient; `known` are their latents and numbers where they were computed before."""


class Lesson(NamedTuple):
    """What an approach is given with a batch.

    Attributes:
        teacher: the frozen recogniser, or None.
        progress: share of the training that is over, 1 in validation.
        known: the recogniser's latents (B, U, D) of the clean waveforms and their (B,) numbers, where stage 5 kept them.
        taught: (B, N) what the SE teacher makes of the noisy waveforms, without gradient, or None.
        noisy: (B, N) waveforms y.
        recognise: L_ASR of (B, N) waveforms, with the texts and lengths of the batch, or None.
        features: the recogniser's log mel features (B, T, F) of (B, N) waveforms, and their (B,) numbers, or None.
        memory: see `StandaloneSE.memory`.
        step: 0 or 1 where a minibatch is served twice, else None.
        training: false in validation.
        second, second_known: another frozen recogniser that teaches beside the first, or None, and what `known` is to it.
        referenced: (B,) booleans, which utterances have a clean waveform, or None where all have.
    """

    teacher: Teacher | None = None
    progress: float = 1.0
    known: tuple[Tensor, Tensor] | None = None
    taught: Tensor | None = None
    noisy: Tensor | None = None
    recognise: Callable[[Tensor], Tensor] | None = None
    features: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None
    memory: nn.Module | None = None
    step: int | None = None
    training: bool = False
    referenced: Tensor | None = None
    second: Teacher | None = None
    second_known: tuple[Tensor, Tensor] | None = None

    @property
    def teachers(self) -> list[tuple[Teacher, tuple[Tensor, Tensor] | None]]:
        """The frozen recognisers, each with what it made of the clean waveforms before, or None."""
        found = [(self.teacher, self.known), (self.second, self.second_known)]
        return [(teacher, known) for teacher, known in found if teacher is not None]
