"""Front ends that learn nothing, from a kept library: spectral subtraction (pyroomacoustics)."""

import numpy as np

CLASSICAL = ("spectral_subtraction",)


def spectral_subtraction(noisy: np.ndarray) -> np.ndarray:
    """Single-channel spectral subtraction with the library's default settings.

    Args:
        noisy: (N,) in [−1, 1] at 16 kHz.
    Returns: (N,) float32, aligned with the input.

    Berouti et al., ICASSP 1979, as implemented by pyroomacoustics.denoise (Scheibler et al., ICASSP 2018).
    """
    from pyroomacoustics.denoise import apply_spectral_sub

    delay = 256  # of the library's overlap-add, half a frame
    padded = np.pad(noisy.astype(np.float64), (0, 2 * delay))
    with np.errstate(invalid="ignore"):  # digital silence divides 0 by 0; such frames come out as NaN and are silent
        found = np.nan_to_num(apply_spectral_sub(padded, nfft=2 * delay))
    return found[delay : delay + len(noisy)].astype(np.float32)
