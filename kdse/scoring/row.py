"""The score row: one JSON object for each utterance, from which every table, plot and page is rendered."""

import gzip
import json
import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kdse.errors import UserError, did_you_mean
from kdse.files import atomic_path

ABOUT = ("corpus", "set", "run", "approach", "seed", "student", "teacher", "params", "backend", "decode", "omega")
ITEM = ("utt", "speaker", "category", "noise", "snr", "ref", "hyp")
COUNTS = ("word", "char")
METRICS = (
    "pesq_wb", "pesq_nb", "stoi", "estoi", "csig", "cbak", "covl", "sdr", "sir", "sar", "si_sdr", "snr_out", "ssnr",
    "wada_snr", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808", "token_error_rate",
)  # fmt: skip
COLUMNS = (*ABOUT, *ITEM, *COUNTS, *METRICS, "missing")
KEY = ("corpus", "set", "run", "backend", "decode", "omega", "utt", "snr", "noise")
"""What no two rows of a recipe share."""

_TEXT = ("corpus", "set", "run", "approach", "backend", "decode", "utt", "speaker", "ref", "hyp")
_TEXT_OR_NULL = ("student", "teacher", "category", "noise")

Row = dict[str, Any]


def row_key(row: Row) -> tuple:
    """The values of `KEY`."""
    return tuple(row[name] for name in KEY)


def check_unique(rows: Iterable[Row], where: str) -> None:
    """Raise UserError for the first row whose key was there before."""
    seen = set()
    for row in rows:
        key = row_key(row)
        if key in seen:
            raise UserError(
                f"{where}: two rows for {', '.join(f'{k} {v}' for k, v in zip(KEY, key, strict=True) if v is not None)}"
            )
        seen.add(key)


def check_row(row: Row, where: str) -> None:
    """Raise UserError unless every column is there with a value of its kind, and every null metric has its reason in `missing`."""
    for name in COLUMNS:
        if name not in row:
            raise UserError(f"{where}: the column '{name}' is missing")
    for name in row:
        if name not in COLUMNS:
            raise UserError(f"{where}: there is no column '{name}'{did_you_mean(name, COLUMNS)}")
    for names, kinds in ((_TEXT, str), (_TEXT_OR_NULL, (str, type(None)))):
        for name in names:
            if not isinstance(row[name], kinds):
                raise UserError(f"{where}: '{name}' must be text, not {row[name]!r}")
    for name in ("seed", "params"):
        if not (row[name] is None or type(row[name]) is int):
            raise UserError(f"{where}: '{name}' must be a whole number or null, not {row[name]!r}")
    for name in ("omega", *METRICS, "snr"):
        if not (_is_number(row[name]) or (row[name] is None and name != "omega")):
            raise UserError(f"{where}: '{name}' must be a finite number{'' if name == 'omega' else ' or null'}, not {row[name]!r}")
    for name in COUNTS:
        counts = row[name]
        if not (isinstance(counts, list) and len(counts) == 4 and all(type(c) is int and c >= 0 for c in counts)):
            raise UserError(f"{where}: '{name}' must be [n_ref, sub, del, ins], not {counts!r}")
    without = sorted(name for name in METRICS if row[name] is None)
    if not isinstance(row["missing"], dict) or sorted(row["missing"]) != without:
        raise UserError(f"{where}: 'missing' must give a reason for exactly the null scores {without}, not {row['missing']!r}")


def write_rows(path: Path | str, rows: Iterable[Row]) -> bool:
    """Write rows in a fixed order as gzip without a time stamp; return whether the file changed.

    A file that already holds the same rows is left alone, so that another zlib does not change what is committed.

    Raises: UserError where a row is not valid or a key occurs twice.
    """
    rows = sorted(rows, key=_order)
    for row in rows:
        check_row(row, f"{path}, utterance {row.get('utt')}")
    check_unique(rows, str(path))
    lines = (json.dumps({c: row[c] for c in COLUMNS}, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for row in rows)
    data = "".join(f"{line}\n" for line in lines).encode()
    try:
        if gzip.decompress(Path(path).read_bytes()) == data:
            return False
    except (OSError, EOFError, zlib.error):
        pass  # no file yet, or one that is no gzip: it is written now
    with atomic_path(path) as part, open(part, "wb") as f, gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as packed:
        packed.write(data)
    return True


def read_rows(path: Path | str) -> list[Row]:
    """Read and check one file of rows.

    Raises: UserError naming the file and line where it cannot be read or a row is not valid.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as f:
            lines = f.read().splitlines()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as e:
        raise UserError(f"cannot read the score rows {path}: {e}; score the run again") from e
    rows = []
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as e:
            raise UserError(f"{where} is not JSON: {e}") from e
        if not isinstance(row, dict):
            raise UserError(f"{where} is not a JSON object")
        check_row(row, where)
        rows.append(row)
    check_unique(rows, str(path))
    return rows


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _order(row: Row) -> tuple:
    """Sort by the key, nulls first."""
    return tuple((value is not None, value if value is not None else 0) for value in row_key(row))
