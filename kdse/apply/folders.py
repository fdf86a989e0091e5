"""`kdse enhance IN OUT` for two folders: every sound file below IN, under the same name below OUT."""

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from kdse.apply.enhancer import Enhancer
from kdse.apply.files import Done, Student, Watch, enhance_sound, summary
from kdse.apply.formats import SUFFIXES
from kdse.apply.places import tell
from kdse.apply.sound_files import SoundReader
from kdse.core.errors import UserError
from kdse.core.parallel import end_with
from kdse.core.progress import bar, terminal


@dataclass(frozen=True)
class Job:
    """One file of a folder."""

    source: str
    target: str
    force: bool


def enhance_folder(source: str, target: str, student: Student, force: bool = False, nj: int = 1) -> None:
    """Enhance all sound files below a folder; a file that cannot be enhanced is named on standard error, and the others go on.

    Args:
        source: the folder; links are followed, hidden files are not read.
        target: the folder to write, which may stand in `source`.
        student: the model.
        force: whether older outputs may be replaced.
        nj: processes.

    Raises: UserError, before anything is written, where there is nothing to enhance or an output may not be written; and at the
        end where files failed.
    """
    started = time.monotonic()
    names, ignored = sound_files(source, target)
    if ignored:
        kinds = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in sorted(ignored.items()))
        tell(f"{source}: {counted(sum(ignored.values()))} ignored: no sound that can be written ({kinds})")
    jobs = [Job(os.path.join(source, name), os.path.join(target, name), force) for name in names]
    check_outputs(jobs, source)
    seconds, failed = 0.0, 0
    for result in bar(_results(jobs, student, min(nj, len(jobs))), source, len(jobs), terminal()):
        if isinstance(result, str):
            tell(f"kdse enhance: {result}")
            failed += 1
            continue
        for note in result.notes:
            tell(note)
        seconds += result.seconds
    if seconds:
        tell(summary(f"{target}: {counted(len(jobs) - failed)}", seconds, time.monotonic() - started))
    if failed:
        raise UserError(f"{failed} of {counted(len(jobs))} below {source} could not be enhanced; each is named above")


def counted(files: int) -> str:
    """How many files.

    >>> counted(1), counted(2)
    ('1 file', '2 files')
    """
    return f"{files} file{'s' * (files != 1)}"


def sound_files(folder: str, target: str) -> tuple[list[str], Counter[str]]:
    """Find sound files.

    Args:
        folder: where to look; folders behind links count, those that lead back up do not.
        target: a folder to leave out.

    Returns: their names below the folder in order, and {suffix: count} of other files; hidden ones are neither.
    Raises: UserError where a folder cannot be read, or nothing is found.
    """
    names, ignored, beside = [], Counter(), os.path.realpath(target)
    if beside == os.path.realpath(folder):
        raise UserError(f"{target} is the input, too; name another folder to write")

    def walk(inside: str, above: tuple[str, ...]) -> None:
        here = os.path.realpath(os.path.join(folder, inside))
        if here == beside or here in above:
            return
        for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
            name = os.path.join(inside, entry.name)
            if entry.name.startswith("."):
                continue
            sound = Path(entry.name).suffix.lower() in SUFFIXES
            if os.path.isdir(entry.path):
                walk(name, (*above, here))
            elif sound and (os.path.isfile(entry.path) or os.path.islink(entry.path)):  # a pipe would be waited for
                names.append(name)
            else:
                ignored[Path(entry.name).suffix.lower()] += 1

    try:
        walk("", ())
    except OSError as e:
        raise UserError(f"cannot read the folder {e.filename}: {e.strerror or e}") from e
    if not names:
        raise UserError(f"there are no sound files below {folder} ({' '.join(SUFFIXES)})")
    return names, ignored


def check_outputs(jobs: list[Job], source: str) -> None:
    """Raise UserError where an output is an input or a folder, or exists and may not be replaced, or its folder cannot be made."""
    read = {(status.st_dev, status.st_ino) for job in jobs if (status := _status(job.source))}
    there = {job.target: status for job in jobs if (status := _status(job.target))}
    for target, status in there.items():
        if (status.st_dev, status.st_ino) in read:
            raise UserError(f"{target} is a file below {source}, too; name another folder to write")
        if os.path.isdir(target):
            raise UserError(f"{target} is a folder where a sound file is to be written")
    old = [job.target for job in jobs if os.path.lexists(job.target)]
    if old and not jobs[0].force:
        what = f"{old[0]} exists already" if len(old) == 1 else f"{len(old)} outputs exist already, {old[0]} the first of them"
        raise UserError(f"{what}; --force replaces {'it' if len(old) == 1 else 'them'}")
    for folder in dict.fromkeys(os.path.dirname(job.target) for job in jobs):
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as e:
            raise UserError(f"cannot make the folder {folder}: {e.strerror or e}") from e


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _results(jobs: list[Job], student: Student, nj: int) -> Iterator[Done | str]:
    """Enhance the files, in any order; a file that fails gives a sentence."""
    enhancer = student.load()  # in any case: what is wrong with the model is said once
    if nj == 1:
        yield from (_result(job, enhancer, iter) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")  # ONNX Runtime does not live through a fork
    stop = context.Event()
    with ProcessPoolExecutor(nj, context, _start, (os.getpid(), stop, student)) as pool:
        # Ctrl-C reaches processes that are starting, too: they inherit that they do not see it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            futures = [pool.submit(_work, job) for job in jobs]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _result(job: Job, enhancer: Enhancer, watch: Watch) -> Done | str:
    try:
        return enhance_sound(job.source, job.target, enhancer, job.force, watch)
    except UserError as e:
        return str(e)


_OWN: dict = {}
"""What a process of the pool keeps: its model, and the event that ends it."""


def _start(parent: int, stop, student: Student) -> None:
    end_with(parent)
    _OWN.update(enhancer=student.load(), stop=stop)


def _work(job: Job) -> Done | str:
    return _result(job, _OWN["enhancer"], _until_stopped)


def _until_stopped(sound: SoundReader) -> Iterator:
    """The blocks, as long as nobody interrupts; then what was written goes."""
    for block in sound:
        if _OWN["stop"].is_set():
            raise KeyboardInterrupt
        yield block
