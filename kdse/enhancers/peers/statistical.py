"""Packages for whole recordings that learn nothing: spectral gating (T. Sainburg et al.) and log-MMSE (Ephraim and Malah 1985).

Both with the settings that they have when nothing is said.
"""

from pathlib import Path

import numpy as np

from kdse.enhancers.peers.base import Function, WholePeer, importing_from

RATE = 16000


def spectral_gating(folder: Path) -> Function:
    with importing_from(folder):
        from noisereduce import reduce_noise

    def enhance(noisy: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # digital silence divides 0 by 0
            return np.nan_to_num(reduce_noise(y=noisy, sr=RATE)).astype(np.float32)

    return enhance


def log_mmse(folder: Path) -> Function:
    with importing_from(folder):
        from logmmse import logmmse

    def enhance(noisy: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.nan_to_num(logmmse(noisy.astype(np.float32), RATE))  # it fails for float64

    return enhance


PEERS = (
    WholePeer(
        name="noisereduce",
        package="noisereduce",
        licence="MIT",
        rate=RATE,
        files=("noisereduce/noisereduce.py",),
        make=spectral_gating,
        needs=("scipy", "joblib", "tqdm"),
    ),
    WholePeer(
        name="logmmse",
        package="logmmse",
        licence="MIT",
        rate=RATE,
        files=("logmmse/logmmse.py",),
        make=log_mmse,
        needs=("scipy",),
    ),
)
