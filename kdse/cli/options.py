"""Options that several verbs take."""

import argparse


def add_nj(parser: argparse.ArgumentParser) -> None:
    """`--nj`: processes."""
    parser.add_argument("--nj", type=_count, default=1, help="processes (default 1)")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not '{text}'")
    return int(text)


def add_pipes(parser: argparse.ArgumentParser) -> None:
    """`--pipes`: whether commands in wav.scp may run."""
    parser.add_argument(
        "--pipes", action="store_true", help="run 'command |' entries of wav.scp in a shell (only for data you trust)"
    )
