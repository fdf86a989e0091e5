"""Files and folders written whole or not at all."""

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kdse.core.errors import UserError


@contextmanager
def atomic_path(path: Path | str, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends without an error.

    The temporary name keeps the suffixes of `path` (libraries choose a format by them); on an error it is removed and an older
    `path` stays as it was. Parent folders are made.

    Args:
        path: the file to write.
        replace: whether it may take the place of a file that is there at the end.

    Raises: UserError where nothing can be written there, and for a file that may not be replaced.
    """
    path = Path(path)
    with _part_beside(path) as folder:
        yield folder / path.name
        if replace:
            os.replace(folder / path.name, path)
        else:
            _put(folder / path.name, path)


def _put(part: Path, path: Path) -> None:
    """Move `part` to `path`, where nothing is."""
    try:
        os.link(part, path)
    except OSError as e:
        if isinstance(e, FileExistsError) or os.path.lexists(path):
            raise UserError(f"{path} exists already") from e
        os.replace(part, path)  # a file system without hard links


@contextmanager
def atomic_dir(path: Path | str) -> Iterator[Path]:
    """Like `atomic_path` for a whole folder: an existing folder is replaced only when the new one is complete."""
    path = Path(path)
    with _part_beside(path) as part:
        yield part
        os.chmod(part, 0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=".old-", dir=path.parent))
            os.replace(path, old / path.name)
            os.replace(part, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(part, path)


@contextmanager
def _part_beside(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`, gone at the end of the block; those that killed processes left for the same path go too.

    A folder in use is locked, and the system drops the lock of a process that dies, however it dies.

    Raises: UserError where nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".part-{path.name[:40]}-"
        for left in path.parent.glob(f"{glob.escape(prefix)}*"):
            # Where another process holds the lock, or the file system has none, the folder stays.
            with suppress(OSError), _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(left, ignore_errors=True)
        part = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    except OSError as e:
        raise UserError(f"cannot write to {path.parent}: {e.strerror or e}") from e
    try:
        with _locked(part, fcntl.LOCK_SH, needed=False):
            yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _locked(folder: Path, how: int, needed: bool = True) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, how)
        except OSError:
            if needed:
                raise
        yield
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path | str) -> Iterator[None]:
    """Let one process at a time into the block; all of them where the file system has no locks."""
    with _locked(Path(folder), fcntl.LOCK_EX, needed=False):
        yield
