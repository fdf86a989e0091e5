"""The backends of conf/asr are ESPnet models of the size they say, and can be swapped by name."""

from pathlib import Path

import pytest
import torch

from kdse.config import read_config
from kdse.plugin.task import MixingASRTask

CONF = Path(__file__).resolve().parents[2] / "conf" / "asr"
UNITS = 90
BACKENDS = [("conformer", 3.5), ("transformer", 4.4), ("e_branchformer", 4.1), ("rnn", 3.8), ("transducer", 3.7)]


@pytest.mark.parametrize("name, millions", BACKENDS)
def test_a_backend_of_the_size_its_config_says(name, millions):
    """Built by ESPnet; a second of noise and three tokens give a finite loss and gradients for every parameter."""
    config = read_config(CONF / f"{name}.yaml")
    parser = MixingASRTask.get_parser()
    args = parser.parse_args(["--output_dir", "unused"])
    for key, value in config.items():
        if key not in ("kdse_tokens", "mix_conf"):
            assert hasattr(args, key), key
            setattr(args, key, value)
    args.token_list = ["<blank>", "<unk>", *(f"t{i}" for i in range(UNITS - 3)), "<sos/eos>"]
    torch.manual_seed(0)
    model = MixingASRTask.build_model(args)
    assert f"{millions} M" in (CONF / f"{name}.yaml").read_text()
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.1)
    speech = 0.1 * torch.randn(2, 16000)
    loss, _, _ = model(speech, torch.tensor([16000, 16000]), torch.tensor([[2, 3, 4]] * 2), torch.tensor([3, 3]))
    loss.backward()
    assert torch.isfinite(loss)
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
