"""Stage 11, `kdse export`: trained students as ONNX files of one frame, for kdse's runtime and sherpa-onnx."""

import argparse
from pathlib import Path

from kdse.core.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse export`."""
    parser.add_argument(
        "--run", type=Path, nargs="+", required=True, metavar="DIR", help="trained front ends; the files go to DIR/export"
    )
    parser.add_argument(
        "--check", type=Path, metavar="SET", help="a set of stage 2: its noisy speech must come out as torch's (default: noise)"
    )
    parser.add_argument("--floor", type=float, default=float("-inf"), metavar="DB", help="lowest gain; default of the file")
    parser.add_argument("--exponent", type=float, default=1.0, metavar="X", help="of the gains; default of the file")
    parser.add_argument("--mix", type=float, default=0.0, metavar="W", help="share of the noisy signal; default of the file")
    parser.add_argument("--package", metavar="NAME", help="also put the one run's model among those that come with kdse")
    parser.add_argument(
        "--results", type=Path, nargs="+", default=[], metavar="DIR", help="score rows for the model card of --package"
    )


def run(args: argparse.Namespace) -> None:
    """Export every run that is not done."""
    from kdse.export.package import package
    from kdse.export.student import export_run  # ESPnet, which --help does without
    from kdse.runtime.output_stage import OutputStage

    if args.package and len(args.run) > 1:
        raise UserError(f"--package takes one run, not {len(args.run)}")
    output = OutputStage(args.floor, args.exponent, args.mix)
    for folder in args.run:
        export_run(folder, output, args.check)
    if args.package:
        package(args.run[0], args.package, args.results)
