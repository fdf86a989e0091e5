"""An encoder whose matrix products oneDNN computes hears what it heard before, and keeps what it has learned."""

import pytest
import torch
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet2.asr.encoder.vgg_rnn_encoder import VGGRNNEncoder
from torch import nn

from kdse.plugin.frozen_encoder import PackedLinear, PackedPointwise, RelativeAttention, pack_encoder

SMALL = {"output_size": 16, "attention_heads": 2, "linear_units": 24, "num_blocks": 2}
ENCODERS = {
    "conformer": {"cnn_module_kernel": 3, "macaron_style": True, "rel_pos_type": "latest"},
    "transformer": {},
    "e_branchformer": {"cgmlp_linear_units": 16, "cgmlp_conv_kernel": 3},
}


def latents(asr: nn.Module) -> torch.Tensor:
    wave = 0.1 * torch.randn(3, 9000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return asr.eval().encode(wave, torch.full((3,), 9000))[0]


@pytest.mark.parametrize("name", ENCODERS)
def test_latents_differ_by_rounding(asr_model, name):
    """In a thousandth of a per cent; no plain product is left, parameters have their names and values."""
    asr = asr_model(name, **SMALL | ENCODERS[name])
    before, state = latents(asr), {key: value.clone() for key, value in asr.state_dict().items()}
    pack_encoder(asr.encoder)
    kinds = {type(module) for module in asr.encoder.modules()}
    assert PackedLinear in kinds and nn.Linear not in kinds
    assert (PackedPointwise in kinds) == (name == "conformer") and (RelativeAttention in kinds) == (name != "transformer")
    torch.testing.assert_close(latents(asr), before, rtol=1e-4, atol=1e-5)
    assert list(asr.state_dict()) == list(state) and all(torch.equal(asr.state_dict()[key], state[key]) for key in state)


def test_utterances_of_several_lengths(asr_model):
    """Attention of a padded batch is ESPnet's own, mask and all."""
    asr = asr_model("conformer", **SMALL | ENCODERS["conformer"])
    wave, lengths = 0.1 * torch.randn(2, 9000, generator=torch.Generator().manual_seed(0)), torch.tensor([9000, 5000])
    with torch.inference_mode():
        before = asr.eval().encode(wave, lengths)[0]
        pack_encoder(asr.encoder)
        torch.testing.assert_close(asr.encode(wave, lengths)[0], before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.GELU(), nn.GELU("tanh"), nn.Tanh()])
def test_activations(activation):
    """Those that oneDNN knows are computed with the product, in both of GELU's forms; others stay where they were."""
    layer = PositionwiseFeedForward(6, 10, 0.0, activation).eval()
    x = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = layer(x)
        pack_encoder(layer)
        torch.testing.assert_close(layer(x), before)
    assert (type(layer.activation) is nn.Identity) == (type(activation) is not nn.Tanh)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (3, 40)], ids=str)
def test_any_number_of_frames(shape):
    """One frame, one utterance, and products without a bias."""
    products = nn.Sequential(nn.Linear(6, 10, bias=False), nn.Linear(10, 4))
    x = torch.randn(*shape, 6, generator=torch.Generator().manual_seed(0))
    pointwise = nn.Conv1d(6, 4, 1)
    with torch.inference_mode():
        before, also = products(x), pointwise(x.transpose(1, 2))
        packed = nn.ModuleList([products, pointwise])
        pack_encoder(packed)
        torch.testing.assert_close(products(x), before)
        torch.testing.assert_close(pointwise(x.transpose(1, 2)), also)
        torch.testing.assert_close(pointwise(x[0].T), also[0])


@pytest.mark.parametrize(
    "conv", [nn.Conv1d(4, 4, 3), nn.Conv1d(4, 4, 1, stride=2), nn.Conv1d(4, 4, 1, groups=4), nn.Conv1d(4, 4, 1, padding=1)], ids=str
)
def test_wider_convolutions_stay(conv):
    pack_encoder(conv)
    assert type(conv) is nn.Conv1d


def test_other_precisions_and_machines_stay(monkeypatch):
    """What is not in float32, and a torch without these kernels."""
    for layer in (nn.Linear(4, 4).double(), nn.Linear(4, 4).bfloat16()):
        pack_encoder(layer)
        assert type(layer) is nn.Linear
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    layer = nn.Linear(4, 4)
    pack_encoder(layer)
    assert type(layer) is nn.Linear


def test_a_recurrent_encoder_gives_the_same_each_time():
    """ESPnet's own drops units between its layers while it listens; in training it still does."""
    encoder = VGGRNNEncoder(20, num_layers=2, hidden_size=8, output_size=8, dropout=0.5)
    x, lengths = torch.randn(2, 40, 20, generator=torch.Generator().manual_seed(0)), torch.tensor([40, 40])
    assert not torch.equal(*(encoder.train()(x, lengths)[0] for _ in range(2)))
    assert torch.equal(*(encoder.eval()(x, lengths)[0] for _ in range(2)))
    rnn = encoder.enc[1]
    rnn.dropout = 0.25
    assert rnn.dropout == 0 and rnn.train().dropout == 0.25


def test_a_product_that_layers_share_keeps_to_itself():
    """Each of them computes its own activation."""
    layers = nn.ModuleList(PositionwiseFeedForward(6, 10, 0.0, activation) for activation in (nn.ReLU(), nn.GELU()))
    layers[1].w_1 = layers[0].w_1
    x = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = [layer(x) for layer in layers]
        pack_encoder(layers)
        assert type(layers[0].w_1) is PackedLinear
        for layer, expected in zip(layers, before, strict=True):
            torch.testing.assert_close(layer(x), expected)


def test_weights_that_a_hook_makes_anew_are_not_kept():
    layer = nn.utils.weight_norm(nn.Linear(6, 10))
    pack_encoder(layer)
    assert type(layer) is nn.Linear
