"""What is asked of the processor."""

import torch

from kdse.core.devices import has_bf16


def test_has_bf16_says_what_the_processor_says(monkeypatch):
    for able in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: {"avx512_bf16": able})
        assert has_bf16() is able
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not has_bf16() and not has_bf16("meta")
