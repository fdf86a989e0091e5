"""Stage 11, `kdse export`: trained students as ONNX files of one frame, for kdse's runtime and sherpa-onnx."""

import argparse
from pathlib import Path


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


def run(args: argparse.Namespace) -> None:
    """Export every run that is not done."""
    from kdse.export.student import export_run  # ESPnet, which --help does without
    from kdse.runtime.output_stage import OutputStage

    output = OutputStage(args.floor, args.exponent, args.mix)
    for folder in args.run:
        export_run(folder, output, args.check)
