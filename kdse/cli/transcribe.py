"""`kdse transcribe`: the words of noisy speech, without and with a front end."""

import argparse
import json
import os
import sys
from pathlib import Path

from kdse.cli.options import add_model, add_output_stage
from kdse.core.errors import UserError
from kdse.core.progress import bar, terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse transcribe`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="sound files; - for standard input")
    add_model(parser)
    add_output_stage(parser)
    parser.add_argument(
        "--asr_model",
        default="whisper",
        metavar="whisper|PATH",
        help="recogniser: Whisper base, the folder of another Whisper model (CTranslate2), or a trained ESPnet model: a folder, "
        "a packed archive, a .pth file (default: %(default)s)",
    )
    parser.add_argument("--language", metavar="CODE", help="of the speech, for Whisper, such as en or de (default: en)")
    parser.add_argument("--config", type=Path, metavar="YAML", help="recogniser or search, as of kdse decode (default: what fits)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file instead")


def run(args: argparse.Namespace) -> int:
    """Transcribe each file; return 2 where one cannot be."""
    from kdse.apply.files import Student  # numpy and onnxruntime: not for --help
    from kdse.apply.listen import load_recogniser
    from kdse.apply.places import show, tell
    from kdse.apply.transcribe import hear, transcribe

    enhancer = Student(args.model, args.floor, args.exponent, args.mix).load()
    recogniser = load_recogniser(args.asr_model, args.language, args.config)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    code = printed = said = 0
    for file in args.files:
        try:
            heard = hear(file, enhancer, lambda sound: bar(sound, f"{sound.name}, front end", sound.blocks, terminal()))
            if heard.channels > 1 and not said:
                said = 1
                tell(f"{heard.name} has {heard.channels} channels: each is enhanced by itself, then all are mixed to mono")
            found = transcribe(heard, recogniser, enhancer.model.rate)
        except UserError as e:
            print(f"kdse transcribe: {e}", file=sys.stderr)
            code = 2
            continue
        show(json.dumps(found.plain(), ensure_ascii=False) if args.json else chr(10) * printed + found.text(colour))
        printed = 1
    return code
