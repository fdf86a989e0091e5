"""What the user sees while something runs: one-line messages, and bars with the time left on a terminal."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")
REDRAW = 0.1
"""Seconds between two states of a bar, at least."""
CLEAR = "\r\x1b[K"
"""Takes a bar from its line."""


def say(message: str) -> None:
    """Print one line with the time of day to standard output, at once."""
    print(f"[{time.strftime('%H:%M:%S')}] {message}", flush=True)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a bar that shows the time left; where the output is no terminal, one line at the end."""
    screen = terminal()
    if screen is not None:
        yield from bar(items, what, total, screen)
        return
    started, count = time.monotonic(), 0
    for count, item in enumerate(items, 1):  # noqa: B007
        yield item
    say(f"{what}: {count} in {time.monotonic() - started:.1f} s")


def bar(items: Iterable[T], what: str, total: int | None, screen: TextIO | None) -> Iterator[T]:
    """Iterate with a line on `screen` that says how many are done and how long the rest takes; it goes at the end.

    Args:
        items: what to iterate over.
        what: the line's first words.
        total: how many items there are, where that is known.
        screen: a terminal, or None for none.
    """
    started = drawn = time.monotonic()
    try:
        for count, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if screen is not None and now - drawn >= REDRAW:
                screen.write(f"{CLEAR}{what}: {_state(count, total, now - started)}")
                screen.flush()
                drawn = now
    finally:
        if screen is not None:
            screen.write(CLEAR)
            screen.flush()


def _state(count: int, total: int | None, seconds: float) -> str:
    """How far it is.

    >>> _state(25, 100, 20.0)
    '25 of 100 (25 %), 1:00 left'
    """
    if not total:
        return f"{count}"
    left = round(seconds / count * max(0, total - count))
    return f"{count} of {total} ({100 * count // total} %), {left // 60}:{left % 60:02d} left"


def terminal() -> TextIO | None:
    """Where bars can be drawn: standard error, or the terminal that utils/jobs.sh names while it keeps a log of the output."""
    if sys.stderr.isatty():
        return sys.stderr
    try:
        return open(os.environ["KDSE_TERMINAL"], "w", encoding="utf-8")
    except (KeyError, OSError):
        return None
