"""`kdse report` (stage 10): RESULTS.md, tables, plots and the page from score rows, and the check of a claim."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse report`."""
    parser.add_argument("--recipe", default=".", metavar="DIR", help="recipe folder (default: %(default)s)")
    parser.add_argument(
        "--expdir",
        metavar="DIR",
        help="experiments: the rows in its results/, or the committed ones where it has none, are rendered there (default: exp "
        "in the recipe)",
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="also copy rows and costs to the recipe's results/, and render RESULTS.md, tables and plots there, to be committed; "
        "without rows in the experiments, only render the committed ones again",
    )
    parser.add_argument(
        "--backend",
        nargs="+",
        default=[""],
        metavar="NAME",
        help="render the rows of other backends than the home one, results/backends/NAME, into their folders; then those of the "
        "home one",
    )
    parser.add_argument("--title", help="heading of RESULTS.md (default: the one it has, else 'Results on <corpus>')")
    parser.add_argument(
        "--claim",
        action="append",
        default=[],
        metavar="'A < B on SET'",
        help="check that A's WER is lower than B's: exit code 1 unless the interval of the paired difference is below 0; "
        "A and B are approaches, or runs without their seed",
    )


def run(args: argparse.Namespace) -> int:
    """Render, print the main table, check the claims; 1 where a claim does not hold."""
    from kdse.report.report import make_report  # numpy and the bootstrap, which `kdse report --help` does not need

    recipe = Path(args.recipe)
    expdir = Path(args.expdir) if args.expdir else recipe / "exp"
    return make_report(recipe, expdir, backends=args.backend, claims=args.claim, title=args.title, publish=args.publish)
