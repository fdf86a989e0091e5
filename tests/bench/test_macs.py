"""Multiply-accumulates on numbers worked out by hand, by both counters; and both agree on the front ends we train."""

import argparse
import re

import pytest
import torch
from torch import nn

from kdse.bench.cost import whole
from kdse.bench.macs import by_layers, by_operations, disagreement


class Recurrent(nn.Module):
    """A recurrent layer somewhere inside of a network."""

    def __init__(self, layer: nn.RNNBase):
        super().__init__()
        self.inner = nn.Sequential(layer)

    def forward(self, x):
        return self.inner(x)[0]


X = torch.zeros(2, 7, 3)  # two utterances of seven frames of three values
IMAGE = torch.zeros(2, 3, 7, 9)
BY_HAND = {
    "linear": (nn.Linear(3, 5), X, 14 * 3 * 5),
    "conv, 4 channels of 6 × 4 from a kernel of 2 × 3": (
        nn.Conv2d(3, 4, (2, 3), stride=(1, 2)),
        IMAGE,
        2 * 4 * 6 * 4 * (3 * 2 * 3),
    ),
    "conv, each channel by itself": (nn.Conv1d(8, 8, 5, padding=2, groups=8), torch.zeros(1, 8, 10), 10 * 8 * 5),
    "transposed conv": (nn.ConvTranspose2d(3, 4, (2, 3), stride=(1, 2)), IMAGE, 2 * 3 * 7 * 9 * (4 * 2 * 3)),
    "LSTM of 5, 4 gates": (Recurrent(nn.LSTM(3, 5, batch_first=True)), X, 14 * 4 * 5 * (3 + 5)),
    "LSTM, two layers, both ways": (
        Recurrent(nn.LSTM(3, 5, 2, batch_first=True, bidirectional=True)),
        X,
        14 * 2 * 4 * 5 * ((3 + 5) + (10 + 5)),
    ),
    "GRU of 5, 3 gates": (Recurrent(nn.GRU(3, 5, batch_first=True)), X, 14 * 3 * 5 * (3 + 5)),
    "GRU, two layers": (Recurrent(nn.GRU(3, 5, 2, batch_first=True)), X, 14 * 3 * 5 * ((3 + 5) + (5 + 5))),
    "nothing but activations": (nn.Sequential(nn.ReLU(), nn.BatchNorm1d(7)), X, 0),
}


@pytest.mark.parametrize("count", [by_operations, by_layers])
@pytest.mark.parametrize("case", BY_HAND)
def test_by_hand(case, count):
    net, x, macs = BY_HAND[case]
    assert count(net.eval(), x)[""] == macs


def test_recurrent_layers_are_counted_once_a_call():
    """A layer that is called twice does twice the work, and its parents' counts have it too."""
    net = Recurrent(nn.Sequential(nn.LSTM(3, 3, batch_first=True))[0])
    twice = nn.Sequential(net, net)
    found = by_operations(twice, X)
    assert found[""] == by_layers(twice, X)[""] == 2 * 14 * 4 * 3 * 6
    assert found["0"] == found["0.inner"] == found["0.inner.0"] == found[""]


def built(**config) -> nn.Module:
    from espnet2.tasks.enh import EnhancementTask

    stft = {"n_fft": 512, "hop_length": 256}
    given = {"encoder": "stft", "encoder_conf": stft | {"use_builtin_complex": True}, "decoder": "stft", "decoder_conf": stft}
    defaults = EnhancementTask.get_default_config()
    return EnhancementTask.build_model(argparse.Namespace(**defaults | {"criterions": []} | given | config)).eval()


CONFORMER = {"num_spk": 1, "adim": 16, "aheads": 2, "layers": 2, "linear_units": 24, "conformer_enc_kernel_size": 3}
FRONT_ENDS = {
    "bandcrn": {"separator": "kdse_bandcrn", "separator_conf": {"channels": [3, 4], "units": 5}},
    "dccrn": {"separator": "kdse_dccrn", "separator_conf": {"channels": [2, 3, 4], "units": 5}},
    "conformer": {"separator": "conformer", "separator_conf": CONFORMER | {"normalize_before": True, "nonlinear": "sigmoid"}},
    "an RNN of ESPnet": {"separator": "rnn", "separator_conf": {"rnn_type": "gru", "num_spk": 1, "layer": 2, "unit": 6}},
}


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_counters_agree(name, monkeypatch):
    """To the last product: the layers' formulas know all that these do."""
    monkeypatch.setattr("sys.argv", ["pytest"])
    net, noisy = whole(built(**FRONT_ENDS[name])), torch.randn(1, 16000)
    a, b = by_operations(net, noisy), by_layers(net, noisy)
    assert a[""] == b[""] and disagreement(a, b) is None
    frames = 16000 // 256 + 1
    stft = frames * 1.25 * 512 * 9  # log2(512) = 9
    assert a["model.encoder"] == a["model.decoder"] == b["model.encoder"] == b["model.decoder"] == stft
    assert a[""] > 2 * stft + frames * 257


def test_a_real_mask_costs_half_of_a_complex_one(monkeypatch):
    monkeypatch.setattr("sys.argv", ["pytest"])
    for name, products in (("bandcrn", 2), ("dccrn", 4)):
        separator = built(**FRONT_ENDS[name]).separator
        spectrum = torch.randn(1, 10, 257, dtype=torch.complex64)
        for count in (by_operations, by_layers):
            found = count(separator, spectrum, torch.tensor([10]))
            assert found[""] - found["net"] == products * 10 * 257


def test_a_difference_is_traced_to_its_part():
    """A product that no formula of a layer knows."""

    class Secret(nn.Module):
        def forward(self, x):
            return x @ torch.ones(3, 400)

    net = nn.Sequential(nn.Linear(3, 3), nn.Sequential(Secret()), nn.Linear(400, 2))
    a, b = by_operations(net, X), by_layers(net, X)
    assert a[""] - b[""] == 14 * 3 * 400
    cause = disagreement(a, b)
    assert re.search(r"arises in '1\.0', where operations give 1\.68e\+04 and layers 0$", cause), cause
