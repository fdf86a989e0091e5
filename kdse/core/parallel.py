"""A pool of processes that yields its results in order and never computes far ahead of its reader."""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

from kdse.core.progress import progress

CHUNK = 32
"""Items that a process is handed at once, at most."""
WINDOW = 3
"""Chunks that each process may have submitted and not yet taken."""

T, R = TypeVar("T"), TypeVar("R")


def in_processes(function: Callable[[T], R], items: Sequence[T], nj: int, what: str) -> Iterator[R]:
    """Yield function(item) in the order of the items, computed by `nj` processes, with a progress bar.

    No more than nj · WINDOW · CHUNK results exist at a time, however slowly they are taken.
    """
    if nj <= 1 or len(items) < 2:
        yield from progress(map(function, items), what, len(items))
        return
    with ProcessPoolExecutor(nj, initializer=end_with, initargs=(os.getpid(),)) as pool:
        try:
            yield from progress(_in_window(pool, function, items, nj), what, len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _in_window(pool: Executor, function: Callable[[T], R], items: Sequence[T], nj: int) -> Iterator[R]:
    """Yield what `pool.map` does. `pool.map` submits everything at once, and results (audio, say) pile up for a slow reader."""
    size = max(1, min(CHUNK, len(items) // (4 * nj)))
    chunks = (items[start : start + size] for start in range(0, len(items), size))
    submitted = deque(pool.submit(_each, function, chunk) for chunk in islice(chunks, nj * WINDOW))
    while submitted:
        results = submitted.popleft().result()
        results.reverse()
        while results:
            yield results.pop()  # so that this list does not keep what its reader is done with
        submitted.extend(pool.submit(_each, function, chunk) for chunk in islice(chunks, 1))


def _each(function: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [function(item) for item in chunk]


def end_with(parent: int) -> None:
    """Set up a worker: it ignores Ctrl-C, which reaches the whole process group but only the parent answers, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
