"""`kdse pack`: a finished run as an ESPnet model archive with a model card."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse pack`."""
    parser.add_argument("--run", type=Path, required=True, help="a finished run of stages 3, 4 or 6, or an adopted recogniser")
    parser.add_argument("--out", type=Path, required=True, help="the archive, a .zip")
    parser.add_argument(
        "--part",
        choices=("enh", "asr"),
        help="the front end alone, or the recogniser with the front end beside it where there is one (default: asr where the "
        "run trained a recogniser, else enh)",
    )
    parser.add_argument(
        "--results", type=Path, help="folder of score rows for the model card (default: results/ beside the run, else one above)"
    )
    parser.add_argument("--license", default="apache-2.0", help="of the model, for the model card (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace an archive that is there")


def run(args: argparse.Namespace) -> None:
    """Write the archive."""
    from kdse.packing.archive import write_archive  # ESPnet, which --help does without

    write_archive(run=args.run, out=args.out, part=args.part, results=args.results, license_name=args.license, replace=args.force)
