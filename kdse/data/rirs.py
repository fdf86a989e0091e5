"""Lists of room impulse responses and their splits: the layout of OpenSLR 28, and data/rirs.tsv."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import read_text
from kdse.data.audio import RATE, to_int16
from kdse.data.noise import SPLITS, split_by_hash

RIRS_HELP = "room impulse responses in the layout of RIRS_NOISES (OpenSLR 28)"
COLUMNS = ("rir_id", "split", "path")


@dataclass(frozen=True)
class Rir:
    """One room impulse response: its id (no spaces), split, and file."""

    rir_id: str
    split: str
    path: str


def find_rirs(folder: Path | str) -> list[Rir]:
    """List simulated_rirs/SIZE/ROOM/*.wav, split by a hash of the room's name (80 % train, 10 % dev, 10 % test), and those measured
    in real rooms (real_rirs_isotropic_noises/*_rir_*.wav, *_air_*.wav), all for test; sorted by id.

    Raises: UserError where a split has none.
    """
    folder = Path(folder)
    rirs = []
    for path in sorted(folder.glob("simulated_rirs/*/*/*.wav")):
        room = "-".join(path.parts[-3:-1])
        rirs.append(Rir(f"{path.parts[-3]}-{path.stem}", split_by_hash(room), str(path.resolve())))
    for kind in ("rir", "air"):
        for path in sorted(folder.glob(f"real_rirs_isotropic_noises/*_{kind}_*.wav")):
            rirs.append(Rir(f"real-{path.stem}", "test", str(path.resolve())))
    for split in SPLITS:
        if not any(rir.split == split for rir in rirs):
            raise UserError(f"{folder} holds no room responses for '{split}'; set RIRS in db.sh to RIRS_NOISES of OpenSLR 28")
    return sorted(rirs, key=lambda rir: rir.rir_id)


def to_tsv(rirs: list[Rir]) -> str:
    """The text of data/rirs.tsv."""
    return "".join("\t".join(row) + "\n" for row in (COLUMNS, *((r.rir_id, r.split, r.path) for r in rirs)))


def read_rir_table(path: Path) -> list[Rir]:
    """Read data/rirs.tsv as stage 1 wrote it; [] where there is none."""
    if not path.is_file():
        return []
    rows = csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    rirs = []
    for number, row in enumerate(rows, 2):
        if not all(row.get(column) for column in COLUMNS):
            raise UserError(f"{path}, line {number} is damaged; run stage 1 (kdse data) again")
        rirs.append(Rir(*(row[column] for column in COLUMNS)))
    return rirs


def read_rir(rir: Rir) -> np.ndarray:
    """One response, int16 (K,), of the first microphone where there are several.

    Raises: UserError where it cannot be read, is not at 16 kHz, or is silent.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(rir.path, dtype="float64", always_2d=True)
    except (OSError, soundfile.SoundFileError) as e:
        raise UserError(f"cannot read {rir.path}: {getattr(e, 'error_string', e)}") from e
    if rate != RATE:
        raise UserError(f"{rir.path} is sampled at {rate} Hz, not {RATE} Hz; resample it (sox IN -r {RATE} OUT)")
    response = to_int16(np.nan_to_num(samples[:, 0]))
    if not response.any():
        raise UserError(f"{rir.path} (room response {rir.rir_id}) is silent; remove it")
    return response
