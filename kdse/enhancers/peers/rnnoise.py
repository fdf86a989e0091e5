"""RNNoise (J.-M. Valin, arXiv 1709.08243): 0.1 as in the paper and 0.2 with a larger network, C libraries with their weights."""

import ctypes
from functools import partial
from pathlib import Path

import numpy as np

from kdse.enhancers.peers.base import Peer, Process, freed

FIRST, SECOND = "rnnoise_cli/data/librnnoise_ladspa.so", "pyrnnoise/librnnoise.so"
HOP, SCALE = 480, 32768
"""Samples of a frame; and the library wants the range of 16-bit samples."""


def make(folder: Path, library_file: str) -> Process:
    """A stream of the library; the one for LADSPA exports the functions of the plain one, too."""
    library = ctypes.CDLL(str(folder / library_file))
    floats = ctypes.POINTER(ctypes.c_float)
    library.rnnoise_create.argtypes, library.rnnoise_create.restype = [ctypes.c_void_p], ctypes.c_void_p
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, floats, floats]
    library.rnnoise_process_frame.restype = ctypes.c_float
    state = library.rnnoise_create(None)  # the weights inside
    buffer = np.zeros(HOP, np.float32)
    pointer = buffer.ctypes.data_as(floats)

    def process(samples: np.ndarray) -> np.ndarray:
        np.multiply(samples, SCALE, out=buffer)
        library.rnnoise_process_frame(state, pointer, pointer)
        return buffer / SCALE

    return freed(process, library.rnnoise_destroy, state)


PEERS = (
    Peer(
        name="RNNoise 0.1",
        package="rnnoise-cli",
        licence="BSD-3-Clause, plugin GPL-3.0",
        rate=48000,
        hop=HOP,
        files=(FIRST,),
        make=partial(make, library_file=FIRST),
        parameters=87_503,  # the paper's, in 8 bits
    ),
    Peer(
        name="RNNoise 0.2",
        package="pyrnnoise",
        licence="BSD-3-Clause",
        rate=48000,
        hop=HOP,
        files=(SECOND,),
        make=partial(make, library_file=SECOND),
    ),
)
