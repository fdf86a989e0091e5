"""Graphs of one frame give the masks of the networks that they were made from, and what cannot be one is refused."""

import re

import numpy as np
import pytest
import torch

from kdse.core.errors import UserError
from kdse.export.networks import GRAPHS, frame_graph
from kdse.nets.bandcrn import BandCRN
from kdse.nets.registry import STUDENTS, find
from kdse.nets.unet import RecurrentUNet, Stream
from kdse.runtime.model import STATES, Model


@pytest.fixture(scope="module")
def spectrum(noisy) -> torch.Tensor:
    """Complex (1, T, 257)."""
    return torch.stft(torch.from_numpy(noisy), 512, 256, window=torch.hann_window(512), return_complex=True).T[None]


def difference(got: np.ndarray, wanted: torch.Tensor) -> float:
    """The largest of any bin, where a sine of full scale has 128 in its own."""
    return float(np.abs(got - wanted[0].numpy()).max()) / 128


def test_frames_are_those_of_forward_and_step(net, exported, spectrum):
    """To 1e-4 of full scale; it is a hundred times nearer."""
    model = Model(exported(net), "net.onnx")
    got, states = model.steps(spectrum[0].numpy(), model.initial_states())
    stream = Stream()
    with torch.inference_mode():
        whole = spectrum * net(spectrum)
        steps = torch.cat([frame * net.step(frame, stream) for frame in spectrum.split(1, 1)], 1)
    assert difference(got, whole) < 1e-6 and difference(got, steps) < 1e-6
    assert np.std(np.abs(got) / np.maximum(np.abs(spectrum[0].numpy()), 1e-9)) > 0.01, "gains that are all the same show nothing"
    if isinstance(net, RecurrentUNet):
        np.testing.assert_allclose(states[1][:, 0], stream.lstm[0][:, 0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(states[2][:, 0], stream.lstm[1][:, 0], rtol=1e-4, atol=1e-5)
    else:
        attention = [stream.before[block.attention.gru][0] for block in (*net.encoder, *net.decoder)]
        np.testing.assert_allclose(states[1], np.stack(attention), rtol=1e-4, atol=1e-5)


def test_8_bits(net, exported, spectrum):
    """Weights of a byte make a file of a third and a spectrum at 20 dB or more; its interface is that of the other file."""
    files = [exported(net), exported(net, int8=True)]
    plain, small = (Model(data, "net.onnx") for data in files)
    small_weights = not isinstance(net, RecurrentUNet)  # none of GTCRN's is large enough to be rounded
    assert small_weights or len(files[1]) < 0.55 * len(files[0])
    assert [x.shape for x in plain.initial_states()] == [x.shape for x in small.initial_states()]
    whole, rounded = (model.steps(spectrum[0].numpy(), model.initial_states())[0] for model in (plain, small))
    error = np.sum(np.abs(whole - rounded) ** 2) / np.sum(np.abs(whole) ** 2)
    assert error == 0 if small_weights else 0 < error < 10**-2


def test_batch_norm_is_folded(net, exported):
    graph = frame_graph(net, 257)
    assert not {"BatchNormalization", "STFT", "DFT", "Loop", "Scan"} & {node.op_type for node in graph.nodes}
    assert tuple(graph.states) == STATES
    if isinstance(net, RecurrentUNet):
        layers, width = net.lstm.num_layers, net.lstm.hidden_size
        assert graph.states["tra_cache"] == graph.states["inter_cache"] == (layers, 1, width)


def test_every_student_that_has_a_step_has_a_graph():
    nets = [find(name) for name in STUDENTS]
    assert {net for net in nets if hasattr(net, "step")} == set(GRAPHS)


class Whole(torch.nn.Module):
    """Of whole utterances."""


class Stepping(torch.nn.Module):
    """With a step that nobody wrote a graph for."""

    def step(self, frame, stream):
        return frame


class Another(BandCRN):
    """One that may compute something else."""


REFUSED = {
    "whole": (Whole, "Whole has no step(): it enhances whole utterances only and cannot be exported for single frames"),
    "step": (Stepping, "Stepping has no ONNX graph; kdse/export/networks.py has those of BandCRN, DCCRN, GTCRN"),
    "subclass": (Another, "Another has no ONNX graph; kdse/export/networks.py has those of BandCRN, DCCRN, GTCRN"),
}


@pytest.mark.parametrize("net, sentence", REFUSED.values(), ids=REFUSED)
def test_networks_that_cannot_be_exported(net, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        frame_graph(net(), 257)
