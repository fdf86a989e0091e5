"""Processes: results come in order, not far ahead of their reader, and an error comes at its item."""

import time
from pathlib import Path

import pytest

from kdse.core.errors import UserError
from kdse.core.parallel import CHUNK, WINDOW, in_processes


def leave_a_trace(job: tuple[Path, int]) -> int:
    folder, number = job
    (folder / str(number)).touch()
    return number


@pytest.mark.parametrize("items", [3, 1000])
def test_a_slow_reader_stops_the_processes(tmp_path, items):
    """Results come in order, and those not yet taken are never more than the window: audio of a whole corpus would not fit."""
    taken = ahead = 0
    for number in in_processes(leave_a_trace, [(tmp_path, i) for i in range(items)], 2, "traces"):
        assert number == taken
        taken += 1
        if number % 97 == 1:
            time.sleep(0.3)  # time enough to finish everything that was handed out
            ahead = max(ahead, len(list(tmp_path.iterdir())) - taken)
    assert taken == items and ahead <= 2 * WINDOW * CHUNK < 1000
    assert items < 1000 or ahead > CHUNK  # they do work ahead


def fail_at_seven(number: int) -> int:
    if number == 7:
        raise UserError("seven")
    return number


def test_an_error_comes_at_its_item():
    """After the results before it, whatever was computed beyond."""
    numbers = []
    with pytest.raises(UserError, match="seven"):
        numbers.extend(in_processes(fail_at_seven, list(range(9)), 2, "numbers"))
    assert numbers == list(range(7))
