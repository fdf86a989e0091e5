"""`kdse enhance`: noisy speech in, cleaned speech out; a file, a folder, or a stream."""

import argparse
import os
import signal

from kdse.cli.options import add_model, add_nj, add_output_stage
from kdse.core.errors import UserError

FORMATS = ("s16", "s24", "s32", "f32")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse enhance`."""
    parser.add_argument("input", nargs="?", help="a sound file, a folder of them, or - for standard input")
    parser.add_argument("output", nargs="?", help="the file or folder to write, or - for standard output (WAV)")
    add_model(parser)
    parser.add_argument("--force", action="store_true", help="replace outputs that exist")
    add_nj(parser)
    add_output_stage(parser)
    stream = parser.add_argument_group("raw samples, little-endian, from standard input to standard output as they come")
    stream.add_argument("--stream", action="store_true", help="instead of INPUT and OUTPUT")
    stream.add_argument("--rate", type=int, metavar="HZ", help="samples a second (default: 16000)")
    stream.add_argument("--channels", type=int, metavar="N", help="channels, interleaved (default: 1)")
    stream.add_argument("--format", choices=FORMATS, help="of a sample (default: s16)")


def run(args: argparse.Namespace) -> int:
    """Enhance what is asked for."""
    _check(args)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)  # a closed terminal leaves nothing half done either
    from kdse.apply.files import Student, enhance_file  # numpy and onnxruntime: not for --help

    student = Student(args.model, args.floor, args.exponent, args.mix)
    try:
        if args.stream:
            from kdse.apply.raw import enhance_stream

            given = {"kind": args.format, "rate": args.rate, "channels": args.channels}
            enhance_stream(student.load(), **{name: value for name, value in given.items() if value is not None})
        elif os.path.isdir(args.input):
            from kdse.apply.folders import enhance_folder  # multiprocessing: not for one file

            enhance_folder(args.input, args.output, student, args.force, args.nj)
        else:
            enhance_file(args.input, args.output, student.load(), args.force)
    except KeyboardInterrupt:
        return 130  # without the hint to run it again: what was written would be refused
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise UserError for arguments that do not go together."""
    if args.stream:
        if any(place not in (None, "-") for place in (args.input, args.output)):
            raise UserError("--stream goes from standard input to standard output; leave INPUT and OUTPUT out")
        if args.force or args.nj > 1:
            raise UserError(f"--{'force' if args.force else 'nj'} is for files; --stream goes without")
        return
    raw = [name for name in ("rate", "channels", "format") if getattr(args, name) is not None]
    if raw:
        raise UserError(f"--{raw[0]} goes with --stream; a sound file says it itself")
    if args.input is None or args.output is None:
        raise UserError("name an input and an output (kdse enhance noisy.wav clean.wav), or give --stream")
    if not args.input or not args.output:
        raise UserError(f"the name of the {'output' if args.input else 'input'} is empty")
    if os.path.isdir(args.input) and (args.output == "-" or os.path.isfile(args.output)):
        raise UserError(f"{args.input} is a folder, {args.output} is none; name two files or two folders")
