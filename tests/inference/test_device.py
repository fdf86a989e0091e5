"""Where inference computes."""

import os

import pytest
import torch

from kdse.cli import main
from kdse.core.errors import UserError
from kdse.inference.device import use_device


def test_the_cpu_is_used_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    use_device(None)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    use_device(0)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("there", [False, True])
def test_a_gpu_that_is_asked_for_must_be_there(monkeypatch, there):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    if there:
        use_device(1)
    else:
        with pytest.raises(UserError, match="torch sees no GPU"):
            use_device(1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("verb", ["enhance-sets", "decode"])
def test_verbs_say_it(tmp_path, capsys, verb):
    assert main([verb, "--run", str(tmp_path / "mct_noisy"), "--sets", "dev", "--ngpu", "1"]) == 2
    assert capsys.readouterr().err.startswith(f"kdse {verb}: --ngpu 1: torch sees no GPU")
