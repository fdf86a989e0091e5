"""Every recording through every system: delays, files, and the processor time that it takes."""

import hashlib
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from kdse.compare.kept import Kept
from kdse.compare.recordings import Heard, Recording
from kdse.compare.systems import System, slug
from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import RATE, to_int16
from kdse.enhancers.align import LONGEST, agreed, aligned, at_rate, delay, fit, length_at

MEASURED, LISTENED = 8, 4.0
"""Recordings on which a delay is measured: the first ones that last so many seconds, or the longest; of each so much is heard."""


@dataclass(frozen=True)
class Enhanced:
    """What a system made of all recordings.

    Attributes:
        files: {key: FLAC, 16 kHz, 16 bit}.
        sha256: {key: of the samples}.
        late, apart: the delay that was measured, seconds, and how far it differed between recordings.
        rtf: seconds of processor time for a second of audio; None where there is nothing to measure.
        clipped: samples that went beyond full scale.
    """

    files: dict[str, Path]
    sha256: dict[str, str]
    late: float
    apart: float
    rtf: float | None
    clipped: int


@dataclass(frozen=True)
class _Work:
    system: System
    recording: Recording
    late: int
    target: Path | None


def enhance(system: System, recordings: Sequence[Recording], heard: dict[str, Heard], out: Path, nj: int) -> Enhanced:
    """Enhance what was not before.

    Args:
        heard: of every recording.
        out: files go to `out`/audio, what is known of them to `out`/work.
    Raises: UserError where the system fails.
    """
    name, state = slug(system.name), system.state()
    folder = out / "work" / name
    late, apart = _delay_of(system, state, recordings, heard, folder, nj)
    kept = Kept(folder / "enhanced.jsonl", state | {"delay": late}, system.name)
    files = {r.key: out / "audio" / name / f"{r.key}.flac" for r in recordings}
    made_of = {r.key: heard[r.key].sha256[system.source] for r in recordings}
    left = [r for r in recordings if kept.get(r.key, made_of[r.key]) is None or not files[r.key].is_file()]
    if left:
        work = [_Work(system, r, late, files[r.key]) for r in left]
        for recording, value in zip(left, in_processes(_enhance, work, nj, system.name), strict=True):
            kept.add(recording.key, made_of[recording.key], value)
    else:
        say(f"{system.name}: done before, skipped")
    values = {r.key: kept.get(r.key, made_of[r.key]) for r in recordings}
    seconds = sum(h.seconds for h in heard.values())
    rate = system.rate or RATE
    return Enhanced(
        files,
        {key: value["sha256"] for key, value in values.items()},
        late / rate,
        apart / rate,
        sum(value["cpu"] for value in values.values()) / seconds if system.delays else None,
        sum(value["clipped"] for value in values.values()),
    )


def _delay_of(
    system: System, state: dict[str, Any], recordings: Sequence[Recording], heard: dict[str, Heard], folder: Path, nj: int
) -> tuple[int, int]:
    """The system's delay and how far measurements lie apart, samples at its rate; measured once."""
    if not system.delays:
        return 0, 0
    kept = Kept(folder / "delay.jsonl", state, f"{system.name}: delay")
    found = kept.get("delay", "")
    if found is None:
        long = [r for r in recordings if heard[r.key].seconds >= LISTENED]
        chosen = (long or sorted(recordings, key=lambda r: -heard[r.key].seconds))[:MEASURED]
        work = [_Work(system, recording, 0, None) for recording in chosen]
        found = agreed(list(in_processes(_measure, work, nj, f"{system.name}: delay measured")))
        kept.add("delay", "", found)
    return found[0], found[1]


def _measure(work: _Work) -> int | None:
    """How late the system is on one recording."""
    signal, rate = work.recording.read(work.system.source)
    wanted = work.system.rate or rate
    signal = at_rate(signal[: round(LISTENED * rate)], rate, wanted)
    return delay(signal, _run(work, signal)[0], round(LONGEST * wanted))


def _enhance(work: _Work) -> dict[str, Any]:
    """Enhance one recording and write it; what is known of it."""
    signal, rate = work.recording.read(work.system.source)
    length, mix = length_at(len(signal), rate, RATE), work.system.mix
    wanted = work.system.rate or rate
    enhanced, spent = _run(work, at_rate(signal, rate, wanted))
    enhanced = fit(at_rate(enhanced, wanted, RATE), length)
    if mix:  # at 16 kHz, so that the noisy share has not been resampled there and back
        enhanced = (1 - mix) * enhanced + mix * fit(at_rate(signal, rate, RATE), length)
    clipped = int(np.sum(np.abs(enhanced) > 1))
    samples = to_int16(enhanced)
    write_flac(work.target, samples)
    return {"sha256": hashlib.sha256(samples.tobytes()).hexdigest(), "cpu": round(spent, 6), "clipped": clipped}


def write_flac(path: Path, samples: np.ndarray) -> None:
    """Write int16 (N,) at 16 kHz."""
    with atomic_path(path) as part:
        soundfile.write(part, samples, RATE, subtype="PCM_16")


def _run(work: _Work, signal: np.ndarray) -> tuple[np.ndarray, float]:
    """The system's output, aligned, and the seconds of processor time that it took; a failure is said in one sentence."""
    where = f"{work.system.name}, {work.recording.noisy}"
    try:
        function = _loaded(work.system)()
        before = _processor_seconds()
        enhanced = aligned(function, signal, work.late)
        spent = _processor_seconds() - before
    except UserError as e:
        raise UserError(f"{where}: {e}") from e
    except Exception as e:  # what others wrote raises errors of any type
        reason = (str(e).splitlines() or [""])[0]
        raise UserError(f"{where}: {type(e).__name__}: {reason}") from e
    if not np.isfinite(enhanced).all():
        raise UserError(f"{where}: samples came back that are not numbers")
    return enhanced, spent


@lru_cache(maxsize=2)
def _loaded(system: System):
    """What makes the system's function, in this process; it has worked once, since the first time takes longer."""
    make = system.load()
    if system.kind != "command" and system.rate:
        noise = np.random.default_rng(0).standard_normal(system.rate).astype(np.float32)
        make()(0.01 * noise)
    return make


def _processor_seconds() -> float:
    """Of this process and of those that it started and waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
