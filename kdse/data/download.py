"""Fetching a corpus's archives: resumed where they were cut, compared with their checksum, unpacked without path escapes."""

import hashlib
import math
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError
from kdse.core.progress import progress

BLOCK = 1 << 20
"""Bytes read at once."""
TIMEOUT = 60
"""Seconds without an answer after which a server counts as gone."""


def fetch(url: str, path: Path, md5: str) -> None:
    """Download `url` to `path`, from where an earlier try ended (`path`.part), unless `path` is there already.

    Args:
        md5: hex digest of the whole file, as its publisher gives it: against damage, not against forgery.
    Raises: UserError where the server or the disk fails (what came is kept, and the next try goes on from there), or where the
        checksum is another (what came is removed).
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        _download(url, part)
    except urllib.error.HTTPError as e:
        raise UserError(f"cannot download {url}: the server says {e.code} {e.reason}") from e
    except (OSError, HTTPException) as e:
        raise UserError(f"cannot download {url}: {getattr(e, 'reason', e)}; run the same command again to go on") from e
    with open(part, "rb") as f:
        digest = hashlib.file_digest(f, "md5").hexdigest()
    if digest != md5:
        part.unlink()
        raise UserError(f"{url} came damaged: its MD5 is {digest}, not {md5}; it was removed, run the same command again")
    part.replace(path)


def _download(url: str, part: Path) -> None:
    """Append to `part` what it lacks. A server that cannot go on from the middle sends all of it again."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as e:
        if have and e.code == 416:  # nothing lies beyond what is there
            return
        raise
    with answer, open(part, "ab" if have and answer.status == 206 else "wb") as out:
        length = int(answer.headers.get("Content-Length") or 0)
        blocks, total = iter(lambda: answer.read(BLOCK), b""), math.ceil(length / BLOCK) or None
        came = 0
        for block in progress(blocks, f"download {part.stem}", total):
            out.write(block)
            came += len(block)
    if came < length:
        raise OSError(f"the connection ended {length - came} bytes too early")


def unpack(archive: Path, inside: str, folder: Path) -> None:
    """Unpack the folder `inside` of a tar archive as `folder`, which appears when it is complete.

    Raises: UserError where the archive is damaged, lacks that folder, or holds a path or link that leads out of it.
    """
    with atomic_dir(folder) as part:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(part, members=_within(tar, inside), filter="data")
        except tarfile.FilterError as e:
            raise UserError(f"{archive} is not unpacked: {e}") from e
        except (tarfile.TarError, EOFError, OSError) as e:
            raise UserError(f"cannot unpack {archive}: {e}; where it is damaged, remove it and download it again") from e
        top = part.joinpath(*Path(inside).parts)
        if not top.is_dir():
            raise UserError(f"{archive} holds no folder {inside}")
        for path in top.iterdir():
            path.rename(part / path.name)
        shutil.rmtree(part / Path(inside).parts[0])


def _within(tar: tarfile.TarFile, inside: str) -> Iterator[tarfile.TarInfo]:
    """Members below `inside`, one at a time; what stands beside it (a licence, lists of speakers) is left out.

    A member that names its way out is handed on, for the filter to refuse.
    """
    for member in tar:
        name = Path(member.name.removeprefix("./"))
        if ".." in name.parts or name.is_relative_to(inside):
            yield member
