"""What makes training faster must not change what is learned: dropout's statistics, and exact decoding."""

import math

import pytest
import torch
from torch import nn

from kdse.plugin.fast_layers import (
    ByteDropout,
    DepthwiseConv,
    bf16_encoder,
    bf16_training,
    cheap_convolutions,
    cheap_dropout,
)
from kdse.plugin.load import load_backend

N = 1_000_003  # no multiple of 8


@pytest.mark.parametrize("p", [0.002, 0.1, 0.5, 0.9])
def test_keep_rate_and_expectation(p):
    """p rounded to 1/256; the rate of kept elements and the mean of the output lie within four standard errors."""
    torch.manual_seed(0)
    drop, rounded = ByteDropout(p).train(), round(256 * p) / 256
    out = drop(torch.ones(N))
    kept = (out != 0).double().mean().item()
    error = math.sqrt(rounded * (1 - rounded) / N)
    assert abs(rounded - p) <= 1 / 512 and abs(kept - (1 - rounded)) < 4 * error
    assert abs(out.double().mean().item() - 1) < 4 * error / (1 - rounded) + 1e-6
    assert out.unique().tolist() == pytest.approx([0, 1 / (1 - rounded)])


def test_bytes_of_a_draw_are_independent():
    """Each of the eight places in a draw drops at the same rate, and two neighbours together at its square."""
    torch.manual_seed(0)
    dropped = (ByteDropout(0.25).train()(torch.ones(8 * 100_000)) == 0).double().view(-1, 8)
    assert (dropped.mean(0) - 0.25).abs().max() < 4 * math.sqrt(0.25 * 0.75 / 100_000)
    for a, b in [(0, 1), (3, 4), (0, 7), (6, 7)]:
        assert abs((dropped[:, a] * dropped[:, b]).mean() - 0.0625) < 4 * math.sqrt(0.0625 * 0.9375 / 100_000)


def test_eval_mode_is_the_identity():
    x = torch.randn(5, 7)
    assert ByteDropout(0.3).eval()(x) is x or torch.equal(ByteDropout(0.3).eval()(x), x)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_extremes_are_torch_s(p):
    x = torch.randn(5, 7)
    assert torch.equal(ByteDropout(p).train()(x), nn.Dropout(p).train()(x))


def test_seed_shape_dtype_and_gradient():
    """Reproducible from torch's seed; the gradient passes where the value did, with the same factor."""
    drop = ByteDropout(0.4).train()
    x = torch.randn(3, 5, 7, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(1)
    out = drop(x)
    torch.manual_seed(1)
    assert torch.equal(out, drop(x)) and out.shape == x.shape and out.dtype == x.dtype
    out.sum().backward()
    torch.testing.assert_close(x.grad * x, out)
    assert drop(torch.ones(4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_all_dropout_is_replaced_and_no_parameter_renamed():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1), nn.ModuleDict({"a": nn.Dropout(0.2)}), nn.Dropout2d(0.3))
    names = list(net.state_dict())
    cheap_dropout(net)
    assert [type(m).__name__ for m in net.modules() if "Dropout" in type(m).__name__] == ["ByteDropout", "ByteDropout", "Dropout2d"]
    assert list(net.state_dict()) == names and net[1].p == 0.1


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "speech": 0.1 * torch.randn(2, 8000),
        "speech_lengths": torch.tensor([8000, 7000]),
        "text": torch.tensor([[2, 3], [4, -1]]),
        "text_lengths": torch.tensor([2, 1]),
    }


@torch.no_grad()
def test_bf16_training_leaves_eval_mode_exact(backend, batch):
    """Encoder, losses and statistics in eval mode have the bits of the untouched model."""
    plain, low = load_backend(backend)[0], load_backend(backend)[0]
    bf16_training(low)
    for a, b in zip(
        plain.encode(batch["speech"], batch["speech_lengths"]), low.encode(batch["speech"], batch["speech_lengths"]), strict=True
    ):
        assert torch.equal(a, b)
    a, b = (model(**batch) for model in (plain, low))
    assert torch.equal(a[0], b[0]) and a[1]["loss_ctc"] == b[1]["loss_ctc"]


def test_bf16_training_is_low_in_networks_and_exact_in_features(backend, batch):
    """In training the loss differs a little, while log-mel features keep every bit."""
    plain, low = load_backend(backend)[0], load_backend(backend)[0]
    bf16_training(low)
    exact = plain._extract_feats(batch["speech"], batch["speech_lengths"])[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(low._extract_feats(batch["speech"], batch["speech_lengths"])[0], exact)
    for model in (plain, low):
        model.train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    a, b = (model(**batch)[0] for model in (plain, low))
    assert a != b and b.item() == pytest.approx(a.item(), rel=0.02)
    b.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in low.parameters())


@pytest.mark.parametrize(
    "conv, kind",
    [
        (nn.Conv1d(6, 10, 1), nn.Conv1d),
        (nn.Conv1d(6, 6, 15, padding=7, groups=6), DepthwiseConv),
        (nn.Conv1d(6, 12, 3, padding=2, stride=2, dilation=2, groups=6, bias=False), DepthwiseConv),
        (nn.Conv1d(6, 6, 3, padding=1), nn.Conv1d),
        (nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d),
        (nn.Conv1d(6, 6, 3, padding="same", groups=6), nn.Conv1d),
        (nn.Conv1d(6, 6, 3, padding=1, groups=6, padding_mode="circular"), nn.Conv1d),
    ],
    ids=["pointwise", "depthwise", "strided", "full", "two-dimensional", "same", "circular"],
)
def test_cheap_convolutions_are_the_same_convolutions(conv, kind):
    """Values and gradients, of the input and of the weights."""
    x = torch.randn(2, 6, 20, generator=torch.Generator().manual_seed(0))
    x = x[:, None] if type(conv) is nn.Conv2d else x
    found = []
    for cheap in (False, True):
        if cheap:
            cheap_convolutions(conv)
            assert type(conv) is kind
        a = x.clone().requires_grad_(True)
        y = conv(a)
        conv.zero_grad()
        y.square().sum().backward()
        found.append((y.detach(), a.grad, conv.weight.grad))
    for plain, quick in zip(*found, strict=True):
        torch.testing.assert_close(plain, quick, rtol=1e-4, atol=1e-5)


def heard(asr: nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """What the encoder gives in eval mode, and a weighted sum's gradient in the waveform."""
    wave = batch["speech"].clone().requires_grad_(True)
    out = asr.eval().requires_grad_(False).encode(wave, batch["speech_lengths"])[0]
    out = (out[0] if isinstance(out, tuple) else out).float()
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    return out.detach(), wave.grad


def test_an_encoder_held_in_bf16_hears_the_same(backend, batch):
    """Latents within 1 % of their power, gradients in the same direction; features and CTC layer keep their precision."""
    (a, b), low = heard(load_backend(backend)[0], batch), load_backend(backend)[0]
    bf16_encoder(low)
    assert {p.dtype for p in low.encoder.parameters()} == {torch.bfloat16} and low.ctc.ctc_lo.weight.dtype == torch.float32
    c, d = heard(low, batch)
    assert not torch.equal(a, c) and (a - c).square().mean() < 0.01 * a.square().mean()
    assert torch.cosine_similarity(b.flatten(), d.flatten(), 0) > 0.98


def test_a_frozen_recogniser_in_bf16_has_a_loss(backend, batch):
    """L_ASR of d4am: what lies behind the encoder is in float32."""
    exact, low = (load_backend(backend)[0].requires_grad_(False) for _ in range(2))
    bf16_encoder(low)
    a, b = (float(asr(**batch)[0]) for asr in (exact, low))
    assert a == pytest.approx(b, rel=0.02)


def test_a_self_conditioned_encoder_in_bf16(asr_model, batch):
    """Intermediate CTC, fed back into the next layer, leaves the encoder and comes back."""
    conditioned = {"interctc_layer_idx": [1], "interctc_use_conditioning": True}
    a, b = heard(asr_model("conformer", cnn_module_kernel=3, **conditioned), batch)
    low = asr_model("conformer", cnn_module_kernel=3, **conditioned)
    bf16_encoder(low)
    c, d = heard(low, batch)
    assert (a - c).square().mean() < 0.01 * a.square().mean() and torch.cosine_similarity(b.flatten(), d.flatten(), 0) > 0.95


def test_a_backend_s_step_is_the_same(backend, batch):
    """Loss and gradients of every weight, with ESPnet's own convolutions and with the cheap ones."""
    found = []
    for cheap in (False, True):
        model = load_backend(backend)[0].train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        if cheap:
            cheap_convolutions(model)
            assert any(isinstance(module, DepthwiseConv) for module in model.modules())
        loss = model(**batch)[0]
        loss.backward()
        found.append({"loss": loss.detach()} | {name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    for name in found[0]:
        torch.testing.assert_close(found[1][name], found[0][name], rtol=1e-3, atol=1e-4, msg=name)


def test_a_backend_s_optimiser_is_fused_unless_the_yaml_says_otherwise(backend):
    import argparse

    from kdse.core.files import read_yaml
    from kdse.plugin.task import MixingASRTask

    config = read_yaml(backend / "train.yaml")
    for conf, fused in (({}, True), ({"fused": False}, False), ({"foreach": True}, None)):
        args = argparse.Namespace(**{**vars(MixingASRTask.get_parser().parse_args([])), **config, "optim_conf": {"lr": 0.1} | conf})
        (optimiser,) = MixingASRTask.build_optimizers(args, nn.Linear(2, 2))
        assert optimiser.defaults["fused"] is fused and optimiser.defaults["lr"] == 0.1
        assert args.optim_conf == {"lr": 0.1} | conf  # what is recorded is what was asked for
