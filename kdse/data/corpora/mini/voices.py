"""Who speaks in `mini`. Nobody of dev or test is heard in training: neither the same voice nor the same mix of voices."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kdse.data.corpora.mini.tts import Voice


@dataclass(frozen=True)
class Speaker:
    """A speaker: name (the beginning of the utterance ids), split, voice."""

    name: str
    split: str
    voice: Voice


# split: (pitch, tract, melody, tilt, speed) of each speaker made from hibari's voice, whose own F0 is about 200 Hz
_HIBARI = {
    "train": (
        (0.50, 0.87, 1.0, -0.5, 0.88),
        (0.53, 0.83, 0.8, 0.5, 0.96),
        (0.56, 0.90, 1.2, 0.0, 0.92),
        (0.59, 0.85, 0.9, -1.0, 0.85),
        (0.62, 0.93, 1.0, 1.0, 0.99),
        (0.65, 0.88, 1.1, -0.5, 0.90),
        (0.68, 0.95, 0.7, 0.5, 0.94),
        (0.72, 0.91, 1.0, 0.0, 1.01),
        (0.78, 0.97, 1.2, -1.0, 0.87),
        (0.83, 0.93, 0.9, 0.5, 0.92),
        (0.88, 1.02, 1.0, 0.0, 0.97),
        (0.92, 0.96, 1.1, 1.0, 0.85),
        (0.96, 1.05, 0.8, -0.5, 0.92),
        (1.00, 0.99, 1.0, 0.0, 0.89),
        (1.04, 1.08, 1.2, 0.5, 0.98),
        (1.08, 1.01, 0.9, -1.0, 0.92),
        (1.13, 1.10, 1.0, 0.0, 0.86),
        (1.18, 1.04, 1.1, 1.0, 0.95),
        (1.25, 1.13, 0.8, 0.0, 0.90),
        (1.35, 1.17, 1.0, -0.5, 0.92),
    ),
    "dev": ((0.57, 0.88, 1.1, 0.5, 0.94), (1.06, 1.04, 0.9, -0.5, 0.90)),
    "test": ((0.61, 0.87, 0.9, 0.0, 0.90), (0.98, 1.02, 1.1, 0.5, 0.95)),
}
# split: the mixes of Kokoro's style tables, the tempo, and the factors by which each is shifted into a speaker of its own
_KOKORO = {
    "train": (
        ((("jf_alpha", 1.0),), 1.0, (0.88, 1.0, 1.1)),
        ((("jm_kumo", 1.0),), 1.0, (0.9, 1.0, 1.12)),
        ((("jf_gongitsune", 1.0),), 1.1, (0.88, 0.96, 1.06)),
    ),
    "dev": (((("jf_alpha", 0.5), ("jf_gongitsune", 0.5)), 1.05, (1.0,)),),
    "test": (
        ((("jf_gongitsune", 0.5), ("jf_tebukuro", 0.5)), 1.1, (1.0,)),
        ((("jm_kumo", 0.7), ("jf_tebukuro", 0.3)), 1.0, (1.0,)),
    ),
}


def _speakers() -> Iterator[Speaker]:
    voices = []
    for split, rows in _HIBARI.items():
        for pitch, tract, melody, tilt, speed in rows:
            voices.append(("h", split, Voice((), pitch, tract, melody, tilt, speed=speed)))
    for split, rows in _KOKORO.items():
        for mix, speed, shifts in rows:
            voices += [("k", split, Voice(mix, speed=speed, shift=shift)) for shift in shifts]
    count: Counter[str] = Counter()
    for kind, split, voice in voices:
        count[kind] += 1
        yield Speaker(f"{kind}{count[kind]:02d}", split, voice)


SPEAKERS = tuple(_speakers())
