"""Every score of an estimate that does not need its words, and what happens when one cannot be computed.

A score that cannot be computed raises `Missing` with the reason; `quality` turns that into a null and its reason. It is never 0.
"""

import contextlib
import ctypes
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.data.audio import FULL_SCALE, RATE
from kdse.scoring import blind, composite, intelligibility, separation

EXACT_DB = 250.0
"""A scaled copy of the reference leaves float64 rounding, near 300 dB below it; other int16 audio comes no closer than 100 dB."""
NO_REFERENCE = "no clean reference"
HAS_REFERENCE = "only for recordings without a clean reference"
MIXED = "of observation adding only words, SDR, SIR and SAR are scored"
BY_RULE = (NO_REFERENCE, HAS_REFERENCE, MIXED)
"""Reasons for which a score is not asked for, so that it is nothing to be told of."""


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


@lru_cache
def _pesq():
    """The package pesq, with faster transforms where they were built (realfft.c says how)."""
    for library in Path(__file__).parent.glob("_realfft*.so"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    import pesq

    return pesq


def pesq(reference: np.ndarray, estimate: np.ndarray, mode: str = "wb") -> float:
    """PESQ, MOS-LQO: wide band 1.04 … 4.64 (ITU-T P.862.2) or narrow band 1.02 … 4.55 (P.862 and P.862.1), package pesq.

    Args:
        reference, estimate: (N,) float, 16 kHz.
        mode: 'wb' or 'nb'.
    Raises: Missing where the signals are shorter than 1/4 s or PESQ detects no speech in them.
    """
    package = _pesq()
    try:
        value = float(package.pesq(RATE, reference, estimate, mode))
    except (package.NoUtterancesError, package.BufferTooShortError) as e:
        reason = e.args[0] if e.args else type(e).__name__
        reason = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise Missing(f"{reason[0].lower()}{reason[1:]}") from e
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


def snr_out(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10·log10(‖s‖² / ‖s − ŝ‖²) in dB: neither scaled nor filtered, so that the level is part of it.

    Raises: Missing where the ratio is infinite.

    >>> snr_out(np.array([10.0, 0.0]), np.array([9.0, 0.0]))
    20.0
    """
    error = reference - estimate
    noise, signal = float(np.dot(error, error)), float(np.dot(reference, reference))
    if noise <= signal * 10 ** (-EXACT_DB / 10):
        raise Missing("estimate equals reference")
    return 10 * math.log10(signal / noise)


Found = tuple[dict[str, float], dict[str, str]]
"""({metric: value}, {metric: why it is missing})."""


def _each(**scores: Callable[[], float]) -> Found:
    values, missing = {}, {}
    for name, score in scores.items():
        try:
            values[name] = score()
        except Missing as e:
            missing[name] = str(e)
    return values, missing


def _perceived(*pair: np.ndarray) -> Found:
    """PESQ of both bands, and the composite ratings from its wide band."""
    values, missing = _each(pesq_wb=lambda: pesq(*pair, "wb"), pesq_nb=lambda: pesq(*pair, "nb"))
    try:
        distances = composite.distances(*pair)
    except ValueError as e:
        return values, missing | dict.fromkeys(("ssnr", *COMPOSITE), str(e))
    values["ssnr"] = distances.ssnr
    if "pesq_wb" not in values:
        return values, missing | dict.fromkeys(COMPOSITE, f"no PESQ: {missing['pesq_wb']}")
    if not (math.isfinite(distances.llr) and math.isfinite(distances.wss)):
        return values, missing | dict.fromkeys(COMPOSITE, "LLR is not a number in more than 5 % of the frames")
    return values | dict(zip(COMPOSITE, composite.ratings(values["pesq_wb"], distances), strict=True)), missing


def _intelligible(*pair: np.ndarray) -> Found:
    try:
        values = intelligibility.stoi_and_estoi(*pair)
    except intelligibility.TooShort as e:
        return {}, dict.fromkeys(("stoi", "estoi"), str(e))
    return dict(zip(("stoi", "estoi"), values, strict=True)), {}


def _ratios(*pair: np.ndarray) -> Found:
    return _each(si_sdr=lambda: si_sdr(*pair), snr_out=lambda: snr_out(*pair))


COMPOSITE = ("csig", "cbak", "covl")
REFERENCED = {
    ("pesq_wb", "pesq_nb", *COMPOSITE, "ssnr"): _perceived,
    ("stoi", "estoi"): _intelligible,
    ("si_sdr", "snr_out"): _ratios,
}
"""Scores of (reference, estimate); SDR, SIR and SAR need the mixture too, and are computed for all shares ω at once."""
DNSMOS = tuple(f"dnsmos_{name}" for name in blind.DNSMOS)
METRICS = (*(name for names in REFERENCED for name in names), *separation.NAMES, "wada_snr", *DNSMOS)


def quality(
    reference: np.ndarray | None,
    estimate: np.ndarray,
    utt: str,
    mixture: np.ndarray | None = None,
    omegas: Sequence[float] = (0.0,),
) -> list[tuple[dict[str, float | None], dict[str, str]]]:
    """Every score of `METRICS` for one utterance, and the reason for each that is missing.

    Args:
        reference: (N,) int16, or float in −1 … 1, 16 kHz; None for a recording that has none: then only what needs none is scored,
            DNSMOS among it.
        estimate, mixture: like reference; without a mixture SDR, SIR and SAR are missing.
        utt: for error messages.
        omegas: shares of the mixture in (1 − ω)·ŝ + ω·y, the first of them 0; of others only SDR, SIR and SAR are computed.
    Returns: for each ω ({metric: value rounded to 4 decimals, or None}, {metric: why it is missing}). Rounding keeps the last bits,
        which differ between machines, out of the committed rows.
    Raises: UserError where the lengths differ.
    """
    for name, signal, where in (("reference", reference, "spk1.scp"), ("mixture", mixture, "wav.scp")):
        if signal is not None and (signal.shape != estimate.shape or signal.ndim != 1):
            what = f"utterance {utt}: the estimate has {_size(estimate)} and the {name} {_size(signal)}"
            raise UserError(f"{what}; enhance the set again, or check {where}")
    reference, estimate, mixture = (None if x is None else _to_float(x) for x in (reference, estimate, mixture))
    why = (reference is not None and _unusable(reference, "reference")) or _unusable(estimate, "estimate")
    if why:
        return [_complete({}, dict.fromkeys(METRICS, why)) for _ in omegas]
    others = [(1 - omega) * estimate + omega * mixture for omega in omegas[1:]] if mixture is not None else []
    found = _compared(reference, estimate) if reference is not None else _blind(estimate)
    if reference is None or mixture is None:
        apart = [({}, dict.fromkeys(separation.NAMES, NO_REFERENCE if reference is None else "no mixture")) for _ in omegas]
    else:
        apart = separation.separation(reference, mixture, [estimate, *others])
    rest = ({}, dict.fromkeys(METRICS, MIXED))
    return [
        _complete(*(a | b for a, b in zip(own, ratios, strict=True))) for own, ratios in zip([found, *[rest] * len(omegas)], apart)
    ]


def _compared(reference: np.ndarray, estimate: np.ndarray) -> Found:
    values, missing = {"wada_snr": blind.wada_snr(estimate)}, dict.fromkeys(DNSMOS, HAS_REFERENCE)
    for compute in REFERENCED.values():
        more, why = compute(reference, estimate)
        values |= more
        missing |= why
    return values, missing


def _blind(estimate: np.ndarray) -> Found:
    missing = {name: NO_REFERENCE for names in REFERENCED for name in names}
    return {"wada_snr": blind.wada_snr(estimate), **blind.dnsmos(estimate)}, missing


def _complete(values: dict[str, float], missing: dict[str, str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """All columns, rounded; what has a value is not missing, and what is not a number is."""
    bad = {name: "not a number" for name, value in values.items() if not math.isfinite(value)}
    good = {name: round(value, 4) for name, value in values.items() if name not in bad}
    return {name: good.get(name) for name in METRICS}, {n: why for n, why in (missing | bad).items() if n not in good}


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
