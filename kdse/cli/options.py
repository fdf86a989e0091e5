"""Options that several verbs take."""

import argparse


def add_nj(parser: argparse.ArgumentParser) -> None:
    """`--nj`: processes."""
    parser.add_argument("--nj", type=_count, default=1, help="processes (default 1)")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not '{text}'")
    return int(text)


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`: an exported student."""
    parser.add_argument("--model", default="general", help="packaged model, run folder or .onnx file (default: %(default)s)")


def add_output_stage(parser: argparse.ArgumentParser) -> None:
    """`--floor`, `--exponent`, `--mix`: what is done with a student's gains."""
    parser.add_argument("--floor", type=float, metavar="DB", help="lowest gain in dB, 0 or less (default: the model's)")
    parser.add_argument("--exponent", type=float, metavar="X", help="of the gains, 0 to 10 (default: the model's)")
    parser.add_argument("--mix", type=float, metavar="W", help="share of the input in the output, 0 to 1 (default: the model's)")


def add_pipes(parser: argparse.ArgumentParser) -> None:
    """`--pipes`: whether commands in wav.scp may run."""
    parser.add_argument(
        "--pipes", action="store_true", help="run 'command |' entries of wav.scp in a shell (only for data you trust)"
    )
