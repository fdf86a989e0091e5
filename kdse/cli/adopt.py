"""`kdse adopt`: a trained ESPnet recogniser as the backend of a recipe (stage 3 with --asr_model)."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse adopt`."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a model as espnet2.bin.pack packs it (archive, or its folder with meta.yaml), an experiment folder, or its .pth file",
    )
    parser.add_argument("--out", type=Path, required=True, help="experiment folder of the backend")
    parser.add_argument("--corpus", required=True, help="corpus name, for run.yaml")


def run(args: argparse.Namespace) -> None:
    """Copy the model and check it, or skip."""
    from kdse.training.adopt import adopt  # not for a help text

    adopt(model=args.model, out=args.out, corpus=args.corpus)
