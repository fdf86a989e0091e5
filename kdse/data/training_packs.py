"""Packs of stage 2: speech, noises and room responses of a split, from which training mixes on the fly."""

import math
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import fingerprint_of_sizes
from kdse.core.parallel import in_processes
from kdse.core.step import Step
from kdse.data.datadir import CLEAN, DataDir, check_speech
from kdse.data.noise import Noise, read_noise
from kdse.data.pack import Pack
from kdse.data.rirs import Rir, read_rir
from kdse.data.stretch import too_short


def pack_speech(folder: Path, data: DataDir, nj: int = 1, pipes: bool = False) -> None:
    """Pack the audio of a data dir, unless that is done."""
    step = Step(folder, {"data": data.fingerprint()}, f"pack {folder.name}")
    if step.needed():
        jobs = [(data["wav.scp"][utt], utt, pipes) for utt in data.utts]
        recordings = [utt for utt, category in data.categories().items() if category != CLEAN]
        Pack.write(folder, zip(data.utts, in_processes(_read_speech, jobs, nj, step.what), strict=True), recordings)
        step.finish()


def pack_noise(folder: Path, noises: list[Noise], nj: int = 1) -> None:
    """Pack the noises of one split, unless that is done."""
    ids = [n.noise_id for n in noises]
    step = Step(folder, {"noise": ids, "files": fingerprint_of_sizes(n.path for n in noises)}, f"pack {folder.name}")
    if step.needed():
        Pack.write(folder, zip(ids, in_processes(read_noise, noises, nj, step.what), strict=True))
        step.finish()


def pack_rirs(folder: Path, rirs: list[Rir], nj: int = 1) -> None:
    """Pack the room responses of one split, unless that is done."""
    ids = [r.rir_id for r in rirs]
    step = Step(folder, {"rirs": ids, "files": fingerprint_of_sizes(r.path for r in rirs)}, f"pack {folder.name}")
    if step.needed():
        Pack.write(folder, zip(ids, in_processes(read_rir, rirs, nj, step.what), strict=True))
        step.finish()


def check_lengths(speech: Pack, noise: Pack, speed: float = 1.0) -> None:
    """Raise UserError where a noise is shorter than the longest utterance at this speed: better now than amid a training."""
    utt, noise_id = max(speech.clean, key=speech.length), min(noise, key=noise.length)
    length = math.ceil(speech.length(utt) * 100 / round(100 * speed))
    if noise.length(noise_id) < length:
        slow = "" if speed == 1.0 else f" at speed {speed:g}"
        raise UserError(too_short(f"{utt}{slow}", length, noise_id, noise.length(noise_id)))


def _read_speech(job: tuple[str, str, bool]) -> np.ndarray:
    source, utt, pipes = job
    return check_speech(source, utt, pipes)
