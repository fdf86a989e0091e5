"""AN4 with more training speech: LibriSpeech's train-clean-100 and collections with a table. Its dev and test sets are AN4's.

The packaged student is trained on it. Transcripts of the further speech may be machine-made: they are for approaches that need
none, and no recogniser should be trained on them.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from kdse.data.corpora import an4 as official
from kdse.data.corpora.librispeech import read_subset
from kdse.data.corpora.options import path_or
from kdse.data.corpora.tables import COLUMNS, read_rows
from kdse.data.corpus import Listing, write_corpus
from kdse.data.noise import find_noises


def add_arguments(parser: argparse.ArgumentParser) -> None:
    official.add_arguments(parser)
    folder = path_or("set LIBRISPEECH= (the folder with train-clean-100) and SPEECH= (collections) in db.sh")
    parser.add_argument("--librispeech", type=folder, required=True, metavar="DIR", help="the folder with train-clean-100")
    parser.add_argument(
        "--speech",
        type=folder,
        nargs="*",
        default=[],
        metavar="TSV",
        help=f"tables of further training speech with the columns {', '.join(COLUMNS)}; paths are relative to the table",
    )


def inputs(**options) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    return {**find(**options).fingerprints(), "byte_order": options["byte_order"]}


def prepare(data_dir: Path, nj: int, **options) -> None:
    """Write data_dir/{train,dev,test} and data_dir/noise.tsv, all of them or none."""
    write_corpus(data_dir, find(**options), nj)


def find(an4: Path, noise: Path, librispeech: Path, speech: list[Path], byte_order: str = "auto") -> Listing:
    """List the utterances of each split, and the noises."""
    splits = dict(official.find(an4, noise, byte_order).splits)
    further = [replace(u, subset=None) for u in read_subset(librispeech, "train-clean-100")]
    for table in speech:
        further += [row.utterance for row in read_rows(table)]
    splits["train"] = splits["train"] + further
    return Listing(splits, find_noises(noise))
