"""`kdse tokens`: the acoustic tokens of a backend (stage 5)."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse tokens`."""
    parser.add_argument("--backend", type=Path, required=True, help="folder of stage 3")
    parser.add_argument("--out", type=Path, required=True, help="folder for tokens.npz and report.json")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="folder of stage 2 (default: dump)")
    parser.add_argument("--config", type=Path, help="YAML of TokensConfig (default: the defaults in kdse/tokens/codebook.py)")


def run(args: argparse.Namespace) -> None:
    """Make the tokens, or skip."""
    from kdse.training.tokens import make_tokens  # numpy: not for a help text

    make_tokens(backend=args.backend, out=args.out, dump=args.dump, config=args.config)
