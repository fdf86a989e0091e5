"""Every score of an estimate that does not need its words, and what happens when one cannot be computed.

A function that cannot compute its score raises `Missing` with the reason; `quality` turns that into a null and its reason. It is
never 0. The list of metrics, and of the functions that compute them, is `kdse.scoring.metrics`.
"""

import math
from collections.abc import Sequence

import numpy as np

from kdse.core.errors import UserError
from kdse.data.audio import FULL_SCALE
from kdse.scoring.metrics import ESTIMATE, FROM_AUDIO, METRICS, MIXTURE, RECORDING, REFERENCE
from kdse.scoring.missing import HAS_REFERENCE, MIXED, NO_REFERENCE, ItemScores, Missing


def quality(
    reference: np.ndarray | None,
    estimate: np.ndarray,
    utt: str,
    mixture: np.ndarray | None = None,
    omegas: Sequence[float] = (0.0,),
) -> list[tuple[dict[str, float | None], dict[str, str]]]:
    """Every score of `FROM_AUDIO` for one utterance, and the reason for each that is missing.

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
    reference, estimate, mixture = (None if signal is None else _to_float(signal) for signal in (reference, estimate, mixture))
    why = (reference is not None and _unusable(reference, "reference")) or _unusable(estimate, "estimate")
    if why:
        return [_complete(_none(FROM_AUDIO, why)) for _ in omegas]
    bare = _of_recording(estimate) if reference is None else _of_estimate(reference, estimate)
    separated = _of_mixture(reference, mixture, estimate, omegas)
    scores = []
    for number, of_mixture in enumerate(separated):
        of_estimate = bare if number == 0 else _none(FROM_AUDIO, MIXED)
        scores.append(_complete(_merged(of_estimate, of_mixture)))
    return scores


def _of_estimate(reference: np.ndarray, estimate: np.ndarray) -> ItemScores:
    """What compares an estimate with its reference, or needs none."""
    scores = _none(_names(RECORDING), HAS_REFERENCE)
    for code in _codes(ESTIMATE):
        scores = _merged(scores, _computed(code, estimate))
    for code in _codes(REFERENCE):
        scores = _merged(scores, _computed(code, reference, estimate))
    return scores


def _of_recording(estimate: np.ndarray) -> ItemScores:
    """What needs no reference."""
    scores = _none(_names(REFERENCE), NO_REFERENCE)
    for code in _codes(ESTIMATE) + _codes(RECORDING):
        scores = _merged(scores, _computed(code, estimate))
    return scores


def _of_mixture(
    reference: np.ndarray | None, mixture: np.ndarray | None, estimate: np.ndarray, omegas: Sequence[float]
) -> list[ItemScores]:
    """What needs the mixture too: for each share ω of it in the estimate."""
    if reference is None or mixture is None:
        return [_none(_names(MIXTURE), NO_REFERENCE if reference is None else "no mixture") for _ in omegas]
    estimates = [estimate, *((1 - omega) * estimate + omega * mixture for omega in omegas[1:])]
    scores = [ItemScores({}, {}) for _ in omegas]
    for code in _codes(MIXTURE):
        computed = METRICS[_computed_by(code)[0]].function(reference, mixture, estimates)
        scores = [_merged(before, more) for before, more in zip(scores, computed, strict=True)]
    return scores


def _names(takes: str) -> list[str]:
    """The metrics from audio whose function is called with this."""
    return [name for name in FROM_AUDIO if METRICS[name].takes == takes]


def _codes(takes: str) -> list[str]:
    """The functions that are called with this, each once."""
    return list(dict.fromkeys(METRICS[name].code for name in _names(takes)))


def _computed_by(code: str) -> list[str]:
    """The metrics that a function computes."""
    return [name for name in FROM_AUDIO if METRICS[name].code == code]


def _computed(code: str, *signals: np.ndarray) -> ItemScores:
    """Call a function; its scores, and why they are missing, under the names of its metrics."""
    names = _computed_by(code)
    try:
        scores = METRICS[names[0]].function(*signals)
    except Missing as e:
        return _none(names, str(e))
    if isinstance(scores, ItemScores):
        return scores
    return ItemScores(scores if isinstance(scores, dict) else {names[0]: scores}, {})


def _none(names: Sequence[str], why: str) -> ItemScores:
    """No scores, all for one reason."""
    return ItemScores({}, dict.fromkeys(names, why))


def _merged(one: ItemScores, other: ItemScores) -> ItemScores:
    return ItemScores(one.values | other.values, one.missing | other.missing)


def _complete(scores: ItemScores) -> tuple[dict[str, float | None], dict[str, str]]:
    """All columns, rounded; what has a value is not missing, and what is not a number is."""
    bad = {name: "not a number" for name, value in scores.values.items() if not math.isfinite(value)}
    good = {name: round(value, 4) for name, value in scores.values.items() if name not in bad}
    missing = {name: why for name, why in (scores.missing | bad).items() if name not in good}
    return {name: good.get(name) for name in FROM_AUDIO}, missing


def _to_float(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float64) / (FULL_SCALE if samples.dtype == np.int16 else 1.0)


def _unusable(samples: np.ndarray, name: str) -> str | None:
    """Why a signal cannot be scored; None where it can."""
    if not len(samples):
        return f"the {name} is empty"
    if not np.isfinite(samples).all():
        return f"the {name} has samples that are not numbers"
    if np.ptp(samples) == 0:
        return f"the {name} is silent"
    return None


def _size(samples: np.ndarray) -> str:
    return f"{len(samples)} samples" if samples.ndim == 1 else f"the shape {samples.shape}"
