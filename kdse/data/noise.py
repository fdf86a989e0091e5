"""Noises and their splits: MUSAN, DEMAND, any folder of audio, or a TSV with the columns `split` and `path`."""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import read_text
from kdse.core.parallel import in_processes
from kdse.data.audio import AUDIO_SUFFIXES, read_audio
from kdse.data.level import SILENT, active_power

SPLITS = ("train", "dev", "test")
NOISE_HELP = "noises: a folder of audio (MUSAN, DEMAND and DNS in their own layouts), or a TSV with the columns split and path"
NOISE_TEST_HELP = "test noises, where they are another collection: all of it, and --noise gives only those for training and dev"
UNSTATED = "not stated"
"""The licence of a noise whose table has that column, but nothing in it."""
COLUMNS = ("noise_id", "split", "category", "path")


@dataclass(frozen=True)
class Noise:
    """One noise recording: its id (no spaces), split, category, file; and its licence, where a table has that column."""

    noise_id: str
    split: str
    category: str
    path: str
    licence: str = ""


def find_noises(source: Path | str | Sequence[Path], test: Path | str | None = None) -> list[Noise]:
    """List the noises of a folder or a TSV, or of several of them together, sorted by id.

    A TSV needs the columns `split` (train, dev or test) and `path` (relative to the TSV); `noise_id` defaults to the file's
    name and `category` to the id. A folder with subfolders train, dev and test is split by them, any other folder by a hash of
    each file's path in it (80 % train, 10 % dev, 10 % test), so that a file never changes its split when others come or go.
    Of MUSAN (subfolders music, noise and speech) noise and music are taken: one talker is no noise. Of DEMAND (a subfolder for each
    place, with ch01 to ch16) the first microphone is: the others recorded the same.

    Args:
        test: where the test noises are another collection: all of it, and `source` gives only noises for training and dev.
    Raises: UserError where something is missing, named twice, or a split is empty.
    """
    sources = [source] if isinstance(source, Path | str) else source
    noises = [noise for one in sources for noise in _listed(Path(one), "NOISE")]
    source = ", ".join(map(str, sources))
    if test is not None:
        noises = [n for n in noises if n.split != "test"] + [replace(n, split="test") for n in _listed(Path(test), "NOISE_TEST")]
    ids: dict[str, str] = {}
    paths: set[str] = set()
    for noise in noises:
        if noise.noise_id in ids:
            raise UserError(f"{source}: noise {noise.noise_id} is given twice ({ids[noise.noise_id]} and {noise.path})")
        if noise.path in paths and test is not None:
            raise UserError(f"{noise.path} is a noise of {source} and of {test}; test noises must be others")
        if any(c.isspace() for c in noise.noise_id + noise.category) or "__" in noise.noise_id:
            raise UserError(f"{source}: noise '{noise.noise_id}' of '{noise.category}' has a space or '__' in its name; rename it")
        ids[noise.noise_id] = noise.path
        paths.add(noise.path)
    check_splits(noises, source)
    return sorted(noises, key=lambda noise: noise.noise_id)


def _listed(source: Path, name: str) -> list[Noise]:
    if source.is_dir():
        return _from_folder(source)
    if source.is_file():
        return _from_tsv(source)
    raise UserError(f"there is no noise folder or TSV at {source}; set {name} in db.sh")


def check_splits(noises: list[Noise], source: Path | str, splits: Iterable[str] = SPLITS) -> None:
    """Raise UserError where a split has no noise."""
    for split in splits:
        if not any(noise.split == split for noise in noises):
            raise UserError(f"{source}: no noise is of split '{split}'; name splits in a TSV or by subfolders train, dev, test")


def check_noises(noises: list[Noise], nj: int) -> None:
    """Decode every noise; raise UserError for one that cannot be used or is silent."""
    for _ in in_processes(read_noise, noises, nj, "check noises"):
        pass


def read_noise(noise: Noise) -> np.ndarray:
    """Read one noise, int16 (M,); refuse one so quiet even where it is loud that no SNR could be set with it."""
    samples = read_audio(noise.path)
    if active_power(samples) < SILENT:
        raise UserError(f"{noise.path} (noise {noise.noise_id}) is silent; remove it")
    return samples


@lru_cache(maxsize=32)
def read_noise_audio(path: str) -> np.ndarray:
    """`read_audio` of a noise, which may be loud only in part; the last ones are kept, because many items share a noise."""
    return read_audio(path)


def to_tsv(noises: list[Noise]) -> str:
    """The text of data/noise.tsv."""
    return "".join("\t".join(row) + "\n" for row in (COLUMNS, *([n.noise_id, n.split, n.category, n.path] for n in noises)))


def read_noise_table(path: Path, splits: Iterable[str] = SPLITS) -> list[Noise]:
    """Read data/noise.tsv as stage 1 wrote it.

    Raises: UserError where it is missing, a line lacks a column, or one of the splits has no noise.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; run stage 1 (kdse data) first")
    noises = []
    for number, row in enumerate(csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE), 2):
        missing = next((column for column in COLUMNS if not row.get(column)), None)
        if missing:
            raise UserError(f"{path}, line {number} lacks the column '{missing}'; run stage 1 (kdse data) again")
        noises.append(Noise(*(row[column] for column in COLUMNS)))
    check_splits(noises, path, splits)
    return noises


def _from_folder(folder: Path) -> list[Noise]:
    split_by_name = all((folder / split).is_dir() for split in SPLITS)
    musan = all((folder / part).is_dir() for part in ("music", "noise", "speech"))
    noises = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES):
        inside = path.relative_to(folder)
        parts = inside.with_suffix("").parts
        split = parts[0] if split_by_name else split_by_hash(inside.as_posix())
        if split not in SPLITS:
            continue
        named = _name(parts[1:] if split_by_name else parts, musan)
        if named:
            # DNS has files named after videos, whose ids hold '__'.
            name, category = (re.sub("_{2,}", "_", text.replace(" ", "-")) for text in named)
            noises.append(Noise(name, split, category, str(path.resolve())))
    if not noises:
        raise UserError(f"the noise folder {folder} holds no audio ({', '.join(AUDIO_SUFFIXES)})")
    return noises


def _name(parts: tuple[str, ...], musan: bool) -> tuple[str, str] | None:
    """Id and category of a noise from the parts of its path; None where `find_noises` leaves it out."""
    if musan:
        return (f"musan-{parts[-1]}", parts[0]) if parts[0] in ("music", "noise") else None
    if len(parts) == 2 and re.fullmatch(r"ch\d\d", parts[1]):
        return (f"demand-{parts[0]}", parts[0]) if parts[1] == "ch01" else None
    return "-".join(parts), parts[-2] if len(parts) > 1 else "-".join(parts)


def split_by_hash(name: str) -> str:
    """'train' for 80 % of all names, 'dev' and 'test' for 10 % each."""
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little") / 2**32
    return "train" if draw < 0.8 else "dev" if draw < 0.9 else "test"


def _from_tsv(path: Path) -> list[Noise]:
    rows = csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    for column in ("split", "path"):
        if column not in (rows.fieldnames or ()):
            raise UserError(f"{path} has no column '{column}'; it needs the tab-separated columns split and path")
    noises = []
    for number, row in enumerate(rows, 2):
        if not row["path"]:
            raise UserError(f"{path}, line {number}: the column 'path' is empty")
        if row["split"] not in SPLITS:
            raise UserError(f"{path}, line {number}: split is train, dev or test, not '{row['split']}'")
        file = (path.parent / row["path"]).resolve()
        if not file.is_file():
            raise UserError(f"{path}, line {number}: there is no file {file}")
        noise_id = row.get("noise_id") or file.stem
        licence = (row["licence"] or UNSTATED) if "licence" in rows.fieldnames else ""
        noises.append(Noise(noise_id, row["split"], row.get("category") or noise_id, str(file), licence))
    return noises
