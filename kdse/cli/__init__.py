"""`kdse <verb>`: parse the arguments and call one function. Modules are imported only for the verb that is asked for."""

import argparse
import importlib
import os
import re
import signal
import sys
from itertools import takewhile
from types import ModuleType

import kdse
from kdse.core.errors import UserError
from kdse.core.extras import missing_package

VERBS = {
    "enhance": "clean noisy speech: a file, a folder or a stream",
    "transcribe": "the words of noisy speech, without and with a front end",
    "doctor": "what a recording is like, what a front end takes away from it, and whether it should",
    "compare": "a student beside the enhancers that people use, on recordings of your own",
    "data": "stage 1: find or make a corpus and write its data dirs",
    "runs": "names and paths of the runs of a recipe; approaches, students and recognisers to choose from",
    "validate": "check a data dir: every file, line and utterance",
    "mix": "stage 2: make the fixed noisy sets and pack speech and noise for training",
    "train": "stages 3, 4, 6: train a backend, an SE teacher or a front end by an approach",
    "adopt": "stage 3 with --asr_model: take a trained ESPnet recogniser as the backend",
    "tokens": "stage 5: K-means over the backend's latents",
    "enhance-sets": "stage 7: enhance dev and test sets",
    "decode": "stage 8: recognise original or enhanced sets",
    "score": "stage 9: write one score row per utterance",
    "trial": "note what a run scored on dev in the recipe's tuning log",
    "pack": "write a finished run as an ESPnet model archive with a model card",
    "bench": "time the trainings of a recipe, and what its front ends cost to run",
    "report": "stage 10: render RESULTS.md, tables, plots and the page from score rows",
    "export": "stage 11: write trained students as ONNX files of one frame",
}
"""verb: one line of help. `kdse/cli/<verb>.py`, with _ for -, has `add_arguments(parser)` and `run(args)`, which may return an exit
code."""


WITH_FILES = ("enhance", "transcribe", "doctor")
"""Verbs that take names of sound files, and no options of one letter but -h."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb; return the exit code: 0 done, 1 a claim or check failed, 2 the user can mend it."""
    argv = _as_called_now(sys.argv[1:] if argv is None else argv)
    if word := _dashed(argv):
        print(f"kdse {argv[0]}: {word} looks like an option; a file of that name is ./{word}", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser("kdse", description=kdse.__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, text in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text)
        if argv[:1] == [verb]:
            _module(verb).add_arguments(sub)
    args = parser.parse_args(argv)
    # A job that a scheduler or a service manager ends tidies up as one ended with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _module(args.verb).run(args) or 0
    except UserError as e:
        print(f"kdse {args.verb}: {e}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as e:
        needs = missing_package(e.name)
        if needs is None:
            raise
        print(f"kdse {args.verb}: {needs}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"kdse {args.verb}: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"kdse.cli.{verb.replace('-', '_')}")


def _dashed(argv: list[str]) -> str | None:
    """A file's name that would be taken for an option: a dash, and a suffix with a letter."""
    if not argv or argv[0] not in WITH_FILES:
        return None
    words = takewhile(lambda word: word != "--", argv[1:])
    return next((word for word in words if re.fullmatch(r"-[^-].*\.[a-zA-Z]\w*", word)), None)


def _as_called_now(argv: list[str]) -> list[str]:
    """The arguments, with stage 7 under its present name: `kdse enhance --run ...` stands in what was published."""
    if argv[:1] != ["enhance"] or not any(word.split("=")[0] == "--run" for word in argv):
        return argv
    print("kdse enhance: stage 7 is 'kdse enhance-sets' now, which runs with these arguments", file=sys.stderr)
    return ["enhance-sets", *argv[1:]]
