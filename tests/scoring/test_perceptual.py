"""PESQ: what it aligns away, and that the faster transforms and rounded denormals change nothing."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from kdse.scoring import perceptual
from kdse.scoring.perceptual import no_denormals, pesq
from kdse.scoring.quality import quality
from kdse.scoring.ratios import si_sdr


def test_a_delay_ruins_si_sdr_while_pesq_aligns_it_away(speech_like, noisy):
    clean = speech_like()
    delayed = np.concatenate([np.zeros(80), clean[:-80]])  # 5 ms
    assert si_sdr(clean, delayed) < 10 < si_sdr(clean, noisy(clean, 0.001))
    assert pesq(clean, delayed) > 4


def test_pesq_with_the_faster_transforms_is_pesq(speech_like, noisy):
    """realfft.c changes the last bits of float32, nothing that a table shows."""
    if not list(Path(perceptual.__file__).parent.glob("_realfft*.so")):
        pytest.skip("kdse.scoring._realfft was not built; pesq's own transforms are in use")
    clean = speech_like(3.1)
    pairs = [(clean, noisy(clean, level)) for level in (0.001, 0.02, 0.1)]
    ours = [pesq(*pair, mode) for pair in pairs for mode in ("wb", "nb")]
    code = "import sys, json, numpy, pesq; a = numpy.load(sys.argv[1]); "
    code += "print(json.dumps([pesq.pesq(16000, a[0], e, m) for e in a[1:] for m in ('wb', 'nb')]))"
    with tempfile.NamedTemporaryFile(suffix=".npy") as f:
        np.save(f.name, np.stack([clean, *(estimate for _, estimate in pairs)]))
        plain = subprocess.run([sys.executable, "-c", code, f.name], capture_output=True, text=True, check=True).stdout
    assert ours == pytest.approx(json.loads(plain), abs=2e-4)
    assert ours != json.loads(plain)  # the last bits differ: it is not pesq's own transform that was called


def test_rounding_denormals_to_zero_changes_no_score_and_ends_with_its_block(speech_like, noisy):
    clean = speech_like()
    clean[len(clean) // 2 :] = 0  # digital silence, in which PESQ's filters ring down to denormals
    estimate = noisy(clean)
    estimate[len(clean) // 2 :] = 0
    plain = quality(clean, estimate, "u")
    with no_denormals():
        assert quality(clean, estimate, "u") == plain
    assert np.float32(1e-30) * np.float32(1e-10) > 0
