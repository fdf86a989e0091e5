"""What the user sees while something runs: one-line messages, and bars with the time left on a terminal."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")


def say(message: str) -> None:
    """Print one line with the time of day to standard output, at once."""
    print(f"[{time.strftime('%H:%M:%S')}] {message}", flush=True)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a bar that shows the time left; where the output is no terminal, one line at the end."""
    screen = terminal()
    if screen is not None:
        from tqdm import tqdm

        yield from tqdm(items, desc=what, total=total, leave=False, file=screen, dynamic_ncols=True)
        return
    started, count = time.monotonic(), 0
    for count, item in enumerate(items, 1):  # noqa: B007
        yield item
    say(f"{what}: {count} in {time.monotonic() - started:.1f} s")


def terminal() -> TextIO | None:
    """Where bars can be drawn: standard error, or the terminal that utils/jobs.sh names while it keeps a log of the output."""
    if sys.stderr.isatty():
        return sys.stderr
    try:
        return open(os.environ["KDSE_TERMINAL"], "w", encoding="utf-8")
    except (KeyError, OSError):
        return None
