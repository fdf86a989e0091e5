"""Scores that need no clean reference: WADA-SNR, and DNSMOS for recordings that have none."""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.special import dawsn, erf

from kdse.data.audio import FULL_SCALE, RATE

SHAPE = 0.4
"""Of the gamma distribution that clean speech amplitudes follow (Kim and Stern, Interspeech 2008, section 2)."""
SNR_RANGE = (-20.0, 100.0)
"""Where the measure can tell, dB."""
HALF_STEP = 0.5 / FULL_SCALE
"""A 16-bit sample of 0 stands for anything smaller than this; its logarithm would be −∞."""

DNSMOS = ("sig", "bak", "ovrl", "p808")


def wada_snr(signal: np.ndarray) -> float:
    """Blind SNR in dB, −20 … 100, from the distribution of amplitudes (WADA-SNR: C. Kim and R. Stern, Interspeech 2008).

    G = log E|x| − E log|x| is 1.65 for clean speech, whose amplitudes follow a gamma distribution of shape 0.4, and 0.41 for
    Gaussian noise; between them it is a function of the SNR, computed here from those two distributions. Noise that is not
    Gaussian, and enhancement that leaves digital silence, mislead it.

    Args:
        signal: (N,) float in −1 … 1, not silent.
    """
    amplitude = np.maximum(np.abs(signal), HALF_STEP)
    g = math.log(amplitude.mean()) - float(np.log(amplitude).mean())
    snrs, values = _table()
    return float(np.interp(g, values, snrs))


@lru_cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """(SNR in dB, G) of gamma-distributed speech in Gaussian noise of variance 1."""
    u = np.linspace(0, 60.0**SHAPE, 20001)[1:]  # u = a^0.4 takes the pole off the gamma density at 0
    amplitudes = u ** (1 / SHAPE)
    weights = np.exp(-amplitudes) / (SHAPE * math.gamma(SHAPE)) * (u[1] - u[0])
    snrs = np.arange(SNR_RANGE[0], SNR_RANGE[1] + 0.5, 0.5)
    values = []
    for scale in np.sqrt(10 ** (snrs / 10) / (SHAPE * (SHAPE + 1))):
        mean_abs = float(_mean_abs(scale * amplitudes) @ weights)
        mean_log = float(_mean_log(scale * amplitudes) @ weights)
        values.append(math.log(mean_abs) - mean_log)
    return snrs, np.array(values)


def _mean_abs(mu: np.ndarray) -> np.ndarray:
    """E|μ + n| of normal n."""
    return math.sqrt(2 / math.pi) * np.exp(-(mu**2) / 2) + mu * erf(mu / math.sqrt(2))


def _mean_log(mu: np.ndarray) -> np.ndarray:
    """E log|μ + n| of normal n: its derivative in μ is √2·D(μ/√2) with Dawson's integral D; far out it is log μ − 1/(2μ²)."""
    far, step = 30.0, 1e-3
    grid = np.arange(0, far + step, step)
    slope = math.sqrt(2) * dawsn(grid / math.sqrt(2))
    at_zero = -0.5 * (np.euler_gamma + math.log(2))
    near = at_zero + np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * step)])
    distant = np.maximum(mu, far)
    return np.where(mu < far, np.interp(mu, grid, near), np.log(distant) - 1 / (2 * distant**2))


def dnsmos(signal: np.ndarray) -> dict[str, float]:
    """DNSMOS P.835 (SIG, BAK, OVRL) and P.808, 1 … 5, predicted from the signal alone (Reddy et al., ICASSP 2021 and 2022).

    The package speechmos carries the networks, so that nothing is fetched; shorter signals are repeated up to 9 s, as it does.

    Args:
        signal: (N,) float in −1 … 1, 16 kHz.
    """
    predicted = _networks()(np.clip(signal, -1, 1).astype(np.float32), RATE, False)
    return {f"dnsmos_{name}": float(predicted[f"{name}_mos"]) for name in DNSMOS}


@lru_cache
def _networks():
    """speechmos's own predictor, with one thread: by default each process would take every core."""
    import onnxruntime
    from speechmos import dnsmos as package  # here: the package is optional (extra `eval`)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = Path(package.__file__).parent / "dnsmos_models"
    predictor = object.__new__(package.DNSMOS)
    predictor.onnx_sess, predictor.p808_onnx_sess = (
        onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
        for name in ("sig_bak_ovr.onnx", "model_v8.onnx")
    )
    return predictor
