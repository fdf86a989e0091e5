"""What an approach may learn from beside the clean waveform: frozen teachers, a recogniser, and the progress of the training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor, nn

CachedLatents = tuple[Tensor, Tensor]
"""Latents (B, U, D) of the clean waveforms that stage 5 kept, and their (B,) numbers of frames."""


class EncoderOutput(NamedTuple):
    """What a recogniser's encoder makes of waveforms.

    Attributes:
        latents: (B, U, D).
        frames: (B,) numbers of valid frames.
        log_probs: (B, U, V) CTC log posteriors, or None.
        encoded: (B, U, D) of the last layer, where it was asked for, for the recogniser's decoder.
        compared: (B, U, D) of each layer that L_e compares, where they are others than that of `latents`.
    """

    latents: Tensor
    frames: Tensor
    log_probs: Tensor | None = None
    encoded: Tensor | None = None
    compared: tuple[Tensor, ...] = ()


class Teacher(Protocol):
    """A frozen encoder with its acoustic tokens, and what else it has: CTC, an attention decoder.

    Attributes:
        centroids: (K, D).
        distance: mean squared distance of a latent to its nearest centroid.
        ctc: its CTC layer, or None.
        has_decoder: whether it has `decode`, and stage 5 its hypotheses.
    """

    centroids: Tensor
    distance: float
    ctc: nn.Module | None
    has_decoder: bool

    def encode(self, wave: Tensor, lengths: Tensor, posteriors: bool = False) -> EncoderOutput:
        """Encode (B, N) waveforms with (B,) lengths; differentiable in `wave`. CTC posteriors only where asked for."""

    def target(self, clean: Tensor, lengths: Tensor, cached: CachedLatents | None, posteriors: bool = False) -> EncoderOutput:
        """Encode clean waveforms without gradient, or take the cached latents where there are some and they suffice."""

    def decode(self, output: EncoderOutput, words: Tensor) -> Tensor:
        """Logits (B, V + 1, n) of the attention decoder for each of (B, V) tokens and the end, given those before it.

        Args:
            words: padded with any token; what follows an utterance's tokens does not change the logits before.
        """


class TeacherInput(NamedTuple):
    """A teacher with what stage 5 kept of the batch: latents, and its own hypotheses of the clean speech, or None.

    Attributes:
        hypotheses: (B, V) tokens, padded, and their (B,) numbers.
        weight: its part in the weighted mean of each loss.
    """

    teacher: Teacher
    cached_latents: CachedLatents | None = None
    hypotheses: tuple[Tensor, Tensor] | None = None
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class BatchContext:
    """What an approach is given with a batch, beside ŝ, s and their lengths.

    Attributes:
        teachers: the frozen recognisers, with their cached latents.
        progress: share of the training that is over, in [0, 1); 1 in validation.
        se_teacher_wave: (B, N) the SE teacher's estimate from y, without gradient, or None.
        noisy: (B, N) waveforms y.
        recognise: L_ASR of (B, N) waveforms, with the texts and lengths of the batch, or None.
        features: the recogniser's log mel features (B, T, F) of (B, N) waveforms, and their (B,) numbers of frames, or None.
        approach_state: see `Approach.approach_state`.
        optimiser: 0 or 1, the optimiser that takes this update, where an approach has two; None in validation and elsewhere.
        training: false in validation.
        has_reference: (B,) booleans, false for recordings, which have no clean waveform; None where all have one.
    """

    teachers: tuple[TeacherInput, ...] = ()
    progress: float = 1.0
    se_teacher_wave: Tensor | None = None
    noisy: Tensor | None = None
    recognise: Callable[[Tensor], Tensor] | None = None
    features: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None
    approach_state: nn.Module | None = None
    optimiser: int | None = None
    training: bool = False
    has_reference: Tensor | None = None
