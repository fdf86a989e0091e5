"""Acoustic tokens frame by frame."""

import numpy as np

from kdse.report.place import committed
from kdse.report.plots.tokens import plot_tokens
from kdse.report.read import read_results
from kdse.tokens.codebook import write_tokens


def test_token_strips(recipe, tmp_path):
    """Drawn from the files of stage 8 for the systems that have them; nothing where there are none."""
    results, out = read_results(committed(recipe)), tmp_path / "tokens.png"
    assert not plot_tokens(results, tmp_path / "exp", "test_noisy", out) and not out.exists()
    for folder, tokens in {
        "tokens/clean_test_noisy": [0, 1, 2, 2],
        "mct_noisy_seed0/decode/mct_noisy_seed0/test_noisy": [0, 3, 1, 2],
        "kd_dccrn-s_seed0/decode/mct_noisy_seed0/test_noisy": [0, 1, 1, 2],
    }.items():
        (tmp_path / "exp" / folder).mkdir(parents=True)
        write_tokens(tmp_path / "exp" / folder / "tokens", {f"u1__hum__{snr}dB": np.array(tokens) for snr in (0, 5)})
    assert plot_tokens(results, tmp_path / "exp", "test_noisy", out) and out.read_bytes().startswith(b"\x89PNG")
