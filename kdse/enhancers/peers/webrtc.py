"""The noise suppression of WebRTC (a Wiener filter whose noise model has several features of speech), in 16-bit samples."""

from pathlib import Path

import numpy as np

from kdse.enhancers.peers.base import Peer, Process, extension

LIBRARY = "webrtc_noise_gain/webrtc_noise_gain_cpp.abi3.so"
HOP, SCALE = 160, 32768
NO_GAIN, LEVEL = 0, 2
"""No automatic gain; and the level of suppression, 0 to 4, of the example in the package's README."""


def make(folder: Path) -> Process:
    processor = extension(folder / LIBRARY).AudioProcessor(NO_GAIN, LEVEL)

    def process(samples: np.ndarray) -> np.ndarray:
        noisy = np.clip(np.rint(samples * SCALE), -SCALE, SCALE - 1).astype("<i2")
        return np.frombuffer(processor.Process10ms(noisy.tobytes()).audio, "<i2").astype(np.float32) / SCALE

    return process


PEERS = (
    Peer(
        name="WebRTC NS",
        package="webrtc-noise-gain",
        licence="Apache-2.0, WebRTC BSD-3-Clause",
        rate=16000,
        hop=HOP,
        files=(LIBRARY,),
        make=make,
    ),
)
