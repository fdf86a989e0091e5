"""The student: causal, complex, bounded, of the sizes it claims."""

import re
from pathlib import Path

import pytest
import torch

from kdse.core.files import read_yaml
from kdse.nets.dccrn import DCCRN, SIZES, ComplexConv

STUDENTS = Path(__file__).resolve().parents[2] / "conf" / "student"
SMALL = {"bins": 33, "channels": (2, 3, 4), "units": 5}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def lived_in(net: DCCRN) -> DCCRN:
    """A network in eval mode whose batch normalisation has seen data, so that eval mode is not the identity."""
    torch.manual_seed(1)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, mean=0.1, std=0.2)
    net.train()(noise(2, 20, SMALL["bins"], seed=9))
    return net.eval()


@pytest.fixture
def net() -> DCCRN:
    return lived_in(DCCRN(**SMALL))


@pytest.mark.parametrize("t", [1, 6, 11])
@torch.no_grad()
def test_no_frame_sees_a_later_one(net, t):
    """Changing frames from t on, even to NaN, changes no bit of the mask before t, and does change the mask from t on."""
    past, future = noise(2, 12, 33), noise(2, 12, 33, seed=1)
    mask = net(past)
    for other in (future, torch.full_like(past, torch.nan)):
        changed = net(torch.cat([past[:, :t], other[:, t:]], 1))
        assert torch.equal(changed[:, :t], mask[:, :t])
        assert not torch.isclose(changed[:, t], mask[:, t]).all()


@torch.no_grad()
def test_a_prefix_has_the_masks_of_the_whole(net):
    spectrum = noise(1, 12, 33)
    torch.testing.assert_close(net(spectrum[:, :5]), net(spectrum)[:, :5], rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_past_counts(net):
    """The first frame reaches the last mask through the recurrent layers."""
    spectrum, other = noise(1, 12, 33), noise(1, 12, 33)
    other[:, 0] *= 3
    assert not torch.equal(net(spectrum)[:, -1], net(other)[:, -1])


@torch.no_grad()
def test_items_of_a_batch_do_not_meet_in_eval_mode(net):
    batch = noise(3, 7, 33)
    for item, mask in zip(batch, net(batch), strict=True):
        torch.testing.assert_close(net(item[None])[0], mask, rtol=0, atol=1e-5)


@pytest.mark.parametrize("level", [1e-6, 1.0, 1e3])
@torch.no_grad()
def test_the_mask_never_amplifies(net, level):
    net.last.bias.mul_(30)  # deep into saturation of tanh
    assert net(level * noise(2, 9, 33)).abs().max() <= 1 + 1e-6
    net.last.bias.zero_()
    assert net(level * noise(2, 9, 33)).abs().max() < 1


@torch.no_grad()
def test_silence_and_single_frames_are_finite(net):
    assert torch.isfinite(torch.view_as_real(net(torch.zeros(1, 4, 33, dtype=torch.complex64)))).all()
    assert net(noise(1, 1, 33)).shape == (1, 1, 33)


@torch.no_grad()
def test_levels_are_compressed(net):
    """|X|^0.3 with the phase kept: 40 dB more at the input are 12 dB more at the first convolution."""
    seen = []
    net.encoder[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    spectrum = noise(1, 6, 33) + 3
    net(spectrum), net(100 * spectrum)
    torch.testing.assert_close(seen[1], 100**0.3 * seen[0])
    as_complex = torch.complex(seen[0][:, 0], seen[0][:, 1])
    torch.testing.assert_close(as_complex.abs(), spectrum.abs() ** 0.3)
    torch.testing.assert_close(as_complex.angle(), spectrum.angle())


@pytest.mark.parametrize("bins", [257, 129])
@pytest.mark.parametrize("size", SIZES)
@torch.no_grad()
def test_shapes(size, bins):
    mask = DCCRN(bins, **SIZES[size]).eval()(noise(2, 3, bins))
    assert mask.shape == (2, 3, bins) and mask.dtype == torch.complex64


@torch.no_grad()
def test_a_fresh_network_lets_speech_through():
    """Its mask lies around tanh(1) = 0.76, so that training does not begin with silence."""
    torch.manual_seed(0)
    mask = DCCRN(257, **SIZES["m"])(noise(2, 20, 257))
    assert 0.4 < mask.real.mean() < 0.9 and mask.imag.mean().abs() < 0.2


@pytest.mark.parametrize("size, low, high", [("s", 55_000, 66_000), ("m", 190_000, 200_000), ("l", 900_000, 1_100_000)])
def test_sizes(size, low, high):
    """About 60 k, 200 k and 1 M parameters at 257 bins; the headline student has at most 200 k."""
    assert low <= sum(p.numel() for p in DCCRN(257, **SIZES[size]).parameters()) <= high


@pytest.mark.parametrize("size", SIZES)
def test_configs_say_their_size(size):
    """The number in the first line of conf/student/dccrn-*.yaml is the network's."""
    path = STUDENTS / f"dccrn-{size}.yaml"
    number, unit = re.search(r"([\d.]+) ([kM]) parameters", path.read_text(encoding="utf-8")).groups()
    count = sum(p.numel() for p in DCCRN(257, **SIZES[read_yaml(path)["separator_conf"]["size"]]).parameters())
    assert count == pytest.approx(float(number) * {"k": 1e3, "M": 1e6}[unit], rel=0.1 if unit == "M" else 0.01)


def test_bins_that_do_not_halve_are_refused():
    with pytest.raises(ValueError, match="200 bins do not halve 5 times: bins - 1 must be a multiple of 32"):
        DCCRN(200, **SIZES["m"])


def test_complex_convolution():
    """y[o,t,f] = b[o] + Σ_{i,k,j} W[o,i,k,j]·x[i, t−1+k, 2f−1+j], complex, zeros outside: kernel 2 in time, 3 in frequency."""
    conv, x, weight, bias = complex_case(transposed=False)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 0))
    windows = padded.unfold(2, 2, 1).unfold(3, 3, 2)  # (B, I, T, F', 2, 3)
    expected = torch.einsum("oikj,bitfkj->botf", weight, windows) + bias[:, None, None]
    torch.testing.assert_close(as_complex(conv(stacked(x))), expected)
    assert expected.shape == (2, 4, 5, 5)


def test_transposed_complex_convolution():
    """y[o, t+k, 2f−1+j] += W[i,o,k,j]·x[i,t,f], without the frame after the last: the adjoint of the convolution's geometry."""
    conv, x, weight, bias = complex_case(transposed=True)
    full = torch.zeros(2, 4, 6, 19, dtype=torch.complex64)
    for k in range(2):
        for j in range(3):
            full[:, :, k : k + 5, j : j + 17 : 2] += torch.einsum("io,bitf->botf", weight[:, :, k, j], x)
    expected = full[:, :, :5, 1:-1] + bias[:, None, None]
    torch.testing.assert_close(as_complex(conv(stacked(x))), expected)
    assert expected.shape == (2, 4, 5, 17)


def complex_case(transposed: bool):
    torch.manual_seed(0)
    conv = ComplexConv(3, 4, transposed)
    torch.nn.init.normal_(conv.bias)
    weight = torch.complex(conv.real.detach(), conv.imag.detach())
    bias = torch.complex(*conv.bias.detach().chunk(2))
    return conv.requires_grad_(False), noise(2, 3, 5, 9), weight, bias


def stacked(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x.real, x.imag], 1)


def as_complex(y: torch.Tensor) -> torch.Tensor:
    return torch.complex(*y.chunk(2, 1))


def test_gradient_reaches_every_parameter(net):
    """In eval mode: batch statistics would swallow the biases before them."""
    (net(noise(2, 8, 33)) - noise(2, 8, 33, seed=2)).abs().square().mean().backward()
    for name, parameter in net.named_parameters():
        assert torch.isfinite(parameter.grad).all() and parameter.grad.abs().max() > 0, name


def test_gradient_is_finite_where_a_spectrum_is_silent():
    net = DCCRN(**SMALL)
    spectrum = noise(2, 8, 33)
    spectrum[:, 3:] = 0
    spectrum.requires_grad_(True)
    (spectrum * net(spectrum)).abs().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())
    assert torch.isfinite(torch.view_as_real(spectrum.grad)).all()
