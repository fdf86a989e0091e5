"""PESQ, and the ratings CSIG, CBAK and COVL that are predicted from it."""

import contextlib
import ctypes
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from kdse.data.audio import RATE
from kdse.scoring import composite
from kdse.scoring.missing import ItemScores, Missing

RATINGS = ("csig", "cbak", "covl")


@contextlib.contextmanager
def no_denormals() -> Iterator[None]:
    """Let this thread's processor round numbers below 1e-38 (of float32) to 0, where it can.

    PESQ's filters ring down to such numbers in silence, where every operation takes a hundred times longer: half of its time. Its
    values are the same to the last digit.
    """
    import torch  # here: reports read the registry of metrics, and with it this module, without torch

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
    import pesq  # here: the transforms must be loaded first, and the package is optional (extra `eval`)

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


def perceptual(reference: np.ndarray, estimate: np.ndarray) -> ItemScores:
    """PESQ of both bands, segmental SNR, and the ratings from wide-band PESQ; see `composite`.

    Args:
        reference, estimate: (N,) float, 16 kHz.
    """
    scores = ItemScores({}, {})
    for name, mode in (("pesq_wb", "wb"), ("pesq_nb", "nb")):
        try:
            scores.values[name] = pesq(reference, estimate, mode)
        except Missing as e:
            scores.missing[name] = str(e)
    try:
        distances = composite.distances(reference, estimate)
    except ValueError as e:
        scores.missing.update(dict.fromkeys(("ssnr", *RATINGS), str(e)))
        return scores
    scores.values["ssnr"] = distances.ssnr
    if "pesq_wb" not in scores.values:
        scores.missing.update(dict.fromkeys(RATINGS, f"no PESQ: {scores.missing['pesq_wb']}"))
    elif not (math.isfinite(distances.llr) and math.isfinite(distances.wss)):
        scores.missing.update(dict.fromkeys(RATINGS, "LLR is not a number in more than 5 % of the frames"))
    else:
        scores.values.update(zip(RATINGS, composite.ratings(scores.values["pesq_wb"], distances), strict=True))
    return scores
