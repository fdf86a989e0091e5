"""Room responses that are made: the direct sound, a few early reflections, and a tail of noise that dies away.

The tail's high tones die away sooner than its low ones. Everything about a room is drawn from its own key.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from kdse.core.atomic import atomic_dir
from kdse.core.parallel import in_processes
from kdse.data.audio import RATE
from kdse.data.mix import rng_for
from kdse.data.noise import SPLITS
from kdse.data.rirs import Rir
from kdse.data.synthesis import Rng, shape

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}
PEAK = 20000
"""The direct sound, in int16."""
TRAVEL = 40
"""Samples before the direct sound."""
CROSSOVER = 1500.0
"""Hz; above, the tail dies away sooner."""


@dataclass(frozen=True)
class Room:
    """What a room sounds like.

    Attributes:
        rt60: seconds in which the tail's low tones fall by 60 dB, 0.15 to 0.8.
        high: share of that time for its high tones.
        drr_db: power of the direct sound over that of all reflections, in dB.
        gap: seconds from the direct sound to the tail.
    """

    rt60: float
    high: float
    drr_db: float
    gap: float


def draw_room(rng: Rng) -> Room:
    """From a small furnished room near the microphone to a bare hall."""
    return Room(
        rt60=0.15 * (0.8 / 0.15) ** rng.random(),
        high=rng.uniform(0.4, 0.9),
        drr_db=rng.uniform(-3, 12),
        gap=rng.uniform(0.002, 0.015),
    )


def _below_crossover(hertz: np.ndarray) -> np.ndarray:
    return 1 / (1 + (hertz / CROSSOVER) ** 4)


def respond(rng: Rng, room: Room) -> np.ndarray:
    """One response, int16 (K,). The direct sound is its largest sample."""
    length = round(room.rt60 * RATE)
    t = np.arange(length) / RATE
    low = shape(rng.standard_normal(length), _below_crossover)
    high = shape(rng.standard_normal(length), lambda f: 1 - _below_crossover(f))
    later = low * 10 ** (-3 * t / room.rt60) + high * 10 ** (-3 * t / (room.rt60 * room.high))
    later[: round(room.gap * RATE)] = 0
    for _ in range(int(rng.integers(2, 8))):
        at = round(rng.uniform(room.gap, min(0.04, 0.5 * room.rt60)) * RATE)
        later[at] += rng.choice((-1, 1)) * rng.uniform(1, 4)
    later *= 10 ** (-room.drr_db / 20) / np.sqrt(np.sum(later**2))
    later = np.clip(later, -0.95, 0.95)
    return np.rint(PEAK * np.concatenate([np.zeros(TRAVEL), [1.0], later])).astype(np.int16)


def make_rooms(folder: Path, count: int, nj: int) -> list[Rir]:
    """Write about `count` responses as folder/<rir_id>.wav, no room in two splits; return them, sorted by id."""
    rirs = [
        Rir(f"room-{split}-{i:03d}", split, f"room-{split}-{i:03d}.wav")
        for split in SPLITS
        for i in range(1, max(1, round(SHARES[split] * count)) + 1)
    ]
    with atomic_dir(folder) as part:
        for _ in in_processes(_make, [(rir.rir_id, part / rir.path) for rir in rirs], nj, "make rooms"):
            pass
    return sorted((Rir(r.rir_id, r.split, str((folder / r.path).resolve())) for r in rirs), key=lambda rir: rir.rir_id)


def _make(job: tuple[str, Path]) -> None:
    rir_id, path = job
    rng = rng_for("general room", rir_id)
    soundfile.write(path, respond(rng, draw_room(rng)), RATE)
