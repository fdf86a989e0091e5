"""Ratios of energies that need no filter: SI-SDR, and the SNR of the output."""

import math

import numpy as np

from kdse.scoring.missing import Missing

EXACT_DB = 250.0
"""A scaled copy of the reference leaves float64 rounding, near 300 dB below it; other int16 audio comes no closer than 100 dB."""
_EXACT = 10 ** (-EXACT_DB / 10)


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
    if noise <= signal * _EXACT:
        raise Missing("estimate equals reference")
    if signal <= noise * _EXACT:
        raise Missing("estimate is orthogonal to the reference")
    return 10 * math.log10(signal / noise)


def snr_out(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10·log10(‖s‖² / ‖s − ŝ‖²) in dB: neither scaled nor filtered, so that the level is part of it.

    Args:
        reference, estimate: (N,) float.
    Raises: Missing where the ratio is infinite.

    >>> snr_out(np.array([10.0, 0.0]), np.array([9.0, 0.0]))
    20.0
    """
    error = reference - estimate
    noise, signal = float(np.dot(error, error)), float(np.dot(reference, reference))
    if noise <= signal * _EXACT:
        raise Missing("estimate equals reference")
    return 10 * math.log10(signal / noise)
