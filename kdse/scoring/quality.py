"""Quality of an estimate against its clean reference: PESQ, STOI, SI-SDR, and what happens when one cannot be computed.

A score that cannot be computed raises `Missing` with the reason; `quality` turns that into a null and its reason. It is never 0.
"""

import contextlib
import math
import warnings
from collections.abc import Iterator

import numpy as np

from kdse.data.audio import FULL_SCALE, RATE
from kdse.errors import UserError

EXACT_DB = 250.0
"""A scaled copy of the reference leaves float64 rounding, near 300 dB below it; other int16 audio comes no closer than 100 dB."""


class Missing(Exception):
    """A score cannot be computed for this utterance; the text says why."""


@contextlib.contextmanager
def no_denormals() -> Iterator[None]:
    """Let this thread's processor round numbers below 1e-38 (of float32) to 0, where it can.

    PESQ's filters ring down to such numbers in silence, where every operation takes a hundred times longer: half of its time. Its
    values are the same to the last digit.
    """
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def pesq_wb(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Wide-band PESQ, MOS-LQO in 1.04 … 4.64 (ITU-T P.862.2, package pesq).

    Args:
        reference, estimate: (N,) float, 16 kHz.
    Raises: Missing where the signals are shorter than 1/4 s or PESQ detects no speech in them.
    """
    import pesq

    try:
        value = float(pesq.pesq(RATE, reference, estimate, "wb"))
    except (pesq.NoUtterancesError, pesq.BufferTooShortError) as e:
        reason = e.args[0] if e.args else type(e).__name__
        reason = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise Missing(f"{reason[0].lower()}{reason[1:]}") from e
    if not math.isfinite(value):
        raise Missing("not a number")
    return value


def stoi(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Short-time objective intelligibility, about 0 … 1 (Taal et al., IEEE TASLP 2011, package pystoi, resampled to 10 kHz).

    Args:
        reference, estimate: (N,) float, 16 kHz.
    Raises: Missing where fewer than 30 frames (0.4 s) are left after silent frames are removed; pystoi itself returns 1e-5 there.
    """
    import pystoi

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            value = float(pystoi.stoi(reference, estimate, RATE, extended=False))
        except RuntimeWarning as e:
            if "Not enough STFT frames" in str(e):
                raise Missing("less than 0.4 s of speech after silent frames are removed") from e
            raise Missing(str(e)) from e
    if not math.isfinite(value):
        raise Missing("not a number")
    return value


def si_sdr(reference: np.ndarray, estimate: np.ndarray, zero_mean: bool = True) -> float:
    """Scale-invariant signal-to-distortion ratio in dB.

    α = ⟨ŝ,s⟩/‖s‖²,  SI-SDR = 10·log10(‖αs‖² / ‖αs − ŝ‖²)      (Le Roux et al., arXiv 1811.02508, eq. 3 and 4)

    Args:
        reference, estimate: (N,) float.
        zero_mean: take the mean off both first (the default, as most toolkits do), so that a constant offset costs nothing.
    Raises: Missing where the ratio is infinite: the estimate equals the (scaled) reference, or has nothing of it.

    >>> s, n = np.array([1.0, -1.0, 1.0, -1.0]), np.array([0.1, 0.1, -0.1, -0.1])
    >>> round(si_sdr(s, 7 * (s + n)), 9)
    20.0
    """
    if zero_mean:
        reference, estimate = reference - reference.mean(), estimate - estimate.mean()
    scale = np.dot(estimate, reference) / np.dot(reference, reference)
    target = scale * reference
    error = estimate - target
    signal, noise = float(np.dot(target, target)), float(np.dot(error, error))
    if noise <= signal * 10 ** (-EXACT_DB / 10):
        raise Missing("estimate equals reference")
    if signal <= noise * 10 ** (-EXACT_DB / 10):
        raise Missing("estimate is orthogonal to the reference")
    return 10 * math.log10(signal / noise)


METRICS = {"pesq_wb": pesq_wb, "stoi": stoi, "si_sdr": si_sdr}
"""Name in the score row: function of (reference, estimate)."""


def quality(reference: np.ndarray, estimate: np.ndarray, utt: str) -> tuple[dict[str, float | None], dict[str, str]]:
    """Every score of `METRICS` for one utterance, and the reason for each that is missing.

    Args:
        reference, estimate: (N,) int16, or float in −1 … 1, 16 kHz.
        utt: for error messages.
    Returns: ({metric: value rounded to 4 decimals, or None}, {metric: why it is missing}). Rounding keeps the last bits, which
        differ between machines, out of the committed rows.
    Raises: UserError where the lengths differ.
    """
    if reference.shape != estimate.shape or reference.ndim != 1:
        raise UserError(
            f"utterance {utt}: the estimate has {_size(estimate)} and the reference {_size(reference)}; "
            "enhance the set again, or check spk1.scp"
        )
    reference, estimate = _to_float(reference), _to_float(estimate)
    why = _unusable(reference, "reference") or _unusable(estimate, "estimate")
    scores: dict[str, float | None] = dict.fromkeys(METRICS)
    if why:
        return scores, dict.fromkeys(METRICS, why)
    missing = {}
    for name, score in METRICS.items():
        try:
            scores[name] = round(score(reference, estimate), 4)
        except Missing as e:
            missing[name] = str(e)
    return scores, missing


def _to_float(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float64) / (FULL_SCALE if samples.dtype == np.int16 else 1.0)


def _unusable(samples: np.ndarray, name: str) -> str | None:
    if not len(samples):
        return f"the {name} is empty"
    if not np.isfinite(samples).all():
        return f"the {name} has samples that are not numbers"
    if np.ptp(samples) == 0:
        return f"the {name} is silent"
    return None


def _size(samples: np.ndarray) -> str:
    return f"{len(samples)} samples" if samples.ndim == 1 else f"the shape {samples.shape}"
