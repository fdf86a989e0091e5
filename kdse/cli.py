"""`kdse <verb>`: parse the arguments and call one function. Modules are imported only for the verb that is asked for."""

import argparse
import importlib
import os
import signal
import sys

from kdse.errors import UserError

# verb: (module with add_arguments(parser) and run(args), one line of help)
VERBS = {
    "data": ("kdse.data.prepare", "stage 1: find or make a corpus and write its data dirs"),
    "validate": ("kdse.data.validate", "check a data dir: every file, line and utterance"),
    "mix": ("kdse.data.sets", "stage 2: make the fixed noisy sets and pack speech and noise for training"),
    "train": ("kdse.plugin.train", "stages 3, 4, 6: train a backend, an SE teacher or a front end by an approach"),
    "adopt": ("kdse.plugin.adopt", "stage 3 with --asr_model: take a trained ESPnet recogniser as the backend"),
    "tokens": ("kdse.plugin.make_tokens", "stage 5: K-means over the backend's latents"),
    "enhance": ("kdse.plugin.enhance_sets", "stage 7: enhance dev and test sets"),
    "decode": ("kdse.decode", "stage 8: recognise original or enhanced sets"),
    "score": ("kdse.scoring.score", "stage 9: write one score row per utterance"),
    "trial": ("kdse.scoring.trial", "note what a run scored on dev in the recipe's tuning log"),
    "bench": ("kdse.bench", "time the trainings of a recipe, and what its front ends cost to run"),
    "report": ("kdse.report.report", "stage 10: render RESULTS.md, tables, plots and the page from score rows"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; return the exit code: 0 done, 1 a claim or check failed, 2 the user can mend it."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser("kdse", description=__import__("kdse").__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, (module, text) in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text)
        if argv[:1] == [verb]:
            importlib.import_module(module).add_arguments(sub)
    args = parser.parse_args(argv)
    # A job that a scheduler or a service manager ends tidies up as one ended with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return importlib.import_module(VERBS[args.verb][0]).run(args) or 0
    except UserError as e:
        print(f"kdse {args.verb}: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"kdse {args.verb}: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
