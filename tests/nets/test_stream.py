"""Frame by frame a student makes the masks that it makes of the whole utterance."""

import pytest
import torch

from kdse.nets import bandcrn, dccrn, gtcrn
from kdse.nets.unet import RecurrentUNet, Stream

NETS = {
    "bandcrn": lambda: bandcrn.BandCRN(33, (3, 4), 6, bands=16),
    "bandcrn-m": lambda: bandcrn.BandCRN(),
    "dccrn": lambda: dccrn.DCCRN(33, (2, 3, 4), 5),
    "dccrn-m": lambda: dccrn.DCCRN(),
    "gtcrn": lambda: gtcrn.GTCRN(),
}


@pytest.fixture(params=NETS)
def net(request) -> RecurrentUNet:
    """In eval mode, with statistics of batch normalisation and biases that are not those of a fresh network."""
    torch.manual_seed(1)
    net = NETS[request.param]()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, mean=0.02, std=0.15)
    net.train()(spectrum(net, seed=9))
    return net.eval().requires_grad_(False)


def spectrum(net: RecurrentUNet, seed: int = 0, frames: int = 14) -> torch.Tensor:
    bins = 33 if sum(p.numel() for p in net.parameters()) < 10_000 else 257
    return torch.randn((2, frames, bins), dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def test_streaming_equals_offline(net):
    whole, stream = spectrum(net), Stream()
    steps = torch.cat([net.step(frame, stream) for frame in whole.split(1, 1)], 1)
    torch.testing.assert_close(steps, net(whole), rtol=0, atol=1e-5)


def test_two_streams_do_not_meet(net):
    one, other, first, second = spectrum(net), spectrum(net, seed=3), Stream(), Stream()
    masks = [(net.step(a, first), net.step(b, second)) for a, b in zip(one.split(1, 1), other.split(1, 1), strict=True)]
    torch.testing.assert_close(torch.cat([a for a, _ in masks], 1), net(one), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.cat([b for _, b in masks], 1), net(other), rtol=0, atol=1e-5)


def test_a_new_stream_remembers_nothing(net):
    """And what is remembered matters: the second frame alone has another mask than behind the first."""
    whole, stream = spectrum(net), Stream()
    net.step(whole[:, :1], stream)
    behind, alone = net.step(whole[:, 1:2], stream), net.step(whole[:, 1:2], Stream())
    torch.testing.assert_close(alone, net(whole[:, 1:2]), rtol=0, atol=1e-5)
    assert (behind - alone).abs().max() > 1e-3


def test_what_is_no_step(net):
    with pytest.raises(AssertionError, match="one frame at a time"):
        net.step(spectrum(net, frames=2), Stream())
    with pytest.raises(AssertionError, match="in eval mode"):
        net.train().step(spectrum(net, frames=1), Stream())
