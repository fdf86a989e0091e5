"""SDR, SIR and SAR: how much of an estimate is speech, left-over noise, and artifacts of the enhancement.

BSS-Eval (Vincent et al., IEEE TASLP 14(4), 2006) with two references, the clean speech s and the noise n, and distortion filters of
512 taps, through fast_bss_eval. With P_s and P_sn the projections onto the shifts of s, and of s and n:

    ŝ = P_s ŝ + (P_sn − P_s) ŝ + (1 − P_sn) ŝ = target + noise error + artifact error
    SDR = ‖target‖² / ‖noise error + artifact error‖²
    SIR = ‖target‖² / ‖noise error‖²
    SAR = ‖target + noise error‖² / ‖artifact error‖²

Artifacts are what no mixture of filtered speech and noise explains; recognisers suffer from them more than from noise (Iwamoto et
al., "How bad are artifacts?", Interspeech 2022). Source 1, the speech, is scored; nothing is permuted.
"""

import math
from collections.abc import Sequence

import numpy as np

from kdse.scoring.missing import ItemScores

TAPS = 512
EXACT = 1e-11
"""A share of the estimate's energy that is rounding of float64, not an error: −110 dB, below that of 16-bit samples."""
NAMES = ("sdr", "sir", "sar")


def separation(reference: np.ndarray, mixture: np.ndarray, estimates: Sequence[np.ndarray]) -> list[ItemScores]:
    """SDR, SIR and SAR of several estimates from one mixture; its statistics and their solution are computed once.

    Args:
        reference, mixture: (N,) float; the noise is their difference.
        estimates: (N,) float each, none of them silent.
    Returns: for each estimate its ratios in dB and why one is missing. Without a front end the estimate is the mixture, in which
        there are no artifacts, so SAR is missing; in a mixture without noise SIR and SAR are.
    """
    import torch  # here: reports use `artifact_error` without it
    from fast_bss_eval.torch.metrics import sdr_loss, square_cosine_metrics

    noise = mixture - reference
    stacked = torch.from_numpy(np.stack(estimates))
    try:
        if noise.any():
            shares = square_cosine_metrics(torch.from_numpy(np.stack([reference, noise])), stacked, filter_length=TAPS)
            target, explained = (np.clip(share[0].numpy(), 0.0, 1.0) for share in shares)
        else:
            negative = sdr_loss(stacked, torch.from_numpy(reference)[None], filter_length=TAPS, pairwise=True)
            target = explained = (1 / (1 + 10 ** (negative[0] / 10))).numpy()
    except torch.linalg.LinAlgError:
        return [ItemScores({}, dict.fromkeys(NAMES, "speech and noise are not independent of each other")) for _ in estimates]
    return [
        _ratios(float(t), float(e), noise.any(), np.array_equal(estimate, mixture))
        for t, e, estimate in zip(target, explained, estimates, strict=True)
    ]


def artifact_error(sdr: float, sir: float) -> float:
    """‖artifact error‖² / ‖target‖² in dB, from the two ratios; −SIR is the noise error's.

    >>> round(artifact_error(10.0, 13.0), 2)    # 0.1 of the target's energy is error, 0.05 of it noise
    -13.02
    """
    return 10 * math.log10(max(10 ** (-sdr / 10) - 10 ** (-sir / 10), EXACT))


def _ratios(target: float, explained: float, noisy: bool, untouched: bool) -> ItemScores:
    """From the shares of the estimate's energy that P_s and P_sn keep."""
    parts = {"sdr": (target, 1 - target, "estimate equals filtered reference")}
    missing = {}
    if noisy:
        parts["sir"] = (target, explained - target, "no noise is left in the estimate")
        parts["sar"] = (explained, 1 - explained, "estimate is filtered mixture")
        if untouched:
            del parts["sar"]
            missing["sar"] = "estimate equals mixture"
    else:
        missing |= dict.fromkeys(("sir", "sar"), "the mixture has no noise")
    values = {}
    for name, (signal, error, why) in parts.items():
        if not (math.isfinite(signal) and math.isfinite(error)):
            missing[name] = "not a number"
        elif error <= EXACT:
            missing[name] = why
        elif signal <= EXACT:
            missing[name] = "nothing of the reference is in the estimate"
        else:
            values[name] = 10 * math.log10(signal / error)
    return ItemScores(values, missing)
