"""Self-supervised networks as a recogniser's features; how they train and teach is in tests/training/test_backends.py."""

import pytest
import torch

from kdse.plugin.ssl import SSLFrontend
from tests.plugin.tiny_ssl import NETWORKS


@pytest.mark.parametrize("name", ["by layer", "wavlm"])
@pytest.mark.parametrize("layer", [0, 1])
def test_features_do_not_depend_on_what_stands_beside(name, layer):
    """Also of WavLM, which takes no mask in torchaudio."""
    model, conf = NETWORKS[name]
    torch.manual_seed(0)
    frontend = SSLFrontend(model, layer=layer, model_conf=conf).eval()
    waves = 0.1 * torch.randn(2, 8000)
    waves[1, 6000:] = 7.0
    with torch.no_grad():
        both, frames = frontend(waves, torch.tensor([8000, 6000]))
        alone, count = frontend(waves[1:, :6000], torch.tensor([6000]))
    assert both.shape == (2, int(frames[0]), 12) and frames[1] == count[0] < frames[0]
    torch.testing.assert_close(both[1, : frames[1]], alone[0], rtol=1e-4, atol=1e-5)
