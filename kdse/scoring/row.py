"""The score row: one JSON object for each utterance, from which every table, plot and page is rendered.

The columns of metrics come from their registry, `kdse.scoring.metrics`.
"""

import gzip
import json
import math
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, BinaryIO

from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError, did_you_mean
from kdse.scoring.metrics import COUNTS, SCORES
from kdse.scoring.missing import NOT_SCORED

ABOUT = ("corpus", "set", "run", "approach", "seed", "student", "teacher", "params", "backend", "decode", "omega")
ITEM = ("utt", "speaker", "category", "noise", "snr", "ref", "hyp")
COLUMNS = (*ABOUT, *ITEM, *COUNTS, *SCORES, "missing")
LATER = frozenset({*COUNTS, *SCORES} - {"word", "char"})
"""Columns that a row may lack: those of metrics that were registered after it was written. Such a score was not scored then."""
KEY = ("corpus", "set", "run", "backend", "decode", "omega", "utt", "snr", "noise")
"""What no two rows of a recipe share."""

_OF_ITEM = tuple(name for name in ITEM if name != "hyp")
_COUNTS, _SCORE = struct.Struct("<4i"), struct.Struct("<d")
_NUMBERS = struct.Struct(f"<{4 * len(COUNTS)}i{len(SCORES)}d")
_NO_COUNTS = (-1, 0, 0, 0)
_TEXT = ("corpus", "set", "run", "approach", "backend", "decode", "utt", "speaker", "ref", "hyp")
_TEXT_OR_NULL = ("student", "teacher", "category", "noise")

Row = Mapping[str, Any]


def row_key(row: Row) -> tuple:
    """The values of `KEY`; equal texts are one object, since many keys are held at a time."""
    return tuple(sys.intern(value) if type(value) is str else value for value in map(row.__getitem__, KEY))


def unique(rows: Iterable[Row], where: str) -> Iterator[Row]:
    """Yield rows; raise UserError for the first one whose key was there before."""
    seen = set()
    for row in rows:
        key = row_key(row)
        if key in seen:
            raise _twice(key, where)
        seen.add(key)
        yield row


class PackedRow(Row):
    """A row in a tenth of a dict's memory: numbers are bytes, and what rows of one run or of one item have in common is there once.

    It cannot be changed. `item` is its (utt, noise or "", snr).
    """

    __slots__ = ("_about", "_hyp", "_missing", "_numbers", "_of_item", "item")

    def __init__(self, row: Row, shared: dict[Hashable, Any]):
        """Pack a valid row; rows packed with the same `shared` have equal parts in common."""

        def once(value):
            return shared.setdefault(value, value)

        self._about = once(tuple(row[name] for name in ABOUT))
        self._of_item = once(tuple(once(row[name]) for name in _OF_ITEM))
        self.item = once((row["utt"], row["noise"] or "", row["snr"]))
        self._hyp = row["hyp"]
        self._missing = once(tuple((name, once(why)) for name, why in row["missing"].items()))
        counts = (count for name in COUNTS for count in row[name] or _NO_COUNTS)
        scores = (math.nan if row[name] is None else row[name] for name in SCORES)
        self._numbers = _NUMBERS.pack(*counts, *scores)

    def __getitem__(self, name: str) -> Any:
        return _READ[name](self)

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        return len(COLUMNS)


def _counts(row: PackedRow, place: int) -> list[int] | None:
    counts = _COUNTS.unpack_from(row._numbers, place)
    return None if counts == _NO_COUNTS else list(counts)


def _score(row: PackedRow, place: int) -> float | None:
    (value,) = _SCORE.unpack_from(row._numbers, place)
    return None if math.isnan(value) else value


_READ: dict[str, Callable[[PackedRow], Any]] = {
    **{name: lambda row, i=i: row._about[i] for i, name in enumerate(ABOUT)},
    **{name: lambda row, i=i: row._of_item[i] for i, name in enumerate(_OF_ITEM)},
    **{name: partial(_counts, place=i * _COUNTS.size) for i, name in enumerate(COUNTS)},
    **{name: partial(_score, place=len(COUNTS) * _COUNTS.size + i * _SCORE.size) for i, name in enumerate(SCORES)},
    "hyp": lambda row: row._hyp,
    "missing": lambda row: dict(row._missing),
}


def check_row(row: Row, where: str) -> None:
    """Raise UserError unless every column is there with a value of its kind, and every null metric has its reason in `missing`.

    A column of a later metric may be absent (see `LATER`).
    """
    for name in COLUMNS:
        if name not in row and name not in LATER:
            raise UserError(f"{where}: the column '{name}' is missing")
    for name in row:
        if name not in COLUMNS:
            raise UserError(f"{where}: there is no column '{name}'{did_you_mean(name, COLUMNS)}")
    _check_names(row, where)
    _check_scores(row, where)


def _check_names(row: Row, where: str) -> None:
    """Check what names the run and the item."""
    for names, kinds in ((_TEXT, str), (_TEXT_OR_NULL, (str, type(None)))):
        for name in names:
            if not isinstance(row[name], kinds):
                raise UserError(f"{where}: '{name}' must be text, not {row[name]!r}")
    for name in ("seed", "params"):
        if not (row[name] is None or type(row[name]) is int):
            raise UserError(f"{where}: '{name}' must be a whole number or null, not {row[name]!r}")


def _check_scores(row: Row, where: str) -> None:
    """Check the numbers, and that exactly the null ones have a reason."""
    for name in ("omega", *SCORES, "snr"):
        value = row.get(name)
        if not (_is_number(value) or (value is None and name != "omega")):
            raise UserError(f"{where}: '{name}' must be a finite number{'' if name == 'omega' else ' or null'}, not {value!r}")
    for name in COUNTS:
        counts = row.get(name)
        if counts is None and name in LATER:
            continue
        if not (isinstance(counts, list) and len(counts) == 4 and all(type(c) is int and c >= 0 for c in counts)):
            raise UserError(f"{where}: '{name}' must be [n_ref, sub, del, ins], not {counts!r}")
    null = sorted(name for name in LATER if name in row and row[name] is None)
    if not isinstance(row["missing"], dict) or sorted(row["missing"]) != null:
        raise UserError(f"{where}: 'missing' must give a reason for exactly the null scores {null}, not {row['missing']!r}")


def _with_later_columns(row: Row) -> Row:
    """The row with a null, and the reason, for each metric that was not scored then."""
    absent = [name for name in (*COUNTS, *SCORES) if name not in row]
    if not absent:
        return row
    return {**row, **dict.fromkeys(absent), "missing": {**row["missing"], **dict.fromkeys(absent, NOT_SCORED)}}


def _as_written(row: Row) -> dict[str, Any]:
    """The row with its columns in order, without what was not scored then."""
    later = {name for name, why in row["missing"].items() if why == NOT_SCORED}
    written = {name: row[name] for name in COLUMNS if name in row and name not in later}
    written["missing"] = {name: why for name, why in row["missing"].items() if name not in later}
    return written


def write_rows(path: Path | str, rows: Iterable[Row]) -> bool:
    """Write rows in a fixed order as gzip without a time stamp; return whether the file changed.

    A file that already holds the same rows is left alone, so that another zlib does not change what is committed. Rows may come
    from an iterator: they wait in a temporary file, and only their keys are held.

    Raises: UserError where a row is not valid or a key occurs twice.
    """
    with tempfile.TemporaryFile() as waiting:
        places, parts = [], {}
        for row in rows:
            check_row(row, f"{path}, utterance {row.get('utt')}")
            places.append((_order(row_key(row), parts), waiting.tell()))
            line = json.dumps(_as_written(row), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            waiting.write(f"{line}\n".encode())
        places.sort()
        for (one, _), (other, _) in pairwise(places):
            if one == other:
                raise _twice(tuple(value if there else None for there, value in one), str(path))
        if _holds(Path(path), _lines(waiting, places)):
            return False
        with atomic_path(path) as part, open(part, "wb") as f, gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as packed:
            for line in _lines(waiting, places):
                packed.write(line)
    return True


def read_rows(path: Path | str) -> Iterator[Row]:
    """Yield the rows of one file, checked.

    Raises: UserError naming the file and line where it cannot be read or a row is not valid, and where a key occurs twice.
    """

    def checked(lines: Iterable[str]) -> Iterator[Row]:
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except ValueError as e:
                raise UserError(f"{where} is not JSON: {e}") from e
            if not isinstance(row, dict):
                raise UserError(f"{where} is not a JSON object")
            check_row(row, where)
            yield _with_later_columns(row)

    try:
        with gzip.open(path, "rt", encoding="utf-8") as f:
            yield from unique(checked(f), str(path))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as e:
        raise UserError(f"cannot read the score rows {path}: {e}; score the run again") from e


def _twice(key: tuple, where: str) -> UserError:
    return UserError(f"{where}: two rows for {', '.join(f'{k} {v}' for k, v in zip(KEY, key, strict=True) if v is not None)}")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _order(key: tuple, shared: dict[tuple, tuple]) -> tuple:
    """What sorts by a key, nulls first; equal parts are one object."""
    parts = ((value is not None, value if value is not None else 0) for value in key)
    return tuple(shared.setdefault(part, part) for part in parts)


def _lines(waiting: BinaryIO, places: Iterable[tuple[tuple, int]]) -> Iterator[bytes]:
    for _, place in places:
        waiting.seek(place)
        yield waiting.readline()


def _holds(path: Path, lines: Iterable[bytes]) -> bool:
    """Whether a gzip file holds exactly these lines."""
    try:
        with gzip.open(path) as f:
            return all(one == other for one, other in zip_longest(f, lines))
    except (OSError, EOFError, zlib.error):
        return False  # no file yet, or one that is no gzip: it is written now
