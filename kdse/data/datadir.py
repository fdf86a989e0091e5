"""Kaldi-style data dirs: reading them with errors that name file, line and utterance, and writing them sorted and whole."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError
from kdse.core.files import fingerprint, fingerprint_of_sizes, read_text, sha256
from kdse.core.parallel import in_processes
from kdse.data.audio import RATE, read_audio
from kdse.data.level import SILENT, active_power

TABLES = ("wav.scp", "spk1.scp", "noise1.scp", "text", "utt2spk", "utt2subset", "utt2category", "utt2snr", "utt2noise", "utt2orig")
"""Files with one line per utterance; spk2utt is made from utt2spk. `utt2subset`: the part of a corpus that is scored in parts."""
AUDIO_TABLES = ("wav.scp", "spk1.scp", "noise1.scp")
NOISE_TABLES = ("noise1.scp", "utt2noise", "utt2snr")
"""Tables that lack the clean items of a mixed set."""
NEEDED = ("wav.scp", "text", "utt2spk")
CLEAN, SIMU, REAL = "CLEAN", "SIMU", "REAL"
"""What utt2category says in the data dirs of stage 1, in the words of ESPnet's enh_s2t recipes: clean speech, which stage 2 or
training mixes with noise; a mixture that somebody else made; a recording in noise, which has no clean signal. Without the table
all is clean. (In the sets that stage 2 mixes, the category is the noise's.)"""


def read_table(path: Path | str, empty: bool = False) -> dict[str, str]:
    """Read 'id value' lines.

    Args:
        empty: whether a value may be empty (hypotheses may, transcripts may not).
    Raises: UserError naming file and line where an id is given twice or a value is empty, and where the file cannot be read.
    """
    text = read_text(path).rstrip()
    table: dict[str, str] = {}
    for number, line in enumerate(re.finditer(r"(?m)^.*$", text) if text else (), 1):  # no list of lines beside the table
        key, value = (*line[0].split(maxsplit=1), "", "")[:2]
        if not key:
            raise UserError(f"{path}, line {number} is empty")
        if key in table:
            raise UserError(f"{path}, line {number}: utterance {key} is given twice")
        if not value and not empty:
            what = "transcript" if Path(path).name == "text" else "value"
            raise UserError(f"{path}, line {number}: utterance {key} has an empty {what}")
        table[sys.intern(key)] = value.rstrip()  # the tables of a set have the same keys
    return table


class DataDir:
    """A data dir read into memory; its tables are attributes of `tables`, e.g. tables['wav.scp'][utt].

    Raises: UserError where a needed file is missing or empty, or the files do not hold the same utterances.
    """

    def __init__(self, folder: Path | str, needed: Iterable[str] = NEEDED):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise UserError(f"there is no data dir {self.folder}; run the stage that makes it first")
        self.tables = {name: read_table(self.folder / name) for name in TABLES if name in needed or (self.folder / name).exists()}
        self.utts = sorted(self.tables["wav.scp"])
        if not self.utts:
            raise UserError(f"{self.folder / 'wav.scp'} is empty")
        for name, table in self.tables.items():
            self._check_same_utterances(name, table)

    def _check_same_utterances(self, name: str, table: Mapping[str, str]) -> None:
        scp = self.tables["wav.scp"]
        missing = next((utt for utt in self.utts if utt not in table), None)
        if missing is not None and name not in NOISE_TABLES:
            raise UserError(f"{self.folder}: utterance {missing} is in wav.scp but not in {name}")
        unknown = next((utt for utt in table if utt not in scp), None)
        if unknown is not None:
            raise UserError(f"{self.folder}: utterance {unknown} is in {name} but not in wav.scp")

    def categories(self) -> dict[str, str]:
        """{utterance: CLEAN, SIMU or REAL} of a data dir of stage 1; {} where all is clean.

        Raises: UserError where the table says anything else.
        """
        table = self.tables.get("utt2category", {})
        for utt, category in table.items():
            if category not in (CLEAN, SIMU, REAL):
                raise UserError(f"{self.folder / 'utt2category'}: utterance {utt} is {CLEAN}, {SIMU} or {REAL}, not '{category}'")
        return table

    def fingerprint(self) -> str:
        """Changes when a table changes, or the size of a file that wav.scp names."""
        tables = [sha256(self.folder / name) for name in sorted(self.tables)]
        files = [source.rsplit(":", 1)[0] for source in self["wav.scp"].values()]
        return fingerprint([tables, fingerprint_of_sizes(files)])

    def __getitem__(self, name: str) -> dict[str, str]:
        return self.tables[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tables

    def __len__(self) -> int:
        return len(self.utts)


def write_tables(folder: Path, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write sorted tables and spk2utt into an existing folder (within `atomic_dir`)."""
    for name, table in tables.items():
        assert name in TABLES, name
        with open(folder / name, "w", encoding="utf-8") as f:
            f.writelines(f"{utt} {table[utt]}\n" for utt in sorted(table))
    by_speaker: dict[str, list[str]] = {}
    for utt, speaker in sorted(tables["utt2spk"].items()):
        by_speaker.setdefault(speaker, []).append(utt)
    lines = (f"{speaker} {' '.join(utts)}\n" for speaker, utts in sorted(by_speaker.items()))
    (folder / "spk2utt").write_text("".join(lines), encoding="utf-8")


def write_datadir(folder: Path | str, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a whole data dir atomically."""
    with atomic_dir(folder) as part:
        write_tables(part, tables)


def check_speech(source: str, utt: str, pipes: bool = False, raw: str | None = None) -> np.ndarray:
    """`read_audio` that also refuses silence; returns int16 (N,)."""
    samples = read_audio(source, utt, pipes, raw)
    if active_power(samples) < SILENT:
        raise UserError(f"{source} (utterance {utt}) is silent; remove it from the data dir")
    return samples


def validate(folder: Path | str, nj: int = 1, pipes: bool = False) -> tuple[int, float]:
    """Check a data dir: its files agree and all its audio can be used; return (utterances, seconds of wav.scp).

    Raises: UserError for the first problem, naming file, line and utterance.
    """
    data = DataDir(folder)
    entries = []
    for name in AUDIO_TABLES:
        if name in data:
            for number, (utt, source) in enumerate(data[name].items(), 1):
                entries.append(_Entry(name, utt, source, f"{utt}, {data.folder / name} line {number}", pipes))
    lengths: dict[str, int] = {}
    for entry, length in zip(entries, in_processes(_length, entries, nj, f"check {folder}"), strict=True):
        # wav.scp comes first, so that its length is there for the others.
        noisy = lengths.setdefault(entry.utt, length)
        if length != noisy:
            raise UserError(f"{folder}: utterance {entry.utt} has {length} samples in {entry.table} and {noisy} in wav.scp")
    return len(data), sum(lengths.values()) / RATE


class _Entry(NamedTuple):
    """A line of a table of audio; `where` names it in errors."""

    table: str
    utt: str
    source: str
    where: str
    pipes: bool


def _length(entry: _Entry) -> int:
    read = read_audio if entry.table == "noise1.scp" else check_speech  # a noise may be quiet
    return len(read(entry.source, entry.where, entry.pipes))
