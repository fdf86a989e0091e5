"""Options that several corpora take."""

import argparse
from collections.abc import Callable
from pathlib import Path


def path_or(hint: str) -> Callable[[str], Path]:
    """A type of argparse for a folder whose value comes from db.sh. An empty value, of a variable that is not set there, is refused
    with `hint`."""

    def path(text: str) -> Path:
        if not text:
            raise argparse.ArgumentTypeError(hint)
        return Path(text)

    return path
