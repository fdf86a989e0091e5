"""`kdse enhance`: noisy speech in, cleaned speech out; a file, a folder, or a stream."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse enhance`."""
    parser.add_argument("input", help="a sound file, a folder of them, or - for standard input")
    parser.add_argument("output", help="the file or folder to write, or - for standard output")
    parser.add_argument("--model", default="kd", help="a packaged model, a run folder, or an .onnx file (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    parser.add_argument("--nj", type=int, default=1, help="processes for a folder (default: %(default)s)")
    parser.add_argument("--stream", action="store_true", help="raw PCM in and out, as it comes")
    parser.add_argument("--rate", type=int, metavar="HZ", help="samples a second of raw PCM")
    parser.add_argument("--channels", type=int, metavar="N", help="channels of raw PCM")
    parser.add_argument("--floor", type=float, metavar="DB", help="lowest gain of the front end (default: the model's)")
    parser.add_argument("--exponent", type=float, help="power of the gain (default: the model's)")
    parser.add_argument("--mix", type=float, metavar="W", help="share of the noisy signal that is added (default: the model's)")


def run(args: argparse.Namespace) -> None:
    """Enhance what is asked for."""
    from kdse.apply.files import enhance_files  # numpy and onnxruntime: not for --help

    enhance_files(args)
