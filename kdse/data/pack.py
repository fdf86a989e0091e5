"""Many signals, or what a recogniser makes of them, in one memory-mapped array: computed once, shared by all loader processes."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError
from kdse.data.audio import RATE


class Pack(Mapping[str, np.ndarray]):
    """A folder of `samples.npy` (int16, all signals end to end) and `index.json` ({id: [start, length]}).

    Attributes:
        ids: all, in order.
        recordings: those that are no clean speech and are used as they are; `clean` are the others.

    Values are read-only int16 (N,) views. The map is opened on first use and again after pickling, so a pack may be handed to
    forked or spawned loader workers.

    Raises: UserError where the folder is no pack, or its samples are truncated.
    """

    file, dtype, axes = "samples.npy", np.dtype("<i2"), 1
    what, made_by = "pack of signals", "stage 2 (kdse mix)"

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        try:
            description = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
            self._index: dict[str, list[int]] = description["index"]
            rate = description["rate"]
            self.recordings = frozenset(description.get("recordings", ()))
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise UserError(f"{self.folder} is no {self.what}; run {self.made_by} first") from e
        assert rate == RATE, f"{self.folder}: {rate} Hz"
        self.ids = tuple(self._index)
        self.clean = tuple(key for key in self.ids if key not in self.recordings)
        self._array: np.ndarray | None = None

    def __getitem__(self, key: str) -> np.ndarray:
        start, length = self._index[key]
        return self.array()[start : start + length]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def length(self, key: str) -> int:
        """Samples of one signal (frames of its latents), without touching them."""
        return self._index[key][1]

    def array(self) -> np.ndarray:
        """All of them end to end."""
        if self._array is None:
            self._array = self._open()
        return self._array

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_array": None}

    def _open(self) -> np.ndarray:
        try:
            # A plain ndarray over the map: slicing a np.memmap costs ten times as much.
            array = np.asarray(np.load(self.folder / self.file, mmap_mode="r"))
        except (OSError, ValueError) as e:
            raise UserError(f"{self.folder / self.file} is missing or truncated; run {self.made_by} again") from e
        assert array.dtype == self.dtype and array.ndim == self.axes
        return array

    @classmethod
    def write(cls, folder: Path | str, items: Iterable[tuple[str, np.ndarray]], recordings: Sequence[str] = ()) -> None:
        """Write (id, array) pairs, one after another; the folder appears when it is complete."""
        index: dict[str, list[int]] = {}
        total, width = 0, ()
        with atomic_dir(folder) as part:
            with open(part / cls.file, "wb") as f:
                for key, array in items:
                    assert array.dtype == cls.dtype and array.ndim == cls.axes, f"{key}: {array.dtype} {array.shape}"
                    assert key not in index and (not index or array.shape[1:] == width), key
                    if not index:
                        width = array.shape[1:]
                        cls._write_header(f, (0, *width))
                    f.write(np.ascontiguousarray(array).data)
                    index[key] = [total, len(array)]
                    total += len(array)
                f.seek(0)
                cls._write_header(f, (total, *width))
            description: dict[str, Any] = {"rate": RATE, "index": index}
            if recordings:
                description["recordings"] = sorted(recordings)
            (part / "index.json").write_text(json.dumps(description), encoding="utf-8")

    @classmethod
    def _write_header(cls, file: BinaryIO, shape: tuple[int, ...]) -> None:
        """The .npy header; NumPy pads it so that the first axis may grow without moving the data."""
        np.lib.format.write_array_header_1_0(file, {"descr": cls.dtype.str, "fortran_order": False, "shape": shape})


class LatentPack(Pack):
    """`latents.npy`: the float32 (U, D) latents that a frozen recogniser has of each clean signal."""

    file, dtype, axes = "latents.npy", np.dtype("<f4"), 2
    what, made_by = "pack of latents", "stage 5 (kdse tokens)"
