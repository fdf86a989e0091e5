"""What a processor can do."""

import torch


def has_bf16(device: torch.device | str = "cpu") -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.device(device).type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
