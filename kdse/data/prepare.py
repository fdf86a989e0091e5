"""The verb `kdse data CORPUS` (stage 1): hand over to the corpus's own file, and remember that it is done."""

import argparse
import importlib
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import write_text
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.data.datadir import DataDir
from kdse.data.noise import SPLITS

CORPORA = {
    "an4": "kdse.data.corpora.an4",
    "chime4": "kdse.data.corpora.chime4",
    "librispeech": "kdse.data.corpora.librispeech",
    "mini": "kdse.data.corpora.mini",
}
"""name: module with `add_arguments(parser)`, `prepare(data_dir, nj, **options)` and, to know whether a rerun is needed,
`inputs(**options) -> dict`. The options are those that `add_arguments` declares. `DATA_DIRS` names the data dirs of a corpus that
does not have just train, dev and test."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    corpora = parser.add_subparsers(dest="corpus", metavar="CORPUS", required=True)
    for name, module in CORPORA.items():
        corpus = importlib.import_module(module)
        sub = corpora.add_parser(name, help=(corpus.__doc__ or "").splitlines()[0], description=corpus.__doc__)
        corpus.add_arguments(sub)
        sub.add_argument("--nj", type=int, default=1, help="processes (default 1)")
        sub.add_argument("--out", type=Path, default=Path("data"), help="where the data dirs go (default data)")


def run(args: argparse.Namespace) -> None:
    options = {key: value for key, value in vars(args).items() if key not in ("verb", "corpus", "nj", "out")}
    corpus = importlib.import_module(CORPORA[args.corpus])
    step = Step(args.out, {"corpus": args.corpus, **corpus.inputs(**options)}, f"data {args.corpus}")
    folders = getattr(corpus, "DATA_DIRS", SPLITS)
    made = [args.out / name for name in (*folders, "noise.tsv", "corpus")]
    gone = next((path for path in made if not path.exists()), None)
    if gone is not None and step.marker.exists():
        say(f"data {args.corpus}: runs again, because {gone} is gone")
        step.marker.unlink()
    if not step.needed():
        return
    corpus.prepare(args.out, nj=args.nj, **options)
    for name in folders:
        DataDir(args.out / name).categories()
    write_text(args.out / "corpus", args.corpus + "\n")
    step.finish()


def corpus_name(data: Path) -> str:
    """The corpus that stage 1 put into a data folder; it enters the key of every random draw."""
    try:
        return (data / "corpus").read_text(encoding="utf-8").strip()
    except OSError as e:
        raise UserError(f"{data / 'corpus'} is missing; run stage 1 (kdse data) first") from e
