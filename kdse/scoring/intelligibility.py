"""STOI and ESTOI at once: what both are made of is computed a single time.

Sources: C. Taal et al., IEEE TASLP 19(7), 2011 (STOI); J. Jensen and C. Taal, IEEE TASLP 24(11), 2016 (ESTOI). The package pystoi
is the reference that the tests compare with; its band matrix and resampler are used here.
"""

from functools import lru_cache

import numpy as np
from scipy.signal import resample_poly

from kdse.data.audio import RATE
from kdse.scoring.missing import Missing

FRAME, HOP, FFT = 256, 128, 512
"""Samples at 10 kHz."""
SEGMENT = 30
"""Frames of a segment, 384 ms."""
CLIP = 1 + 10 ** (15 / 20)
"""An estimate's band may exceed the reference's by a lower bound of −15 dB on their ratio."""
RANGE = 40.0
"""Frames this many dB below the reference's loudest are silent."""
EPS = np.finfo(float).eps


def intelligibility(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """STOI and ESTOI by their names; see `stoi_and_estoi`."""
    return dict(zip(("stoi", "estoi"), stoi_and_estoi(reference, estimate), strict=True))


def stoi_and_estoi(reference: np.ndarray, estimate: np.ndarray, rate: int = RATE) -> tuple[float, float]:
    """STOI and ESTOI, about 0 … 1.

    Args:
        reference, estimate: (N,) float.
    Raises: Missing where less than 0.4 s of speech is left without silent frames.
    """
    from pystoi.stoi import FS, OBM  # here: the package is optional (extra `eval`)

    pair = (reference, estimate)
    if rate != FS:
        pair = tuple(resample_poly(signal, FS, rate, window=_antialias(FS, rate)) for signal in pair)
    x, y = (_bands(signal, OBM) for signal in _without_silence(*pair))
    if x.shape[1] < SEGMENT:
        raise Missing("less than 0.4 s of speech after silent frames are removed")
    x, y = (np.lib.stride_tricks.sliding_window_view(bands, SEGMENT, axis=1).transpose(1, 0, 2) for bands in (x, y))
    return _stoi(x, y), _estoi(x, y)


@lru_cache
def _antialias(rate: int, from_rate: int) -> np.ndarray:
    """pystoi's filter for resampling, which it designs anew for every signal."""
    from pystoi.utils import _resample_window_oct

    window = _resample_window_oct(rate, from_rate)
    return window / np.sum(window)


def _stoi(x: np.ndarray, y: np.ndarray) -> float:
    """(M, 15, 30) segments -> mean correlation of the bands' envelopes, the estimate's scaled and clipped."""
    y = np.minimum(y * (_norm(x, 2) / (_norm(y, 2) + EPS)), x * CLIP)
    return float((_centred(x, 2) * _centred(y, 2)).sum() / (x.shape[0] * x.shape[1]))


def _estoi(x: np.ndarray, y: np.ndarray) -> float:
    """(M, 15, 30) segments -> mean correlation of spectra whose bands were normalised over time first."""
    x, y = (_centred(_centred(segments, 2), 1) for segments in (x, y))
    return float((x * y).sum() / (x.shape[0] * SEGMENT))


def _centred(segments: np.ndarray, axis: int) -> np.ndarray:
    """Zero mean and unit norm along an axis."""
    segments = segments - segments.mean(axis, keepdims=True)
    return segments / (_norm(segments, axis) + EPS)


def _norm(segments: np.ndarray, axis: int) -> np.ndarray:
    """Norm along the axis of bands (1) or of frames (2), which stays with one element."""
    if axis == 2:
        return np.sqrt(np.einsum("mjn,mjn->mj", segments, segments))[:, :, None]
    return np.sqrt(np.einsum("mjn,mjn->mn", segments, segments))[:, None, :]


def _frames(signal: np.ndarray) -> np.ndarray:
    """(T, 256) windowed frames, without the last that would just fit, as in pystoi."""
    if len(signal) <= FRAME:
        return np.zeros((0, FRAME))
    count = -(-(len(signal) - FRAME) // HOP)
    return np.lib.stride_tricks.sliding_window_view(signal, FRAME)[::HOP][:count] * np.hanning(FRAME + 2)[1:-1]


def _without_silence(reference: np.ndarray, estimate: np.ndarray) -> list[np.ndarray]:
    """Both signals, overlapped and added from the frames in which the reference is not silent."""
    frames = [_frames(signal) for signal in (reference, estimate)]
    if not len(frames[0]):
        return [np.zeros(0), np.zeros(0)]
    level = 20 * np.log10(np.linalg.norm(frames[0], axis=1) + EPS)
    loud = level > level.max() - RANGE
    joined = []
    for of_signal in frames:
        halves = of_signal[loud].reshape(-1, 2, HOP)
        signal = np.zeros((len(halves) + 1, HOP))
        signal[:-1] += halves[:, 0]
        signal[1:] += halves[:, 1]
        joined.append(signal.ravel())
    return joined


def _bands(signal: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(15, T) amplitudes of the third-octave bands."""
    return np.sqrt(matrix @ (np.abs(np.fft.rfft(_frames(signal), FFT)) ** 2).T)
