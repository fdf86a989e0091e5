"""Collections of speech that come as a table: a TSV with the columns utt_id, speaker, path and text, and whatever else."""

import csv
from pathlib import Path
from typing import NamedTuple

from kdse.core.errors import UserError
from kdse.core.files import read_text
from kdse.data.corpus import Utterance

COLUMNS = ("utt_id", "speaker", "path", "text")
HUMAN = "human"


class Row(NamedTuple):
    """One line of a table: an utterance, and whether a person wrote its text."""

    utterance: Utterance
    human: bool


def read_rows(table: Path) -> list[Row]:
    """The lines of a TSV. Paths are relative to it; texts count as human where it has no column `text_source` that says otherwise.

    Raises: UserError naming table, line and utterance where a column or a file is missing.
    """
    lines = csv.DictReader(read_text(table).split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [name for name in COLUMNS if name not in (lines.fieldnames or ())]
    if missing:
        raise UserError(f"{table} has no column '{missing[0]}'; it needs {', '.join(COLUMNS)}")
    rows = []
    for number, row in enumerate(lines, 2):
        if not all(row[name] for name in COLUMNS):
            raise UserError(f"{table}, line {number}: {next(name for name in COLUMNS if not row[name])} is empty")
        path = table.parent / row["path"]
        if not path.is_file():
            raise UserError(f"{table}, line {number}: the audio of utterance {row['utt_id']} is missing ({path})")
        utterance = Utterance(row["utt_id"], row["speaker"], str(path), " ".join(row["text"].split()))
        rows.append(Row(utterance, (row.get("text_source") or HUMAN) == HUMAN))
    return rows
