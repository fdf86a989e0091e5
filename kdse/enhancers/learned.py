"""A trained front end as a function of a waveform."""

from pathlib import Path

import numpy as np
import torch

from kdse.enhancers.classical import Enhancer
from kdse.plugin.load import load_front_end
from kdse.plugin.model import enhance


def trained_enhancer(run: Path) -> Enhancer:
    """The front end of a training run as a function of one float32 waveform (N,) in [−1, 1]."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, _ = load_front_end(run, device)

    def enhanced(noisy: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            wave = torch.from_numpy(noisy)[None].to(device)
            return enhance(model, wave, torch.tensor([wave.shape[1]], device=device))[0].cpu().numpy()

    return enhanced
