"""GTCRN: its filters, that it does not look ahead, and that it is the published network when it has its weights."""

import numpy as np
import onnxruntime
import pytest
import torch

from kdse.core.errors import UserError
from kdse.core.wheels import PEERS_FOLDER
from kdse.enhancers.peers.gtcrn import MODEL
from kdse.nets.gtcrn import GTCRN, band_filters, neighbours
from kdse.plugin.published import published_gtcrn

published = pytest.mark.skipif(not (PEERS_FOLDER / MODEL).is_file(), reason="needs tools/peers-requirements.txt in .venv/peers")


def spectrum(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((1, frames, 257), dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def test_each_bin_is_shared_out_among_bands():
    bands = band_filters()
    assert bands.shape == (192, 64) and bands.min() == 0
    torch.testing.assert_close(bands.sum(1), torch.ones(192))
    assert bands[0].argmax() == 0 and bands[-1].argmax() == 63
    widths = (bands > 0).sum(0)
    assert widths[1:5].max() <= 4 and widths[-5:-1].min() >= 9  # wider towards 8 kHz


def test_neighbours():
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    assert neighbours(x)[0, :, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]


def test_it_does_not_look_ahead():
    net = GTCRN().eval()
    x = spectrum(20)
    y = x.clone()
    y[:, 12:] = 7
    with torch.no_grad():
        torch.testing.assert_close(net(x)[:, :12], net(y)[:, :12])
        assert (net(x)[:, 12:] - net(y)[:, 12:]).abs().max() > 1e-4


def test_other_spectra_are_refused():
    with pytest.raises(ValueError, match=r"takes 257 bins \(n_fft 512\), not 129"):
        GTCRN(129)


@published
def test_with_the_published_weights_it_is_the_published_network():
    """Against the authors' file, frame by frame in ONNX Runtime."""
    net = GTCRN().eval()
    net.load_state_dict(published_gtcrn(PEERS_FOLDER / MODEL))
    assert sum(parameter.numel() for parameter in net.parameters()) == 23_089
    session, x, frames = onnxruntime.InferenceSession(PEERS_FOLDER / MODEL), spectrum(40), []
    states = {each.name: np.zeros(each.shape, np.float32) for each in session.get_inputs()[1:]}
    for frame in torch.view_as_real(x[0]).numpy():
        enhanced, *after = session.run(None, {"mix": frame[None, :, None], **states})
        states = dict(zip(states, after, strict=True))
        frames.append(enhanced[0, :, 0])
    with torch.no_grad():
        mine = torch.view_as_real(x * net(x))[0].numpy()
    np.testing.assert_allclose(mine, np.stack(frames), rtol=0, atol=1e-5)


def test_what_is_not_gtcrn_is_refused(tmp_path, exported, lived_in):
    from kdse.nets.bandcrn import SIZES, BandCRN

    other = tmp_path / "other.onnx"
    other.write_bytes(exported(lived_in(BandCRN(257, **SIZES["s"]))))
    with pytest.raises(UserError, match=r"other.onnx is not GTCRN as its authors publish it"):
        published_gtcrn(other)
    other.write_text("no graph")
    with pytest.raises(UserError, match=r"other.onnx is no readable ONNX file"):
        published_gtcrn(other)
