"""`kdse bench runtime`: a student in kdse's own runtime, frame by frame on one core, beside other front ends."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.bench.frame_times import LISTENED, WARM_UP, Times
from kdse.bench.harness import Case, check_positive, measure
from kdse.bench.noisy_speech import DATA, at_rate, noisy_speech
from kdse.core.errors import UserError
from kdse.core.progress import progress
from kdse.core.provenance import processor
from kdse.enhancers.peers import PEERS, install_command
from kdse.runtime.packaged import DEFAULT, load_model

TIMES = "kdse.bench.frame_times"
RTF_AIM, P99_AIM, SILENCE_AIM = 0.010, 1 / 3, 1.2
"""Seconds for a second of audio; what the 99th percentile of a frame may take of its hop; the time of a frame on silence over that
on speech."""
SHARED = 1.1
"""Wall clock over processor time from which on other work had the core, too."""


@dataclass(frozen=True)
class System:
    """What is timed.

    Attributes:
        name: in the table.
        case: its measurement.
        size: bytes of its files.
        parameters: as text, "-" where they are not known.
        rate: samples per second.
    """

    name: str
    case: Case
    size: int
    parameters: str
    rate: int


def run(*, model: list[str] | None, peers: Path | None, seconds: int, rounds: int, data: Path | None = None) -> None:
    """Measure every system in processes of its own with one thread, in turn, and print the table.

    Args:
        model: names of packaged models, `.onnx` files and run folders; the first one is what others are compared with.
        peers: the folder where `tools/peers-requirements.txt` is installed, or None for models only.
        seconds: of audio in a round.
        rounds: of all systems; a system's figures are those of its quickest round.
        data: folder of recordings, see `noisy_speech`.
    """
    check_positive(rounds=rounds)
    if seconds <= LISTENED:
        raise UserError(f"--seconds must be more than {LISTENED}, not {seconds}")
    with tempfile.TemporaryDirectory() as scratch:
        samples, what = noisy_speech(seconds, DATA if data is None else data)
        audio = _Audio(Path(scratch), samples)
        students = [_student(name, audio) for name in model or [DEFAULT]]
        others, absent = ([], []) if peers is None else _peers(peers, audio, Path(scratch))
        times, failed = rounds_of(students, others, rounds)
    alone = [measure(Case.of("memory", f"{TIMES}:imported_mb", modules=["numpy", *more]), True) for more in ([], ["onnxruntime"])]
    print(f"{time.strftime('%d %B %Y').lstrip('0')}, {processor() or 'unknown processor'}, one thread; {seconds} s of {what}")
    print(table([system for system in (*students, *others) if system.name in times], times))
    print("of the memory, Python with NumPy takes {:.0f} MB, with ONNX Runtime {:.0f} MB".format(*alone))
    print(f"figures are those of the quickest of {rounds} round(s), in turn, a process each, without {WARM_UP} frames at the start")
    print("\n".join((*remarks(students, times), *failed, *absent)))
    if absent and peers is not None:
        print(f"to install: {install_command(peers)}")


def rounds_of(students: list[System], others: list[System], rounds: int) -> tuple[dict[str, list[Times]], list[str]]:
    """Measure all systems so many times, each round from another one on.

    Returns: {system's name: its rounds}, and for each of `others` that failed why; it is measured no more.
    Raises: UserError where a student failed.
    """
    systems = [*students, *others]
    times: dict[str, list[Times]] = {}
    failed: dict[str, str] = {}
    turns = [systems[(k + turn) % len(systems)] for turn in range(rounds) for k in range(len(systems))]
    for system in progress(turns, "systems timed"):
        if system.name in failed:
            continue
        try:
            times.setdefault(system.name, []).append(measure(system.case, one_thread=True))
        except UserError as e:
            if system in students:
                raise
            failed[system.name] = f"not measured: {e}"
            times.pop(system.name)
    return times, list(failed.values())


COLUMNS = (
    "system", "kHz", "hop ms", "latency ms", "RTF", "slowest", "ratio", "CPU s/s", "frame ms", "p99", "p99/hop %", "silence %",
    "memory MB", "file kB", "parameters",
)  # fmt: skip


def table(systems: list[System], times: dict[str, list[Times]]) -> str:
    """A line for each system, and the names of the columns above; the ratio is that of RTFs, to the first system's."""
    first = best(times[systems[0].name])["rtf"]
    rows: list[tuple[str, ...]] = [COLUMNS]
    for system in systems:
        rounds = times[system.name]
        quickest = best(rounds)
        rows.append(
            (
                system.name,
                f"{system.rate / 1000:g}",
                f"{quickest['hop_ms']:g}",
                f"{quickest['latency_ms']:.1f}",
                f"{quickest['rtf']:.4f}",
                f"{max(each['rtf'] for each in rounds):.4f}",
                f"{quickest['rtf'] / first:.2f}",
                f"{quickest['cpu']:.4f}",
                f"{quickest['median_ms']:.3f}",
                f"{quickest['p99_ms']:.3f}",
                f"{100 * quickest['p99_ms'] / quickest['hop_ms']:.1f}",
                f"{100 * quickest['silence']:.0f}",
                f"{quickest['memory_mb']:.0f}",
                f"{system.size / 1e3:.0f}",
                system.parameters,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        " ".join([cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))])
        for cells in rows
    )


def best(rounds: list[Times]) -> Times:
    """The quickest round: other work on the machine only ever adds time."""
    return min(rounds, key=lambda times: times["rtf"])


def remarks(students: list[System], times: dict[str, list[Times]]) -> list[str]:
    """Whether each student reaches the aims, and what had to share its core even in its quickest round."""
    lines = []
    for student in students:
        quickest = best(times[student.name])
        share = quickest["p99_ms"] / quickest["hop_ms"]
        lines.append(
            f"{student.name}: RTF {quickest['rtf']:.4f}, aim {RTF_AIM:.3f}: {_holds(quickest['rtf'] <= RTF_AIM)}; "
            f"p99 of a frame {100 * share:.1f} % of the hop, aim under {100 * P99_AIM:.1f} %: {_holds(share < P99_AIM)}; "
            f"on silence {100 * quickest['silence']:.0f} % of the time on speech, aim at most {100 * SILENCE_AIM:.0f} %: "
            f"{_holds(quickest['silence'] <= SILENCE_AIM)}"
        )
    shares = {name: best(rounds)["rtf"] / best(rounds)["cpu"] for name, rounds in times.items()}
    if late := [f"{name} {ratio:.1f}" for name, ratio in shares.items() if ratio >= SHARED]:
        lines.append(f"other work had the core, too, so these times are too long (wall clock / processor time): {', '.join(late)}")
    return lines


def _holds(it: bool) -> str:
    return "holds" if it else "missed"


class _Audio:
    """The same audio at each rate that is asked for, in files that the measuring processes read."""

    def __init__(self, folder: Path, samples: np.ndarray):
        self.folder, self.samples = folder, samples

    def at(self, rate: int) -> Path:
        path = self.folder / f"{rate}.npy"
        if not path.exists():
            np.save(path, at_rate(self.samples, rate))
        return path


def _student(name: str, audio: _Audio) -> System:
    """A student; UserError where there is no such model."""
    model = load_model(name)
    case = Case.of(name, f"{TIMES}:time_model", model=name, audio=audio.at(model.rate))
    parameters = model.metadata.get("parameters", "-")
    return System(name, case, model.path.stat().st_size, f"{int(parameters):,}" if parameters.isdigit() else "-", model.rate)


def _peers(folder: Path, audio: _Audio, scratch: Path) -> tuple[list[System], list[str]]:
    """The peers that can run, and a line for each other one."""
    found, absent = [], []
    for peer in PEERS.values():
        if why := peer.missing(folder):
            absent.append(f"{peer.name}: {why}")
            continue
        prepared = peer.prepare(folder, scratch)
        name = f"{peer.name} ({peer.package} {peer.version(folder)})"
        case = Case.of(name, f"{TIMES}:time_peer", name=peer.name, prepared=prepared, audio=audio.at(peer.rate))
        parameters = "-" if peer.parameters is None else f"{peer.parameters:,}"
        found.append(System(name, case, peer.size(folder), parameters, peer.rate))
    return found, absent
