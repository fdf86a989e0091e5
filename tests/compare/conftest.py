"""A small folder of recordings: bursts of a buzz in white noise, with clean ones and a text."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.bench.noisy_speech import buzz

RATE = 16000
WORDS = {"a": "one two", "b": "three", "c": "four five six"}


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


@pytest.fixture
def mine(tmp_path) -> Path:
    """noisy/, clean/ and text of three recordings of 1.0, 1.5 and 2.0 s."""
    folder, rng = tmp_path / "mine", np.random.default_rng(0)
    for number, key in enumerate(WORDS):
        clean = 0.05 * buzz(RATE + number * RATE // 2)
        write(folder / "clean" / f"{key}.wav", clean)
        write(folder / "noisy" / f"{key}.wav", clean + 0.02 * rng.standard_normal(len(clean)))
    (folder / "text").write_text("".join(f"{key} {words}\n" for key, words in WORDS.items()))
    return folder
