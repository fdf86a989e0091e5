"""`kdse data CORPUS`, stage 1: write the data dirs of a corpus."""

import argparse
import importlib
from pathlib import Path

from kdse.cli.options import add_nj
from kdse.data.corpora.registry import CORPORA, CorpusInfo


class CorpusParser(argparse.ArgumentParser):
    """The parser of one corpus. It imports the corpus's module only when that corpus is asked for."""

    info: CorpusInfo | None = None

    def parse_known_args(self, args=None, namespace=None):
        """Declare the corpus's own options, then parse."""
        if self.info is not None:
            corpus = importlib.import_module(self.info.module)
            self.description, self.info = corpus.__doc__, None
            corpus.add_arguments(self)
            add_nj(self)
            self.add_argument("--out", type=Path, default=Path("data"), help="where the data dirs go (default data)")
        return super().parse_known_args(args, namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    corpora = parser.add_subparsers(dest="corpus", metavar="CORPUS", required=True, parser_class=CorpusParser)
    for name, info in CORPORA.items():
        corpora.add_parser(name, help=info.summary).info = info


def run(args: argparse.Namespace) -> None:
    from kdse.data.prepare import prepare_corpus  # NumPy: not for --help

    options = {key: value for key, value in vars(args).items() if key not in ("verb", "corpus", "nj", "out")}
    prepare_corpus(args.corpus, args.out, nj=args.nj, **options)
