"""Babble: synthetic voices that talk at the same time, about other things than the corpus `mini` does."""

from collections.abc import Callable

import numpy as np

from kdse.data.audio import RATE
from kdse.data.corpora.mini.tts import TTS_RATE, Voice, speak, to_phonemes

BABBLERS = {
    "train": [(0.52, 0.87), (0.57, 0.92), (0.63, 0.85), (0.7, 0.95), (0.82, 0.97), (0.93, 1.02), (1.0, 0.95), (1.25, 1.12)],
    "dev": [(0.54, 0.94), (0.6, 0.88), (0.67, 0.9), (0.78, 1.0), (0.88, 0.94), (0.96, 1.06), (1.15, 1.1), (1.35, 1.16)],
    "test": [(0.5, 0.9), (0.59, 0.83), (0.66, 0.97), (0.85, 1.05), (0.98, 0.99), (1.12, 1.03), (1.3, 1.18)],
}
"""(pitch, tract) of the voices; no voice talks in two splits."""
TALK = (
    "WE LEFT THE HOUSE BEFORE SUNRISE AND WALKED ALONG THE RIVER",
    "THE OLD BRIDGE HAS BEEN CLOSED SINCE LAST WINTER",
    "MY SISTER BAKED A CAKE WITH APPLES AND CINNAMON",
    "NOBODY KNOWS WHERE THE CAT SLEEPS DURING THE DAY",
    "THE CONCERT WAS LONG BUT THE LAST PIECE WAS LOVELY",
    "COULD YOU PASS ME THE BREAD AND THAT LITTLE KNIFE",
    "OUR NEIGHBOUR IS PAINTING HIS FENCE GREEN AGAIN",
    "THEY ARGUED ABOUT THE MAP UNTIL IT BEGAN TO RAIN",
    "A GOOD TEACHER LISTENS LONGER THAN ANYBODY ELSE",
    "THE FERRY LEAVES WHEN THE LAST CAR IS ABOARD",
    "SHE FORGOT HER UMBRELLA IN THE MUSEUM CAFE",
    "WHOEVER PLANTED THESE TREES WAS A PATIENT PERSON",
)


def talkers(count: int) -> Callable[[np.random.Generator, int, str], np.ndarray]:
    """A kind of noise: `count` voices of a split."""

    def babble(rng: np.random.Generator, length: int, split: str) -> np.ndarray:
        x = np.zeros(length)
        for pitch, tract in rng.permutation(BABBLERS[split])[:count]:
            voice = Voice(pitch=pitch, tract=tract, melody=rng.uniform(0.7, 1.3), speed=rng.uniform(0.9, 1.15))
            x += 10 ** (rng.uniform(-4, 4) / 20) * _talk(rng, length, voice)
        return x

    return babble


def _talk(rng: np.random.Generator, length: int, voice: Voice) -> np.ndarray:
    """One voice without long pauses, RMS 1, starting somewhere within a sentence."""
    from scipy.signal import resample_poly

    said, total = [], 0
    start = int(rng.integers(TTS_RATE))
    while total < length * TTS_RATE / RATE + start:
        x = speak(to_phonemes(TALK[int(rng.integers(len(TALK)))]), voice)
        loud = np.flatnonzero(np.abs(x) > 0.02 * np.abs(x).max())
        said.append(x[loud[0] : loud[-1] + int(rng.uniform(0.05, 0.3) * TTS_RATE)])
        total += len(said[-1])
    x = resample_poly(np.concatenate(said)[start:], RATE // 8000, TTS_RATE // 8000)[:length].astype(np.float64)
    return x / np.sqrt(np.mean(x**2))
