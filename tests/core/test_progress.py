"""Bars: what they say, and that nothing is left of them."""

import io

import pytest

from kdse.core import progress
from kdse.core.progress import bar


def test_a_bar_says_how_far_it_is_and_goes(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    screen = io.StringIO()
    assert list(bar("abcd", "letters", 4, screen)) == list("abcd")
    states = screen.getvalue().split("\r\x1b[K")
    assert states == ["", *(f"letters: {text}" for text in STATES), ""]


STATES = ["1 of 4 (25 %), 0:03 left", "2 of 4 (50 %), 0:02 left", "3 of 4 (75 %), 0:01 left", "4 of 4 (100 %), 0:00 left"]


def test_a_bar_goes_where_its_loop_fails():
    screen = io.StringIO()
    with pytest.raises(ZeroDivisionError):
        list(bar((1 // number for number in (1, 0)), "numbers", 2, screen))
    assert screen.getvalue().endswith("\r\x1b[K")


def test_without_a_terminal_there_is_no_bar():
    assert list(bar(iter("ab"), "letters", None, None)) == ["a", "b"]
