"""Training noises that are made: by signal processing, of training speech (babble), and of clips too short to be used alone.

The functions of `mini`'s noises are used again, and two are added: noise of any colour, and clicks. Everything about a
noise is drawn from its own key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from kdse.core.atomic import atomic_dir
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import RATE
from kdse.data.corpora.mini import noises as mini
from kdse.data.corpus import Utterance
from kdse.data.datadir import check_speech
from kdse.data.level import active_power
from kdse.data.mix import rng_for
from kdse.data.noise import Noise, read_noise
from kdse.data.synthesis import Rng, at_level, octave_around, over_floor, ring, shape, slow

LEVEL_DB = -26.0
"""RMS of every noise in dB of full scale."""
SECONDS = (20.0, 30.0)
SHORT = 10.0
"""Clips below so many seconds are joined: played again and again, one dog's bark is learned by heart."""
JOINED = 25.0
FADE = 0.2
"""Seconds over which one clip goes into the next."""
TALKERS = (3, 8)
UTTERANCES = 12
"""How many of a talker's utterances are read for babble, at most."""


def tilted(rng: Rng, length: int, _split: str = "") -> np.ndarray:
    """Noise with any tilt of its spectrum, limits of its band and resonances, whose level wanders."""
    exponent, resonances = rng.uniform(-0.4, 2.4), [(rng.uniform(100, 6000), rng.uniform(-0.7, 1.2)) for _ in range(3)]
    low, high = 20 * 2 ** rng.uniform(0, 4.5), 8000 * 2 ** -rng.uniform(0, 2.5)

    def magnitude(hertz: np.ndarray) -> np.ndarray:
        response = np.maximum(hertz, 30.0) ** (-exponent / 2)
        response /= (1 + (low / np.maximum(hertz, 1.0)) ** 3) * (1 + (hertz / high) ** 6)
        for centre, height in resonances:
            response *= np.exp(height * octave_around(centre, 0.4)(hertz))
        return response

    wander = slow(rng, length, 10 ** rng.uniform(-1, 0.6))
    return shape(rng.standard_normal(length), magnitude) * 10 ** (rng.uniform(0, 8) / 20 * wander)


def clicks(rng: Rng, length: int, _split: str = "") -> np.ndarray:
    """Impulses from single to dense, alone and in bursts, each with a short resonance, over quiet noise."""
    x = np.zeros(length)
    for _ in range(1 + rng.poisson(10 ** rng.uniform(-0.3, 1.2) * length / RATE)):
        start, force, hertz = int(rng.integers(length)), rng.lognormal(0, 0.8), rng.uniform(300, 7000)
        for echo in range(int(rng.integers(1, 5))):
            at = start + int(echo * rng.uniform(0.01, 0.08) * RATE)
            if at < length:
                ring(x, at, hertz, rng.uniform(0.0003, 0.006), force * rng.normal())
    return over_floor(x, tilted(rng, length), rng.uniform(-30, -10))


KINDS: dict[str, Callable[[Rng, int, str], np.ndarray] | None] = {
    "tilted": tilted,
    "clicks": clicks,
    "hum": mini.hum,
    "clatter": mini.clatter,
    "traffic": mini.traffic,
    "wind": mini.wind,
    "rain": mini.rain,
    "music": mini.music,
    "babble": None,
}
"""{kind: function of a generator, a length and a split}; babble is made of speech."""
TURNS = ("tilted", "babble", "hum", "tilted", "babble", "clicks", "traffic", "tilted", "babble", "wind", "rain")
TURNS += ("tilted", "babble", "clatter", "music")
"""The kinds in the order in which they are made, again and again: as much of tilted noise and of babble as of all others."""


@dataclass(frozen=True)
class Plan:
    """One noise to be made.

    Args:
        noise: its id, kind and file.
        voices: for babble, the utterances of each talker.
        clips: the clips that are joined.
    """

    noise: Noise
    voices: Sequence[Sequence[Utterance]] = ()
    clips: Sequence[Noise] = ()


def make_noises(folder: Path, noises: Sequence[Noise], speech: Sequence[Utterance], count: int, nj: int) -> list[Noise]:
    """Make `count` noises, and join the short ones of split 'train'; write all of them as folder/<noise_id>.flac.

    Args:
        noises: those that are there.
        speech: training utterances, the talkers of babble.
    Returns: all noises, the joined ones in place of their clips, sorted by id.
    """
    short = [n for n in noises if n.split == "train" and _seconds(n) < SHORT]
    plans = [*plan_synthetic(speech, count), *plan_joined(short)]
    with atomic_dir(folder) as part:
        for _ in in_processes(_make, [(plan, part) for plan in plans], nj, "make noises"):
            pass
        lines = [f"{p.noise.noise_id}\t{clip.noise_id}\t{clip.licence}\t{clip.path}\n" for p in plans for clip in p.clips]
        (part / "clips.tsv").write_text("noise_id\tclip\tlicence\tpath\n" + "".join(lines), encoding="utf-8")
    say(f"data general: {count} noises are made; {len(short)} short ones are joined to {len(plans) - count} ({folder}/clips.tsv)")
    ready = [replace(plan.noise, path=str((folder / Path(plan.noise.path)).resolve())) for plan in plans]
    return sorted([*(n for n in noises if n not in short), *ready], key=lambda noise: noise.noise_id)


def plan_synthetic(speech: Sequence[Utterance], count: int) -> list[Plan]:
    """What is made without recordings of noise."""
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in speech:
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    plans = []
    for number in range(count):
        kind = TURNS[number % len(TURNS)]
        plans.append(Plan(_noise(f"made-{kind}-{number + 1:03d}", kind), _talkers(by_speaker, number) if kind == "babble" else ()))
    return plans


def _talkers(by_speaker: dict[str, list[Utterance]], number: int) -> list[list[Utterance]]:
    rng = rng_for("general babble", number)
    count = min(int(rng.integers(TALKERS[0], TALKERS[1] + 1)), len(by_speaker))
    voices = []
    for speaker in rng.choice(sorted(by_speaker), count, replace=False).tolist():
        said = by_speaker[speaker]
        voices.append([said[i] for i in rng.permutation(len(said))[:UTTERANCES]])
    return voices


def plan_joined(clips: Sequence[Noise]) -> list[Plan]:
    """Short clips in a drawn order, each once; the last noise is filled up with the first clips again."""
    if not clips:
        return []
    order = [clips[i] for i in rng_for("general joined").permutation(len(clips))]
    groups: list[list[Noise]] = []
    length = JOINED
    for clip in order:
        if length >= JOINED:
            groups.append([])
            length = 0.0
        groups[-1].append(clip)
        length += max(_seconds(clip) - FADE, FADE)
    again = 0
    while length < JOINED:
        clip = order[again % len(order)]
        groups[-1].append(clip)
        length += max(_seconds(clip) - FADE, FADE)
        again += 1
    return [Plan(_noise(f"joined-{i:03d}", "joined"), clips=group) for i, group in enumerate(groups, 1)]


def _noise(noise_id: str, kind: str) -> Noise:
    return Noise(noise_id, "train", kind, f"{noise_id}.flac")


def _seconds(noise: Noise) -> float:
    """Length by the header; 0 where it cannot be read, which is said where the clip is decoded."""
    try:
        info = soundfile.info(noise.path)
    except soundfile.SoundFileError:
        return 0.0
    return info.frames / info.samplerate


def _make(job: tuple[Plan, Path]) -> None:
    plan, folder = job
    soundfile.write(folder / plan.noise.path, synthesise(plan), RATE)


def synthesise(plan: Plan) -> np.ndarray:
    """One noise, int16 (N,), with an RMS of LEVEL_DB unless its peaks would clip."""
    rng = rng_for("general noise", plan.noise.noise_id)
    if plan.clips:
        return at_level(join(rng, [read_noise(clip) for clip in plan.clips]), LEVEL_DB)
    length = round(rng.uniform(*SECONDS) * RATE)
    make = KINDS[plan.noise.category]
    return at_level(make(rng, length, "train") if make else babble(rng, length, plan.voices), LEVEL_DB)


def babble(rng: Rng, length: int, voices: Sequence[Sequence[Utterance]]) -> np.ndarray:
    """All voices at the same time, (length,), each at a level of its own and starting somewhere within what it says."""
    x = np.zeros(length)
    for utterances in voices:
        said: list[np.ndarray] = []
        while sum(map(len, said)) < length and len(said) < len(utterances):
            u = utterances[len(said)]
            said.append(check_speech(u.path, u.utt, raw=u.raw))
        voice = np.concatenate(said).astype(np.float64)
        voice = np.resize(np.roll(voice, -int(rng.integers(len(voice)))), length)
        x += 10 ** (rng.uniform(-6, 6) / 20) * voice / np.sqrt(active_power(voice))
    return x


def join(rng: Rng, clips: Sequence[np.ndarray]) -> np.ndarray:
    """Clips (int16) one after another, float64, each fading into the next, at active levels that differ by a few dB."""
    joined = np.zeros(0)
    for clip in clips:
        x = clip * (10 ** (rng.uniform(-4, 4) / 20) / np.sqrt(active_power(clip)))
        fade = min(round(FADE * RATE), len(joined), len(x) // 2)
        up = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / max(fade, 1)) ** 2
        x[:fade] = x[:fade] * up + joined[len(joined) - fade :] * (1 - up)
        joined = np.concatenate([joined[: len(joined) - fade], x])
    return joined
