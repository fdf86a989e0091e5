"""Many signals in one memory-mapped array: decoded once, then shared by every loader process without a copy."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kdse.data.audio import RATE
from kdse.errors import UserError
from kdse.files import atomic_dir


class Pack(Mapping[str, np.ndarray]):
    """A folder of `samples.npy` (int16, all signals end to end) and `index.json` ({id: [start, length]}).

    Values are read-only int16 (N,) views. The map is opened on first use and again after pickling, so a pack may be handed to
    forked or spawned loader workers.

    Raises: UserError where the folder is no pack, or its samples are truncated.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        try:
            held = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
            self._index: dict[str, list[int]] = held["index"]
            rate = held["rate"]
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise UserError(f"{self.folder} is no pack of signals; run stage 2 (kdse mix) first") from e
        assert rate == RATE, f"{self.folder}: {rate} Hz"
        self.ids = tuple(self._index)
        self._samples: np.ndarray | None = None

    def __getitem__(self, key: str) -> np.ndarray:
        start, length = self._index[key]
        if self._samples is None:
            self._samples = self._open()
        return self._samples[start : start + length]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def length(self, key: str) -> int:
        """Samples of one signal, without touching them."""
        return self._index[key][1]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_samples": None}

    def _open(self) -> np.ndarray:
        try:
            # A plain ndarray over the map: slicing a np.memmap costs ten times as much.
            samples = np.asarray(np.load(self.folder / "samples.npy", mmap_mode="r"))
        except (OSError, ValueError) as e:
            raise UserError(f"{self.folder / 'samples.npy'} is missing or truncated; run stage 2 (kdse mix) again") from e
        assert samples.dtype == np.int16 and samples.ndim == 1
        return samples


def write_pack(folder: Path | str, items: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write (id, int16 (N,)) pairs as a pack; the folder appears when it is complete."""
    index: dict[str, list[int]] = {}
    total = 0
    with atomic_dir(folder) as part:
        with open(part / "samples.npy", "wb") as f:
            _write_header(f, 0)
            for key, samples in items:
                assert samples.dtype == np.int16 and samples.ndim == 1, f"{key}: {samples.dtype} {samples.shape}"
                assert key not in index, key
                f.write(np.ascontiguousarray(samples).data)
                index[key] = [total, len(samples)]
                total += len(samples)
            f.seek(0)
            _write_header(f, total)
        (part / "index.json").write_text(json.dumps({"rate": RATE, "index": index}), encoding="utf-8")


def _write_header(file: BinaryIO, total: int) -> None:
    """The .npy header; NumPy pads it so that the first axis may grow without moving the data."""
    np.lib.format.write_array_header_1_0(file, {"descr": "<i2", "fortran_order": False, "shape": (total,)})
