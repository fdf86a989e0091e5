"""What a peer tells of itself, and where its wheel was unpacked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import numpy as np

Process = Callable[[np.ndarray], np.ndarray]
"""One hop of samples in, float32 (hop,) in ±1; the samples that are ready out. It keeps its state between calls."""


def as_it_is(folder: Path, scratch: Path) -> Path:
    """The preparation of a peer that needs none."""
    return folder


@dataclass(frozen=True)
class Peer:
    """A front end and how to run it.

    Attributes:
        name: in the table.
        package: of `tools/peers-requirements.txt`; only files of it are read, its Python is not imported.
        licence: of the weights and of what runs them.
        rate: sampling rate in Hz at which it works.
        hop: samples of a frame.
        files: what is read, weights first, below the folder of the packages.
        make: a fresh stream of what `prepare` returned.
        parameters: of the network, None where they cannot be counted.
        needs: modules that preparing takes.
        prepare: (folder of the packages, a scratch folder) -> what `make` gets; it runs in another process, so that what it
            imports is not in the memory that is measured.
    """

    name: str
    package: str
    licence: str
    rate: int
    hop: int
    files: tuple[str, ...]
    make: Callable[[Path], Process]
    parameters: int | None = None
    needs: tuple[str, ...] = ()
    prepare: Callable[[Path, Path], Path] = field(default=as_it_is)

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
