"""Front ends that learn nothing: spectral subtraction, two filters by the a-priori SNR, and a ceiling that knows the clean signal.

Spectral subtraction is pyroomacoustics'. The Wiener filter and log-MMSE are ours, so that they differ in the gain alone:
pyroomacoustics has no log-MMSE, and its Wiener filter iterates over an LPC model of speech (Lim and Oppenheim 1978).
"""

from collections.abc import Callable

import numpy as np

Enhancer = Callable[..., np.ndarray]
"""Of one float32 waveform (N,) in [−1, 1]; an oracle also takes the clean one."""
STFT = {"nperseg": 512, "noverlap": 256}
"""Window and hop of the students: Hann of 512 samples, every 256."""
Gain = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of the a-priori SNR ξ and the a-posteriori SNR γ."""
LOWEST_SNR = 10 ** (-25 / 10)
LOWEST_GAIN = 10 ** (-25 / 20)
LOWEST_POWER = 1e-12  # of a bin; about that of white noise of half a 16-bit step


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
        estimate = np.nan_to_num(apply_spectral_sub(padded, nfft=2 * delay))
    return estimate[delay : delay + len(noisy)].astype(np.float32)


def wiener(noisy: np.ndarray) -> np.ndarray:
    """Wiener filter of (N,) in [−1, 1] at 16 kHz to (N,) float32, aligned: `wiener_gain`, `noise_power` and `decision_directed`."""
    return _filtered(noisy, wiener_gain)


def log_mmse(noisy: np.ndarray) -> np.ndarray:
    """Log-MMSE of (N,) in [−1, 1] at 16 kHz to (N,) float32, aligned: `log_mmse_gain`, `noise_power` and `decision_directed`."""
    return _filtered(noisy, log_mmse_gain)


def wiener_gain(xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """G = ξ/(1 + ξ), within −25 and 0 dB.

    Args:
        xi, gamma: a-priori and a-posteriori SNR, of any one shape; the second is not used.
    Returns: gains of that shape.
    """
    return np.clip(xi / (1 + xi), LOWEST_GAIN, 1)


def log_mmse_gain(xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """G = ξ/(1 + ξ)·exp(E₁(v)/2) with v = γ·ξ/(1 + ξ), within −25 and 0 dB (Ephraim and Malah, IEEE TASSP 33(2), 1985, eq. 20).

    Args:
        xi, gamma: a-priori and a-posteriori SNR, of any one shape.
    Returns: gains of that shape.
    """
    from scipy.special import exp1

    share = xi / (1 + xi)
    v = np.maximum(share * gamma, 1e-10)  # E₁(0) is infinite
    return np.clip(share * np.exp(exp1(v) / 2), LOWEST_GAIN, 1)


def noise_power(power: np.ndarray) -> np.ndarray:
    """Noise power, tracked by the probability of speech.

    P = 1/(1 + (1 + ξ₁)·exp(−γ·ξ₁/(1 + ξ₁))) with γ = |Y|²/λ_(t−1), P(H₁) = ½ and ξ₁ = 15 dB;
    λ_t = 0.8·λ_(t−1) + 0.2·((1 − P)·|Y|² + P·λ_(t−1)).
    Where P, smoothed by 0.9, stays above 0.99, P is 0.99 at most: otherwise noise that has jumped up would be speech for ever.

    Args:
        power: (T, F) |Y|² of frames 16 ms apart. The first five are taken as noise to start with.
    Returns: (T, F), at least LOWEST_POWER.

    Gerkmann and Hendriks, IEEE TASLP 20(4), 2012, eqs. 8, 18, 23 and 24. The estimate of stationary noise is 1 dB low:
    E[(1 − P)(γ − 1)] = 0 at −0.9 dB, and it fluctuates.
    """
    active = 10 ** (15 / 10)
    noise = np.maximum(power[:5].mean(0), LOWEST_POWER)
    smooth = np.full_like(noise, 0.5)
    tracked = np.empty_like(power)
    for t, now in enumerate(power):
        speech = 1 / (1 + (1 + active) * np.exp(-now / noise * active / (1 + active)))
        smooth = 0.9 * smooth + 0.1 * speech
        speech = np.where(smooth > 0.99, np.minimum(speech, 0.99), speech)
        noise = np.maximum(0.8 * noise + 0.2 * ((1 - speech) * now + speech * noise), LOWEST_POWER)
        tracked[t] = noise
    return tracked


def decision_directed(gamma: np.ndarray, gain: Gain) -> np.ndarray:
    """Gains G_t = gain(ξ_t, γ_t) with ξ_t = 0.98·G²_(t−1)·γ_(t−1) + 0.02·max(γ_t − 1, 0), at least −25 dB.

    Args:
        gamma: (T, F) a-posteriori SNR |Y|²/λ.
        gain: of ξ and γ, each (F,). Before the first frame G²·γ is taken as 1.
    Returns: (T, F).

    Ephraim and Malah, IEEE TASSP 32(6), 1984, eq. 51.
    """
    gains = np.empty_like(gamma)
    before = np.ones_like(gamma[0])
    for t, now in enumerate(gamma):
        gains[t] = gain(np.maximum(0.98 * before + 0.02 * np.maximum(now - 1, 0), LOWEST_SNR), now)
        before = gains[t] ** 2 * now
    return gains


def _filtered(noisy: np.ndarray, gain: Gain) -> np.ndarray:
    """(N,) to (N,) float32."""
    spectrum = _stft(noisy)
    power = np.abs(spectrum.T) ** 2
    return _istft(decision_directed(power / noise_power(power), gain).T * spectrum, len(noisy))


def oracle_irm(noisy: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """What the ideal ratio mask leaves of noisy speech: a ceiling for every network that applies gains, and no front end.

    Args:
        noisy, clean: (N,) in [−1, 1] at 16 kHz; what is not clean speech is noise.
    Returns: (N,) float32, aligned with the input.

    Gains (|S|²/(|S|² + |N|²))^½ of the STFT (Wang, Narayanan and Wang, IEEE/ACM TASLP 22(12), 2014).
    """
    speech, noise, spectrum = _stft(np.stack([clean, noisy - clean, noisy]))
    power, other = np.abs(speech) ** 2, np.abs(noise) ** 2
    gains = np.sqrt(power / np.maximum(power + other, np.finfo(float).tiny))
    return _istft(gains * spectrum, len(noisy))


def _stft(waves: np.ndarray) -> np.ndarray:
    """(..., N) to (..., F, T)."""
    from scipy.signal import stft

    short = max(0, STFT["nperseg"] - waves.shape[-1])  # scipy shortens its window for less than one frame
    return stft(np.pad(waves.astype(np.float64), [(0, 0)] * (waves.ndim - 1) + [(0, short)]), **STFT)[2]


def _istft(spectrum: np.ndarray, length: int) -> np.ndarray:
    """(F, T) to (length,) float32."""
    from scipy.signal import istft

    return istft(spectrum, **STFT)[1][:length].astype(np.float32)


CLASSICAL_ENHANCERS: dict[str, Enhancer] = {
    "spectral_subtraction": spectral_subtraction,
    "wiener": wiener,
    "log_mmse": log_mmse,
    "oracle_irm": oracle_irm,
}
"""{name: function}, of the names that kdse.approaches.registry calls classical or a ceiling."""
