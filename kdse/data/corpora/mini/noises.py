"""Noises made by signal processing for the corpus `mini`; some kinds are heard in testing only.

A kind is a function of a generator, a length and a split that returns (N,) samples at 16 kHz at any level; KINDS says in which
splits it is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.core.atomic import atomic_path
from kdse.core.parallel import in_processes
from kdse.data.audio import RATE
from kdse.data.corpora.mini.babble import talkers
from kdse.data.mix import rng_for
from kdse.data.noise import Noise
from kdse.data.synthesis import at_level, octave_around, over_floor, put, ring, shape, slow

LEVEL_DB = -26.0
"""RMS of every noise in dB of full scale."""
Rng = np.random.Generator


@dataclass(frozen=True)
class NoisePlan:
    """How many noises of each kind there are, and how long one is in seconds."""

    train: int = 4
    dev: int = 1
    test: int = 3
    seconds: float = 16.0


def make_noises(folder: Path, plan: NoisePlan, nj: int, seed: int = 0) -> list[Noise]:
    """Write folder/<noise_id>.flac for every noise of the plan that is not there yet; return them all, sorted by id.

    A noise is the same whatever else is made, and in whatever order.
    """
    noises = [
        Noise(f"{kind}_{split}{i}", split, kind, str(folder / f"{kind}_{split}{i}.flac"))
        for kind, (_, splits) in KINDS.items()
        for split in splits
        for i in range(1, getattr(plan, split) + 1)
    ]
    jobs = [(noise, round(plan.seconds * RATE), seed) for noise in noises if not Path(noise.path).exists()]
    for _ in in_processes(_make, jobs, nj, "make noises"):
        pass
    return sorted(noises, key=lambda noise: noise.noise_id)


def _make(job: tuple[Noise, int, int]) -> None:
    import soundfile

    noise, length, seed = job
    with atomic_path(noise.path) as part:
        soundfile.write(part, synthesise(noise.category, noise.split, noise.noise_id, length, seed), RATE)


def synthesise(kind: str, split: str, noise_id: str, length: int, seed: int = 0) -> np.ndarray:
    """One noise, int16 (length,), with an RMS of LEVEL_DB unless its peaks would clip."""
    rng = rng_for("mini noise", seed, noise_id)
    return at_level(KINDS[kind][0](rng, length, split), LEVEL_DB)


def coloured(exponent: float) -> Callable[[Rng, int, str], np.ndarray]:
    """Noise whose power falls as 1/f^exponent above 40 Hz: 0 white, 1 pink, 2 brown."""
    return lambda rng, length, _split: shape(rng.standard_normal(length), lambda f: np.maximum(f, 40.0) ** (-exponent / 2))


def hum(rng: Rng, length: int, _split: str) -> np.ndarray:
    """A machine: harmonics of a slightly wandering rotation through random resonances, with its beat, over pink noise."""
    t = np.arange(length) / RATE
    base = rng.uniform(45, 190)
    wander = np.cumsum(1 + 0.01 * slow(rng, length, 0.5)) / RATE
    centres, widths = rng.uniform(150, 4500, 4), rng.uniform(80, 500, 4)
    x = np.zeros(length)
    for k in range(1, int(6000 / base)):
        resonance = 0.15 + np.exp(-(((k * base - centres) / widths) ** 2)).max()
        x += resonance * k**-0.6 * np.sin(2 * np.pi * k * base * wander + rng.uniform(0, 2 * np.pi))
    beat = 1 + rng.uniform(0.1, 0.6) * np.sin(2 * np.pi * rng.uniform(2, 14) * t) + 0.15 * slow(rng, length, 1.0)
    return over_floor(x * beat, coloured(1)(rng, length, ""), rng.uniform(-18, -8))


def traffic(rng: Rng, length: int, _split: str) -> np.ndarray:
    """A road: low rumble, and vehicles that pass, brighter while they are near."""
    t = np.arange(length) / RATE
    x = shape(rng.standard_normal(length), lambda f: 1 / (1 + (f / 120) ** 2))
    x /= np.sqrt(np.mean(x**2))
    for _ in range(rng.poisson(length / RATE / 3) + 1):
        near = rng.uniform(0, length / RATE)
        distance = np.sqrt(1 + ((t - near) / rng.uniform(0.4, 1.3)) ** 2)
        edge = rng.uniform(200, 500)
        engine = shape(rng.standard_normal(length), lambda f, edge=edge: 1 / (1 + (f / edge) ** 1.5))
        tyres = shape(rng.standard_normal(length), octave_around(rng.uniform(700, 1500)))
        for part, power in ((engine, 1.5), (tyres, 3.0)):
            x += rng.uniform(1, 2.5) * part / np.sqrt(np.mean(part**2)) / distance**power
    return x


def wind(rng: Rng, length: int, _split: str) -> np.ndarray:
    """Gusts: low-frequency noise that swells, its upper part more so."""
    gust = np.exp(0.9 * slow(rng, length, 0.7))
    low = shape(rng.standard_normal(length), lambda f: np.maximum(f, 30.0) ** -1.2)
    high = shape(rng.standard_normal(length), octave_around(rng.uniform(500, 900)))
    return low / low.std() * gust + rng.uniform(0.2, 0.6) * high / high.std() * gust**2


def clatter(rng: Rng, length: int, _split: str) -> np.ndarray:
    """Hard things touching: struck resonances in irregular succession, over a little pink noise."""
    x = np.zeros(length)
    for _ in range(rng.poisson(rng.uniform(5, 10) * length / RATE)):
        start, force = int(rng.integers(length)), rng.lognormal(0, 0.6)
        for _ in range(4):
            ring(x, start, rng.uniform(400, 6000), rng.uniform(0.004, 0.05), force * rng.normal())
    return over_floor(x, coloured(1)(rng, length, ""), rng.uniform(-18, -10))


def music(rng: Rng, length: int, _split: str) -> np.ndarray:
    """Chords, an arpeggio and a bass of plucked harmonics, with a shaker."""
    x = np.zeros(length)
    beat = 60 / rng.uniform(80, 140)
    root = rng.uniform(110, 220)
    major, minor = ([0, 4, 7], [7, 11, 14], [9, 12, 16], [5, 9, 12]), ([0, 3, 7], [8, 12, 15], [3, 7, 10], [10, 14, 17])
    chords = major if rng.random() < 0.5 else minor
    bright = rng.uniform(0.6, 1.4)
    for step in range(int(length / RATE / (beat / 2))):
        chord, start = chords[step // 8 % 4], int(step * beat / 2 * RATE)
        notes = [(chord[int(rng.integers(3))] + 12, 0.6, 0.35)]
        if step % 8 == 0:
            notes += [(note, 0.5, 1.2) for note in chord]
        if step % 4 == 0:
            notes.append((chord[0] - 12, 1.0, 0.8))
        for semitones, level, decay in notes:
            hertz = root * 2 ** (semitones / 12)
            for k in range(1, 1 + min(11, int(7000 / hertz))):
                ring(x, start, k * hertz, decay / k**0.5, level * k**-bright)
        put(x, 0.25 * rng.standard_normal(800) * np.exp(-np.arange(800) / 200), start)
    return x


def alarm(rng: Rng, length: int, _split: str) -> np.ndarray:
    """A siren (sweeping) or a signal (alternating or beeping) of a few harmonics, over a little pink noise."""
    t = np.arange(length) / RATE
    low, rate = rng.uniform(450, 900), rng.uniform(0.3, 3.5)
    high = low * rng.uniform(1.2, 2.2)
    turn = np.sin(2 * np.pi * rate * t)
    style = rng.choice(("sweep", "alternate", "beep"))
    hertz = low + (high - low) * (0.5 + 0.5 * turn if style == "sweep" else turn > 0)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    x = sum(rng.uniform(0.2, 1) / k * np.sin(k * phase) for k in range(1, 5))
    if style == "beep":
        x *= shape((turn > -0.3).astype(float), lambda f: 1 / (1 + (f / 60) ** 2))
    return over_floor(x, coloured(1)(rng, length, ""), rng.uniform(-20, -12))


def rain(rng: Rng, length: int, _split: str) -> np.ndarray:
    """Very many faint drops, and single ones that ring."""
    drops = rng.standard_normal(length) * (rng.random(length) < 0.15) * np.exp(0.4 * slow(rng, length, 0.4))
    x = shape(drops, octave_around(rng.uniform(2500, 4500), width=1.7))
    x /= x.std()
    for _ in range(rng.poisson(12 * length / RATE)):
        ring(x, int(rng.integers(length)), rng.uniform(900, 3500), rng.uniform(0.003, 0.02), rng.lognormal(0.5, 0.7))
    return x


KINDS: dict[str, tuple[Callable[[Rng, int, str], np.ndarray], tuple[str, ...]]] = {
    "white": (coloured(0), ("train", "dev")),
    "pink": (coloured(1), ("train", "dev")),
    "brown": (coloured(2), ("train", "dev")),
    "hum": (hum, ("train", "dev")),
    "traffic": (traffic, ("train", "dev")),
    "wind": (wind, ("train", "dev")),
    "clatter": (clatter, ("train", "dev")),
    "babble": (talkers(6), ("train", "dev")),
    "crowd": (talkers(4), ("test",)),
    "music": (music, ("test",)),
    "alarm": (alarm, ("test",)),
    "rain": (rain, ("test",)),
}
