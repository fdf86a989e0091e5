"""Front ends that learn nothing: spectral subtraction from a kept library, and a ceiling that knows the clean signal."""

import numpy as np

CLASSICAL = ("spectral_subtraction", "oracle_irm")
ORACLE = "oracle_irm"


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


def oracle_irm(noisy: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """What the ideal ratio mask leaves of noisy speech: a ceiling for every network that applies gains, and no front end.

    Args:
        noisy, clean: (N,) in [−1, 1] at 16 kHz; what is not clean speech is noise.
    Returns: (N,) float32, aligned with the input.

    Gains (|S|²/(|S|² + |N|²))^½ of the STFT (Wang, Narayanan and Wang, IEEE/ACM TASLP 22(12), 2014), with the window and hop of
    the students: Hann of 512 samples, every 256.
    """
    from scipy.signal import istft, stft

    options = {"nperseg": 512, "noverlap": 256}
    short = ((0, 0), (0, max(0, 512 - len(noisy))))  # scipy shortens its window for less than one frame
    speech, noise, spectrum = stft(np.pad(np.stack([clean, noisy - clean, noisy]).astype(np.float64), short), **options)[2]
    power, other = np.abs(speech) ** 2, np.abs(noise) ** 2
    gains = np.sqrt(power / np.maximum(power + other, np.finfo(float).tiny))
    return istft(gains * spectrum, **options)[1][: len(noisy)].astype(np.float32)
