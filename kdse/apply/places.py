"""Where sound comes from and goes to: files, and pipes through a temporary file."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kdse.apply.formats import Format, check_suffix
from kdse.apply.sound_files import SoundReader, SoundWriter
from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.progress import CLEAR

PIPE = "-"
"""The name of standard input and standard output."""
FORCE = "--force replaces it"


@contextmanager
def reading(source: str) -> Iterator[SoundReader]:
    """Open a sound file, or '-' for standard input.

    Raises: UserError where it cannot be read.
    """
    name = "standard input" if source == PIPE else source
    if not source:
        raise UserError("the name of the input is empty")
    if source == PIPE:
        check_open(0)
    try:
        file = _open(source)
    except OSError as e:
        raise UserError(_missing(source) or f"cannot read {name}: {e.strerror or e}") from e
    except ValueError as e:  # a zero byte
        raise UserError(f"cannot read {name!r}: {e}") from e
    with file:
        mode = os.fstat(file.fileno()).st_mode
        if source == PIPE and os.isatty(file.fileno()):
            raise UserError("standard input is a terminal; pipe a sound file into it, or name one")
        if stat.S_ISREG(mode) and file.tell() == 0:
            yield SoundReader(file.fileno(), name)
        elif source == PIPE or stat.S_ISFIFO(mode):
            with _spooled(file, name) as copy:
                yield SoundReader(copy.fileno(), name)
        else:
            raise UserError(f"{name} is no file")


def _open(source: str) -> BinaryIO:
    return open(0 if source == PIPE else source, "rb", buffering=0, closefd=source != PIPE)


def _missing(source: str) -> str:
    """A sentence about a file that is none, or not there; '' for other troubles."""
    if os.path.isdir(source):
        return f"{source} is a folder, not a sound file"
    if source == PIPE or os.path.exists(source):
        return ""
    return f"the link {source} leads nowhere" if os.path.islink(source) else f"there is no file {source}"


@contextmanager
def _spooled(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """What a pipe gives, in a temporary file: decoders must seek."""
    with tempfile.TemporaryFile() as copy:
        try:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
        except OSError as e:
            raise UserError(
                f"cannot keep {name} in {tempfile.gettempdir()}: {e.strerror or e}; set TMPDIR to another folder"
            ) from e
        copy.seek(0)
        yield copy


def check_target(target: str, source: str, force: bool) -> None:
    """Raise UserError where nothing may be written.

    Args:
        target: a path, or '-' for standard output.
        source: the input, which must be another file.
        force: whether an older file may be replaced.
    """
    there, read = _status(target, 1), _status(source, 0)
    if there and read and os.path.samestat(there, read) and stat.S_ISREG(there.st_mode):
        what = "standard output" if target == PIPE else target
        raise UserError(f"{what} is the input, too; name another file to write")
    if target == PIPE:
        check_open(1)
        if os.isatty(1):
            raise UserError("standard output is a terminal; send it to a file or a pipe, or name an output")
        return
    if not target:
        raise UserError("the name of the output is empty")
    if (there and stat.S_ISDIR(there.st_mode)) or target.endswith(os.sep):
        raise UserError(f"{target} is a folder; name the file to write in it")
    check_suffix(Path(target))
    if os.path.lexists(target) and not force:
        raise UserError(f"{target} exists already; {FORCE}")


def check_open(number: int) -> None:
    """Raise UserError where standard input (0) or output (1) was closed when kdse began: its number may be a file's by now."""
    if (sys.stdin, sys.stdout)[number] is None:
        raise UserError(f"standard {('input', 'output')[number]} is closed")


def _status(place: str, number: int) -> os.stat_result | None:
    """What stands at a path, or behind '-' at a file's number; None for nothing."""
    try:
        return os.fstat(number) if place == PIPE else os.stat(place)
    except (OSError, ValueError):
        return None


@contextmanager
def writing(target: str, form: Format, tags: dict[str, str], force: bool) -> Iterator[SoundWriter]:
    """Write a sound file, or one to '-', standard output. It appears when the block has ended without an error.

    Raises: UserError where it cannot be written.
    """
    if target == PIPE:
        with tempfile.TemporaryFile() as spool:
            with _written(spool.fileno(), form, tags, "standard output") as writer:
                yield writer
            spool.seek(0)
            _copy_out(spool)
        return
    try:
        with atomic_path(os.path.realpath(target), replace=force) as part, _written(part, form, tags, target) as writer:
            yield writer
    except OSError as e:
        raise UserError(f"cannot write {target}: {e.strerror or e}") from e


@contextmanager
def _written(place: Path | int, form: Format, tags: dict[str, str], name: str) -> Iterator[SoundWriter]:
    writer = SoundWriter(place, form, tags, name)
    try:
        yield writer
        writer.finish()
    finally:
        writer.close()


def _copy_out(spool: BinaryIO) -> None:
    while piece := spool.read(1 << 16):
        write_out(piece)


def write_out(piece: bytes) -> None:
    """Write to standard output at once.

    Raises: BrokenPipeError where nobody reads any more; UserError for other troubles.
    """
    rest = memoryview(piece)
    try:
        while rest:
            rest = rest[os.write(1, rest) :]
    except BrokenPipeError:
        raise
    except OSError as e:
        raise UserError(f"cannot write standard output: {e.strerror or e}") from e


def show(text: str) -> None:
    """Print text to standard output at once.

    Raises: BrokenPipeError where nobody reads any more; UserError for other troubles.
    """
    if sys.stdout is None:
        raise UserError("cannot write standard output: it is closed")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what Python still holds goes nowhere when it ends
        raise UserError(f"cannot write standard output: {e.strerror or e}") from e


def tell(message: str) -> None:
    """Print one line to standard error, in place of a bar: standard output may carry audio."""
    print(f"{CLEAR if sys.stderr.isatty() else ''}{message}", file=sys.stderr, flush=True)
