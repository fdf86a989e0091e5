"""`kdse compare`: a student beside the enhancers that people use, on one's own recordings."""

import argparse
import os
import sys
from pathlib import Path

from kdse.cli.options import add_nj, add_output_stage
from kdse.core.errors import UserError

DESCRIPTION = (
    "Recordings through a student and through other enhancers: what recognisers make of each, PESQ, STOI, SI-SDR, DNSMOS, "
    "processor time. DIR holds noisy/*.wav (or .flac), and where there are any clean/ with the same names and text ('name words' "
    "a line) or text.tsv; or it is a Kaldi data dir with wav.scp, spk1.scp, text. What was done before is not done again."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse compare`."""
    parser.description = DESCRIPTION
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="recordings")
    parser.add_argument("--out", type=Path, metavar="OUT", help="where everything goes (default: compare/NAME OF DIR)")
    parser.add_argument(
        "--model",
        nargs="+",
        action="extend",
        metavar="MODEL",
        help="students: packaged models, run folders, .onnx files, each with settings of its own if need be: general,mix=0.2 "
        "(default: general)",
    )
    add_output_stage(parser)
    parser.add_argument(
        "--enhancers",
        nargs="*",
        action="extend",
        metavar="NAME",
        help="other enhancers, by name, with observation adding if need be: GTCRN,mix=0.4; none without a name (default: all that "
        "are there)",
    )
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(sys.prefix) / "peers",
        metavar="DIR",
        help="where tools/peers-requirements.txt is installed (default: %(default)s)",
    )
    parser.add_argument(
        "--command",
        action="append",
        default=[],
        metavar="'NAME=PROGRAM {in} {out}'",
        help="any program that reads one WAV and writes another; NAME@48000=... for one that wants another rate than 16 kHz",
    )
    parser.add_argument(
        "--recognisers",
        nargs="+",
        action="extend",
        metavar="NAME|PATH",
        help="whisper, whisper_tiny, pocketsphinx, a YAML of conf/decode, or the place of an ESPnet or Whisper model (default: "
        "whisper where there is a text)",
    )
    parser.add_argument("--no_dnsmos", action="store_true", help="leave DNSMOS out where there is clean speech: most of the time")
    parser.add_argument("--render", type=Path, metavar="OUT", help="only render an earlier comparison again, from its rows")
    add_nj(parser)


def run(args: argparse.Namespace) -> int:
    """Compare, or render."""
    if (args.folder is None) == (args.render is None):
        raise UserError("name a folder of recordings (kdse compare DIR), or an earlier comparison (kdse compare --render OUT)")
    # before numpy is imported: every system has one thread, and processes run side by side
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    from kdse.compare.choose import choose_systems, default_recognisers
    from kdse.compare.compare import compare, render  # numpy and much more: not for --help
    from kdse.compare.recognisers import choose_recognisers

    if args.render:
        render(args.render)
        return 0
    settings = {"floor": args.floor, "exponent": args.exponent, "mix": args.mix}
    systems, absent = choose_systems(args.model or ["general"], settings, args.enhancers, args.peers, args.command)
    given = args.recognisers or default_recognisers(args.folder)
    out = args.out or Path("compare") / args.folder.resolve().name
    return 0 if compare(args.folder, systems, choose_recognisers(given), out, absent, args.nj, not args.no_dnsmos) else 2
