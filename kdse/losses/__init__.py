"""Losses as functions: the formula, the shapes and the source stand in each docstring.

`SIGNAL` lists the losses of two waveforms (student, reference, lengths); a new one is a function and a line here, and the tests
walk it.
"""

from kdse.losses.latent import latent_distance
from kdse.losses.sequence import best_path, ctc_kl, gram, seq_kd
from kdse.losses.spectrum import spectrum_distance, spectrum_divergence
from kdse.losses.token import token_divergence, token_error_rate
from kdse.losses.waveform import compressed_spectral_mse, multi_resolution_stft, negative_si_snr, negative_snr

SIGNAL = {
    "snr": negative_snr,
    "si_snr": negative_si_snr,
    "multi_resolution_stft": multi_resolution_stft,
    "compressed_mse": compressed_spectral_mse,
}

__all__ = [
    "SIGNAL",
    "best_path",
    "ctc_kl",
    "gram",
    "latent_distance",
    "seq_kd",
    "spectrum_distance",
    "spectrum_divergence",
    "token_divergence",
    "token_error_rate",
]
