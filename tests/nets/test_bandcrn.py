"""The band-wise student: what its bands are, a mask between 0 and 1, causal, of the sizes it claims."""

import re
from pathlib import Path

import pytest
import torch

from kdse.core.files import read_yaml
from kdse.nets.bandcrn import SIZES, BandCRN, band_weights

STUDENTS = Path(__file__).resolve().parents[2] / "conf" / "student"


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bins, bands", [(257, 64), (129, 64), (5, 3), (9, 9), (257, 2)])
def test_every_bin_takes_its_gain_from_bands_that_sum_to_one(bins, bands):
    weights = band_weights(bins, bands)
    assert weights.shape == (bins, bands) and (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(bins))
    assert (weights.sum(0) >= 1).all()  # no band is empty
    assert ((weights > 0).sum(1) <= 2).all()
    assert weights[0, 0] == 1 and weights[-1, -1] == 1
    assert (weights.argmax(1).diff() >= 0).all()


def test_low_bands_are_single_bins_and_high_ones_grow_with_the_ear():
    """ERB(f) = 24.7·(0.00437·f + 1) Hz; 63 steps share the 33.3 ERB-rate units below 8 kHz, and a bin is 31.25 Hz wide."""
    width = band_weights(257, 64).sum(0)
    assert (width[:25] == 1).all()
    assert (width[33:-1] > width[30:-4]).all()
    erb_at_4k = 24.7 * (0.00437 * 4000 + 1) / 31.25
    step = 21.4 * torch.tensor(1 + 0.00437 * 8000).log10() / 63
    band = int((band_weights(257, 64)[128]).argmax())
    assert width[band] == pytest.approx(float(erb_at_4k * step), rel=0.05)


@pytest.mark.parametrize("bins, bands", [(5, 6), (5, 1)])
def test_impossible_bands(bins, bands):
    with pytest.raises(ValueError, match=f"{bins} bins make from 2 to {bins} bands, not {bands}"):
        band_weights(bins, bands)


def test_bands_that_do_not_halve():
    with pytest.raises(ValueError, match="60 bands do not halve 3 times: they must be a multiple of 8"):
        BandCRN(257, (4, 4, 4), 8, bands=60)


@pytest.mark.parametrize("bins", [257, 129])
@pytest.mark.parametrize("size", SIZES)
@torch.no_grad()
def test_the_mask_is_real_between_0_and_1_and_nearly_1_at_first(size, bins):
    torch.manual_seed(0)
    mask = BandCRN(bins, **SIZES[size])(noise(2, 30, bins))
    assert mask.shape == (2, 30, bins) and mask.dtype == torch.float32
    assert mask.min() >= 0 and mask.max() <= 1 and 0.5 < mask.mean() < 1


@torch.no_grad()
def test_a_level_is_a_shift_before_the_first_convolution():
    """20 dB more at the input are log(100)/4 more in every feature."""
    net = BandCRN().eval()
    seen = []
    net.encoder[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    net(noise(1, 4, 257)), net(10 * noise(1, 4, 257))
    torch.testing.assert_close(seen[1] - seen[0], torch.full_like(seen[0], 4.6052 / 4), rtol=0, atol=1e-3)


@pytest.mark.parametrize("t", [1, 6, 11])
@torch.no_grad()
def test_no_frame_sees_a_later_one(t):
    net = BandCRN(33, (3, 4), 6, bands=16)
    net.train()(noise(2, 20, 33, seed=9))
    past, future = noise(2, 12, 33), noise(2, 12, 33, seed=1)
    mask = net.eval()(past)
    changed = net(torch.cat([past[:, :t], future[:, t:]], 1))
    assert torch.equal(changed[:, :t], mask[:, :t]) and not torch.isclose(changed[:, t], mask[:, t]).all()


@pytest.mark.parametrize("size, low, high", [("s", 50_000, 66_000), ("m", 180_000, 200_000), ("l", 900_000, 1_200_000)])
def test_sizes(size, low, high):
    """About 60 k, 200 k and 1 M parameters at 257 bins; the headline student has at most 200 k. Bands are no parameters."""
    assert low <= sum(p.numel() for p in BandCRN(257, **SIZES[size]).parameters()) <= high


@pytest.mark.parametrize("size", SIZES)
def test_configs_say_their_size(size):
    path = STUDENTS / f"bandcrn-{size}.yaml"
    said = re.search(r"of (?:about )?([\d.]+) (k|M) parameters", path.read_text().splitlines()[0])
    params = sum(p.numel() for p in BandCRN(257, **SIZES[size]).parameters())
    assert params == pytest.approx(float(said[1]) * {"k": 1e3, "M": 1e6}[said[2]], rel=0.02)
    assert read_yaml(path)["separator_conf"]["size"] == size
