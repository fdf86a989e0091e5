"""What a peer tells of itself, and where its wheel was unpacked."""

import ctypes
import importlib.util
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Process = Callable[[np.ndarray], np.ndarray]
"""One hop of samples in, float32 (hop,) in ±1; the samples that are ready out. It keeps its state between calls."""
Function = Callable[[np.ndarray], np.ndarray]
"""A whole signal in, float32 (N,) in ±1; the enhanced one out, of about that length."""


def as_it_is(folder: Path, scratch: Path) -> Path:
    """The preparation of a peer that needs none."""
    return folder


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A front end that comes as a wheel with its weights inside.

    Attributes:
        name: in the table.
        package: of `tools/peers-requirements.txt`.
        licence: of the weights and of what runs them.
        rate: sampling rate in Hz at which it works.
        files: what is read, weights first, below the folder of the packages.
        parameters: of the network, None where there is none or they cannot be counted.
        needs: modules that it takes from elsewhere.
    """

    name: str
    package: str
    licence: str
    rate: int
    files: tuple[str, ...]
    parameters: int | None = None
    needs: tuple[str, ...] = ()

    def missing(self, folder: Path) -> str | None:
        """None where it can run, or why not, in a few words."""
        if not all((folder / name).is_file() for name in self.files):
            return "not installed"
        absent = [module for module in self.needs if find_spec(module) is None]
        return f"not measured: it takes the package {absent[0]}" if absent else None

    def version(self, folder: Path) -> str:
        """Of the installed package, "?" where its folder does not say."""
        return next((found.version for found in distributions(name=self.package, path=[str(folder)])), "?")

    def size(self, folder: Path) -> int:
        """Bytes of `files`."""
        return sum((folder / name).stat().st_size for name in self.files)


@dataclass(frozen=True, kw_only=True)
class Peer(Wheel):
    """One that takes a stream, frame by frame. Only files of its wheel are read, its Python is not imported.

    Attributes:
        hop: samples of a frame.
        make: a fresh stream of what `prepare` returned.
        prepare: (folder of the packages, a scratch folder) -> what `make` gets; it runs in another process, so that what it
            imports is not in the memory that is measured.
    """

    hop: int
    make: Callable[[Path], Process]
    prepare: Callable[[Path, Path], Path] = field(default=as_it_is)


@dataclass(frozen=True, kw_only=True)
class WholePeer(Wheel):
    """One that takes whole signals, in Python of its wheel.

    Attributes:
        make: of the folder of the packages.
    """

    make: Callable[[Path], Function]


def freed(process: Process, free: Callable[[int], Any], state: int) -> Process:
    """The same, whose state in a C library is freed when it is gone."""
    weakref.finalize(process, free, ctypes.c_void_p(state))
    return process


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Let imports find the packages of a folder, after those that are installed."""
    sys.path.append(str(folder))
    try:
        with np.errstate():  # logmmse changes how all of NumPy takes errors
            yield
    finally:
        sys.path.remove(str(folder))


def extension(path: Path) -> ModuleType:
    """The compiled module in a file, without the package around it."""
    name = path.name.partition(".")[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
