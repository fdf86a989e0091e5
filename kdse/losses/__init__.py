"""Losses as functions: the formula, the shapes and the source stand in each docstring.

`WAVEFORM_LOSSES` are what L_r may be, `DISTILLATION_TERMS` what `kd` may add to its losses. A new one is a function and a line
here; the tests walk both.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from kdse.losses.latent import latent_distance
from kdse.losses.sequence import att_kl, best_path, ctc_kl, gram, seq_kd
from kdse.losses.spectrum import spectrum_distance, spectrum_divergence
from kdse.losses.token import token_divergence, token_error_rate
from kdse.losses.waveform import compressed_spectral_mse, log_mel, multi_resolution_stft, negative_si_snr, negative_snr

WAVEFORM_LOSSES = {
    "snr": negative_snr,
    "si_snr": negative_si_snr,
    "multi_resolution_stft": multi_resolution_stft,
    "compressed_mse": compressed_spectral_mse,
    "log_mel": log_mel,
}
"""{name: loss of (student, reference, lengths)}: (B, N) waveforms and their (B,) lengths. A YAML chooses one as `signal_loss`."""


class Term(NamedTuple):
    """A distillation term.

    Attributes:
        level: what it compares, and so what its loss is called with.
            "latents": (student, teacher, lengths), (B, U, D) latents of ŝ and s with (B,) valid frames.
            "posteriors": (student, teacher, lengths), (B, U, V) CTC log posteriors of ŝ and s with (B,) valid frames.
            "waveforms": (student, teacher, lengths), (B, N) ŝ and the SE teacher's estimate with (B,) valid samples.
        loss: the function.
    """

    level: str
    loss: Callable[[Tensor, Tensor, Tensor], Tensor]


DISTILLATION_TERMS = {
    "l_gram": Term("latents", gram),
    "l_ctc_kl": Term("posteriors", ctc_kl),
    "l_spectrum": Term("waveforms", spectrum_divergence),
}
"""{name in logs: term}. A YAML of `kd` weighs them: `terms: {l_gram: 0.3}`."""

__all__ = [
    "DISTILLATION_TERMS",
    "WAVEFORM_LOSSES",
    "Term",
    "att_kl",
    "best_path",
    "ctc_kl",
    "gram",
    "latent_distance",
    "log_mel",
    "seq_kd",
    "spectrum_distance",
    "spectrum_divergence",
    "token_divergence",
    "token_error_rate",
]
