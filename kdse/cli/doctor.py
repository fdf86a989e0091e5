"""`kdse doctor`: what a recording is like, what a front end takes away from it, and whether it should."""

import argparse
import json
import os
import sys

from kdse.cli.options import add_model
from kdse.core.errors import UserError
from kdse.core.progress import bar, terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse doctor`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="sound files; - for standard input")
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a file instead")


def run(args: argparse.Namespace) -> int:
    """Examine each file; return 2 where one cannot be."""
    from kdse.apply.describe import describe  # numpy and onnxruntime: not for --help
    from kdse.apply.examine import examine
    from kdse.apply.places import show
    from kdse.runtime.packaged import load_model

    model, code, printed = load_model(args.model), 0, False
    for file in args.files:
        try:
            if os.path.isdir(file):
                raise UserError(f"{file} is a folder; name the sound files in it")
            found = examine(file, model, lambda sound: bar(sound, sound.name, sound.blocks, terminal()))
        except UserError as e:
            print(f"kdse doctor: {e}", file=sys.stderr)
            code = 2
            continue
        show(json.dumps(found.plain()) if args.json else f"{chr(10) * printed}{describe(found)}")
        printed = True
    return code
