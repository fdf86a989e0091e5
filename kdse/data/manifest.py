"""Manifests of fixed sets, `manifest.jsonl`: one line for each item, from which the item is made again bit for bit."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kdse.core.errors import UserError
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import read_audio
from kdse.data.datadir import DataDir
from kdse.data.mix import combine
from kdse.data.noise import read_noise_audio
from kdse.data.reverb import tail
from kdse.data.rirs import Rir, read_rir
from kdse.data.stretch import cut

NAME = "manifest.jsonl"
NEEDED = frozenset(("id", "utt", "noise", "offset", "gain", "noise_gain", "sha256", "clean_source", "noise_source"))
"""What a line needs for its item to be made again. Items heard in a room have `rir` and `rir_source` too."""

Line = dict[str, Any]


def checksum(samples: np.ndarray) -> str:
    """Hex SHA-256 of int16 samples, little-endian."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def rebuild(line: Mapping[str, Any], pipes: bool = False) -> np.ndarray:
    """Make the noisy signal of a manifest line again, int16 (N,), from its sources and stored factors alone."""
    speech = read_audio(line["clean_source"], line["utt"], pipes)
    if line["noise"] is None:
        return speech
    stretch = cut(read_noise_audio(line["noise_source"]), line["offset"], len(speech))
    late = None
    if line.get("rir"):
        late = tail(speech, read_rir(Rir(line["rir"], "", line["rir_source"])))
    noisy, _, _ = combine(speech, stretch, line["gain"], line["noise_gain"], late)
    return noisy


def read_manifest(folder: Path) -> list[Line]:
    """The lines of a set's manifest.

    Raises: UserError where there is none, or a line is damaged.
    """
    path = folder / NAME
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as e:
        raise UserError(f"{path} is missing; {folder} is no set of stage 2") from e
    except ValueError as e:
        raise UserError(f"{path} is damaged: {e}") from e
    for number, line in enumerate(lines, 1):
        if not (isinstance(line, dict) and line.keys() >= NEEDED):
            raise UserError(f"{path}, line {number} is damaged: it lacks one of {', '.join(sorted(NEEDED))}")
    return lines


def verify(folder: Path, nj: int = 1, pipes: bool = False) -> bool:
    """Rebuild every item of a set and compare it with the manifest and the archive; say and return whether all agree."""
    lines = read_manifest(folder)
    scp = DataDir(folder)["wav.scp"]
    different = sorted(set(scp) ^ {line["id"] for line in lines})
    jobs = [(line, scp[line["id"]], pipes) for line in lines if line["id"] in scp]
    for (line, *_), same in zip(jobs, in_processes(_is_same, jobs, nj, f"rebuild {folder.name}"), strict=True):
        if not same:
            different.append(line["id"])
    if different:
        say(f"{folder}: {len(different)} of {len(lines)} items differ from the manifest, e.g. {', '.join(different[:3])}")
    else:
        say(f"{folder}: all {len(lines)} items rebuilt bit for bit")
    return not different


def _is_same(job: tuple[Line, str, bool]) -> bool:
    line, stored, pipes = job
    return checksum(rebuild(line, pipes)) == line["sha256"] == checksum(read_audio(stored, line["id"]))
