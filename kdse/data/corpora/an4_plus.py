"""AN4 with more training speech: LibriSpeech's train-clean-100 and collections with a table. Its dev and test sets are AN4's.

The packaged student is trained on it. Transcripts of the further speech may be machine-made: they are for approaches that need
none, and no recogniser should be trained on them.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_text
from kdse.data.corpora import an4 as official
from kdse.data.corpora.librispeech import read_subset
from kdse.data.corpora.options import path_or
from kdse.data.corpus import Listing, Utterance, write_corpus
from kdse.data.noise import find_noises

COLUMNS = ("utt_id", "speaker", "path", "text")


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
        further += read_table(table)
    splits["train"] = splits["train"] + further
    return Listing(splits, find_noises(noise))


def read_table(table: Path) -> list[Utterance]:
    """The utterances of a TSV.

    Raises: UserError naming table, line and utterance where a column or a file is missing.
    """
    rows = csv.DictReader(read_text(table).split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise UserError(f"{table} has no column '{missing[0]}'; it needs {', '.join(COLUMNS)}")
    utterances = []
    for number, row in enumerate(rows, 2):
        if not all(row[name] for name in COLUMNS):
            raise UserError(f"{table}, line {number}: {next(name for name in COLUMNS if not row[name])} is empty")
        path = table.parent / row["path"]
        if not path.is_file():
            raise UserError(f"{table}, line {number}: the audio of utterance {row['utt_id']} is missing ({path})")
        utterances.append(Utterance(row["utt_id"], row["speaker"], str(path), " ".join(row["text"].split())))
    return utterances
