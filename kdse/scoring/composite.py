"""Segmental SNR, log-likelihood ratio, weighted spectral slope, and the ratings CSIG, CBAK, COVL made of them and PESQ.

Source: Y. Hu and P. Loizou, "Evaluation of objective quality measures for speech enhancement", IEEE TASLP 16(1), 2008, and the
authors' composite.m, whose framing, limits and quirks are kept: frames of 30 ms every 7.5 ms, the worst 5 % of frames left out of
LLR and WSS.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kdse.data.audio import RATE

EPS = np.finfo(float).eps
KEPT = 0.95
SNR_LIMITS = (-10.0, 35.0)
"""Limits of the SNR of a frame, dB."""
CENTRES = (
    50.0, 120.0, 190.0, 260.0, 330.0, 400.0, 470.0, 540.0, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.3, 1288.72, 1442.54,
    1610.7, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63,
)  # fmt: skip
WIDTHS = (
    70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823, 168.154,
    183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136,
)  # fmt: skip
"""Centre frequencies and bandwidths of the 25 critical bands, Hz."""
K_MAX, K_LOCAL = 20.0, 1.0
"""Klatt's weights of a band's distance from the highest and from the nearest peak, dB (ICASSP 1982)."""


@dataclass(frozen=True)
class Distances:
    """Of two signals: `ssnr` in dB, `llr` and `wss` without a unit; lower is better for the last two."""

    ssnr: float
    llr: float
    wss: float


def distances(reference: np.ndarray, estimate: np.ndarray, rate: int = RATE) -> Distances:
    """Segmental SNR, LLR and WSS.

    Args:
        reference, estimate: (N,) float in −1 … 1, with the level that is to be judged; neither is scaled.
    Raises: ValueError where there is not one frame (37.5 ms).
    """
    frames = [_frames(signal + EPS, rate) for signal in (reference, estimate)]
    if not len(frames[0]):
        raise ValueError("shorter than one frame of 37.5 ms")
    size = 1 << (2 * frames[0].shape[1] - 1).bit_length()
    spectra = [np.abs(np.fft.rfft(of_signal, size)) ** 2 for of_signal in frames]
    order = 16 if rate >= 10000 else 10
    return Distances(
        ssnr=_segmental_snr(*frames),
        llr=_trimmed(_llr(*spectra, order=order)),
        wss=_trimmed(_wss(*spectra, rate)),
    )


def ratings(pesq: float, d: Distances) -> tuple[float, float, float]:
    """CSIG, CBAK, COVL: predicted ratings of signal distortion, background and overall quality, kept within the scale of 1 … 5.

    Args:
        pesq: MOS-LQO; which band it is of is the caller's to state.

    >>> [round(x, 4) for x in ratings(2.255732, Distances(3.991727, 0.681368, 49.671978))]    # the example in composite.m's readme
    [3.305, 2.616, 2.7133]
    """
    csig = 3.093 - 1.029 * d.llr + 0.603 * pesq - 0.009 * d.wss
    cbak = 1.634 + 0.478 * pesq - 0.007 * d.wss + 0.063 * d.ssnr
    covl = 1.594 + 0.805 * pesq - 0.512 * d.llr - 0.007 * d.wss
    return tuple(min(max(x, 1.0), 5.0) for x in (csig, cbak, covl))


def _frames(signal: np.ndarray, rate: int) -> np.ndarray:
    """(T, W) windowed frames; as in the source, the last one or two that would fit are not used."""
    length = round(0.03 * rate)
    hop = length // 4
    count = max(int(len(signal) / hop - length / hop), 0)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1)))
    if not count:
        return np.zeros((0, length))
    return np.lib.stride_tricks.sliding_window_view(signal, length)[::hop][:count] * window


def _trimmed(values: np.ndarray) -> float:
    """Mean of the lowest 95 %."""
    kept = np.sort(values)[: int(KEPT * len(values) + 0.5)]
    return float(kept.mean())


def _segmental_snr(reference: np.ndarray, estimate: np.ndarray) -> float:
    signal, noise = (reference**2).sum(1), ((reference - estimate) ** 2).sum(1)
    return float(np.clip(10 * np.log10(signal / (noise + EPS) + EPS), *SNR_LIMITS).mean())


def _llr(reference: np.ndarray, estimate: np.ndarray, order: int) -> np.ndarray:
    """(T,) log of the estimate's prediction error on the reference over the reference's own, from (T, F) power spectra."""
    lags = [spectrum @ _lags(reference.shape[1] - 1, order) for spectrum in (reference, estimate)]
    own, other = (_prediction_error(_predictor(r), lags[0]) for r in lags)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(other / own)


@lru_cache
def _lags(half: int, order: int) -> np.ndarray:
    """(F, P+1) matrix from a power spectrum to its autocorrelation, for the few lags that are needed."""
    cosines = np.cos(np.pi * np.arange(half + 1)[:, None] * np.arange(order + 1) / half) / half
    cosines[[0, -1]] /= 2
    return cosines


def _predictor(lags: np.ndarray) -> np.ndarray:
    """(T, P+1) autocorrelation -> (T, P+1) coefficients 1, −a_1 … −a_P of the prediction error filter (Levinson and Durbin)."""
    a = np.zeros_like(lags)
    a[:, 0] = 1
    error = lags[:, 0].copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        for i in range(1, lags.shape[1]):
            k = -np.einsum("tj,tj->t", a[:, :i], lags[:, i:0:-1]) / error
            a[:, 1 : i + 1] += k[:, None] * a[:, i - 1 :: -1][:, :i]
            error *= 1 - k**2
    return a


def _prediction_error(a: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """(T,) a R aᵀ with the Toeplitz matrix R of the lags."""
    total = lags[:, 0] * (a * a).sum(1)
    for k in range(1, lags.shape[1]):
        total += 2 * lags[:, k] * (a[:, k:] * a[:, :-k]).sum(1)
    return total


def _wss(reference: np.ndarray, estimate: np.ndarray, rate: int) -> np.ndarray:
    """(T,) distance of the spectral slopes between critical bands, from (T, F) power spectra."""
    bands = _critical_bands(reference.shape[1] - 1, rate)
    energies = [10 * np.log10(np.maximum(spectrum[:, :-1] @ bands.T, 1e-10)) for spectrum in (reference, estimate)]
    slopes = [np.diff(e, axis=1) for e in energies]
    weights = sum(_weights(e, s) for e, s in zip(energies, slopes, strict=True)) / 2
    return (weights * (slopes[0] - slopes[1]) ** 2).sum(1) / weights.sum(1)


@lru_cache
def _critical_bands(bins: int, rate: int) -> np.ndarray:
    """(25, F) Gaussian filters of equal area, zero below −30 dB."""
    centres, widths = (np.array(values)[:, None] / (rate / 2) * bins for values in (CENTRES, WIDTHS))
    distance = (np.arange(bins) - np.floor(centres)) / widths
    filters = np.exp(-11 * distance**2) * (widths[0] / widths)
    return filters * (filters > np.exp(-30 / (2 * 2.303)))


def _weights(energy: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """(T, 24) weights of the slopes: high near the highest peak and near the next one, to the right where the slope rises."""
    bands = slope.shape[1]
    frames = np.arange(len(slope))
    rising = slope > 0
    peak_right, peak_left = np.empty(slope.shape, int), np.empty(slope.shape, int)
    falls_at = np.full(len(slope), bands)
    for band in reversed(range(bands)):
        falls_at = np.where(rising[:, band], falls_at, band)
        peak_right[:, band] = falls_at - 1  # the source takes the band before the peak here
    rises_at = np.full(len(slope), -1)
    for band in range(bands):
        rises_at = np.where(rising[:, band], band, rises_at)
        peak_left[:, band] = rises_at + 1
    peak = energy[frames[:, None], np.where(rising, peak_right, peak_left)]
    here = energy[:, :-1]
    from_highest = K_MAX / (K_MAX + energy.max(1, keepdims=True) - here)
    from_nearest = K_LOCAL / (K_LOCAL + peak - here)
    return from_highest * from_nearest
