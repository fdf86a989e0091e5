"""`kdse runs`: the names and paths of a recipe's runs, for its stage script, and what there is to choose from.

It must stay quick: every call of a recipe starts with it. So it imports no torch and no numpy.
"""

import argparse
import sys
from pathlib import Path

from kdse.approaches.registry import APPROACHES, CLASSICAL, SYSTEMS, find
from kdse.core.errors import UserError, did_you_mean
from kdse.runs.naming import STANDALONE
from kdse.runs.recipe import OPTIONS, RecipeOptions, check_counts, plan, shell, unique

COUNTS = {"nj": 1, "train_jobs": 1, "inference_nj": 1, "num_nodes": 1, "ngpu": 0}
"""Options of `run.sh` that are whole numbers, and the least."""
CONFIGS = {
    "students": ("student", "--student_config"),
    "recognisers that a recipe trains": ("asr", "--asr_config"),
    "SE teachers": ("teacher", "--teacher_config"),
    "searches, and recognisers from elsewhere": ("decode", "--inference_config"),
}
"""title: folder in conf/, and the option that takes one of its files."""
ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse runs`."""
    kinds = parser.add_subparsers(dest="kind", metavar="list|names", required=True)
    text = "approaches, students, recognisers and SE teachers, a line each; in a recipe's folder also its own"
    kinds.add_parser("list", help=text, description=f"List {text}.")
    names = kinds.add_parser(
        "names",
        help="names and paths as assignments for bash; kd.sh reads them",
        description="Print names and paths of a recipe's runs as assignments for bash. Options are those of ./run.sh.",
    )
    for option in (*OPTIONS, *COUNTS):
        names.add_argument(f"--{option}", required=True, metavar="TEXT")


def run(args: argparse.Namespace) -> None:
    """Print what was asked for."""
    print(listing() if args.kind == "list" else shell(names(vars(args))))


def names(values: dict[str, str]) -> dict[str, object]:
    """What kd.sh reads, from all of its options; see `kdse.runs.recipe.plan`.

    Raises: UserError for an option that cannot be.
    """
    if not values["corpus"]:
        raise UserError("--corpus is missing; call a recipe's run.sh, which sets it")
    for option, least in COUNTS.items():
        check_counts({option: values[option]}, least)
    options = RecipeOptions(**{name: values[name] for name in OPTIONS})
    if options.second_asr:
        print("--second_asr is called --teacher_asrs now; the old name still works", file=sys.stderr)
    everything = options.approaches == "all"
    approaches = list(APPROACHES) if everything else unique(options.approaches)
    for name in approaches:
        find(name)
    baselines = unique(options.baselines)
    for name in baselines:
        if name not in CLASSICAL:
            hint = did_you_mean(name, CLASSICAL)
            raise UserError(f"--baselines: there is no front end '{name}'{hint}; there are {', '.join(CLASSICAL)}")

    def student(approach: str) -> str:
        if everything:
            return options.all_config
        return options.student_config if approach == STANDALONE else options.kd_config or options.student_config

    return plan(options, {approach: student(approach) for approach in approaches}, baselines)


def listing() -> str:
    """Everything there is to choose from, a line each."""
    parts = [
        _table("approaches (--approaches)", {name: info.summary for name, info in APPROACHES.items()}),
        _table("front ends without training (--baselines)", {name: SYSTEMS[name].summary for name in CLASSICAL}),
    ]
    for title, (folder, option) in CONFIGS.items():
        files = {path.name: path for top in (ROOT, Path()) for path in sorted((top / "conf" / folder).glob("*.yaml"))}
        lines = {f"conf/{folder}/{name}": _first_line(path) for name, path in sorted(files.items())}
        parts.append(_table(f"{title} ({option})", lines))
    return "\n\n".join(parts)


def _table(title: str, lines: dict[str, str]) -> str:
    width = max(map(len, lines), default=0)
    return "\n".join([title, *(f"  {name:{width}}  {text}" for name, text in lines.items())])


def _first_line(path: Path) -> str:
    """What a config says of itself: the first sentence of its first line, where that is a comment."""
    line = path.read_text(encoding="utf-8").partition("\n")[0]
    return line.removeprefix("#").partition(". ")[0].strip(" .") if line.startswith("#") else ""
