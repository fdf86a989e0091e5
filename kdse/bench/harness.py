"""What all benchmarks share: measuring in processes of their own, clocks, and the memory of a process."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Spent:
    """Seconds that some work took.

    Attributes:
        wall: on the clock on the wall.
        cpu: of processor time, over all threads.
    """

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def clock(spent: Spent) -> Iterator[None]:
    """Add the time of the block to `spent`."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    spent.wall += time.perf_counter() - wall
    spent.cpu += time.process_time() - cpu


def repeated(work: Callable[[], Any], repeats: int, warm_up: int = 3) -> list[Spent]:
    """The time of each repetition of `work`, after a few that are not timed."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        times.append(Spent())
        with clock(times[-1]):
            work()
    return times


def memory_mb(kind: str) -> float:
    """MB (2^20 bytes) of this process now ("VmRSS"), or at its peak ("VmHWM"; getrusage would count a parent's)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"/proc/self/status has no {kind}")


def check_positive(**options: int | None) -> None:
    """Raise UserError for an option that is given and less than 1."""
    for name, value in options.items():
        if value is not None and value < 1:
            raise UserError(f"--{name} must be 1 or more, not {value}")


@dataclass(frozen=True)
class Case:
    """One measurement in a process of its own.

    Attributes:
        label: what is measured, for messages.
        command: its last line of output is the result, in JSON.
    """

    label: str
    command: tuple[str, ...]

    @classmethod
    def of(cls, label: str, function: str, **arguments: Any) -> "Case":
        """A call of `function` ("kdse.bench.train:time_case"); paths among the arguments arrive as text."""
        return cls(label, (sys.executable, "-m", "kdse.bench.harness", function, json.dumps(arguments, default=str)))


def measure(case: Case, one_thread: bool = False) -> Any:
    """The result of a case, measured alone.

    Args:
        one_thread: numeric libraries get one thread; otherwise as many as the system gives them.

    Raises: UserError with the label of a case that failed, and the last line of what it said.
    """
    return measure_together([case], one_thread)[0]


def measure_together(cases: Sequence[Case], one_thread: bool = True) -> list[Any]:
    """The results of cases that run at the same time, in order. Arguments and errors as in `measure`."""
    environment = os.environ | (dict.fromkeys(THREADS, "1") if one_thread else {})
    pipe = subprocess.PIPE
    running: list[subprocess.Popen] = []
    try:
        for case in cases:
            running.append(subprocess.Popen(case.command, env=environment, stdout=pipe, stderr=pipe, text=True))
        outputs = [process.communicate() for process in running]
    finally:
        for process in running:
            process.kill()  # does nothing to one that has ended
    for case, process, (_, error) in zip(cases, running, outputs, strict=True):
        if process.returncode:
            last = (error.strip() or f"its process ended with {process.returncode}").splitlines()[-1]
            raise UserError(f"{case.label}: {last}")
    return [json.loads(out.splitlines()[-1]) for out, _ in outputs]


def main(function: str, arguments: str) -> int:
    """Call "module:name" with arguments in JSON, and print in JSON what it returns; the exit code is 2 for a UserError."""
    module, _, name = function.partition(":")
    try:
        print(json.dumps(getattr(importlib.import_module(module), name)(**json.loads(arguments))))
    except UserError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
