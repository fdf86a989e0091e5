"""Where score rows lie, and where what is rendered from them goes."""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """The rows of one backend below a folder of results, and the files of their report.

    Attributes:
        root: `results` of a recipe, which is committed, or `exp/results`, which a run writes.
        committed: the former: its home backend's RESULTS.md stands in the recipe, above `root`.
        backend: its rows lie in `root/backends/<backend>`; "" is the recipe's home backend.
    """

    root: Path
    committed: bool
    backend: str = ""

    @property
    def folder(self) -> Path:
        """Where the rows lie, and the tables and plots."""
        return self.root / "backends" / self.backend if self.backend else self.root

    @property
    def readme(self) -> Path:
        """RESULTS.md."""
        return (self.root.parent if self._above else self.folder) / "RESULTS.md"

    @property
    def links(self) -> str:
        """What leads from RESULTS.md to `folder`, as text before a path.

        >>> committed("kd1").links, committed("kd1").of("rnn").links, of_experiments("kd1/exp").links
        ('results/', '', '')
        """
        return f"{self.root.name}/" if self._above else ""

    @property
    def _above(self) -> bool:
        return self.committed and not self.backend

    def of(self, backend: str) -> "Place":
        """The same for another backend."""
        return replace(self, backend=backend)

    def has_rows(self) -> bool:
        """Whether the backend has score rows here."""
        return any(self.folder.glob("*.jsonl.gz"))

    def other_backends(self) -> list[str]:
        """The backends but for the home one that have rows here."""
        return sorted({path.parent.name for path in self.root.glob("backends/*/*.jsonl.gz")})

    def every_backend(self) -> list["Place"]:
        """This place for each backend that has rows, the home one first."""
        names = ([""] if self.of("").has_rows() else []) + self.other_backends()
        return [self.of(name) for name in names]


def committed(recipe: Path | str) -> Place:
    """The committed results of a recipe."""
    return Place(Path(recipe) / "results", committed=True)


def of_experiments(expdir: Path | str) -> Place:
    """What the stages write beside the experiments."""
    return Place(Path(expdir) / "results", committed=False)
