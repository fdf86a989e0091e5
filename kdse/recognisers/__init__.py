"""What listens behind a front end: one interface, `Recogniser.transcribe`, and a registry by name (docs/adding_a_backend.md).

A recogniser is chosen by the YAML of `kdse decode --config`: `recogniser: NAME`, `espnet` where it says nothing, and the options of
that recogniser. Rows name it by that YAML's own name, and an ESPnet recogniser by its experiment folder: that is their `backend`.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kdse.core.config import override, read_config
from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import read_text

RATE = 16000
HOME = "espnet"
"""The recogniser that recipes train."""

# name: module:class
REGISTRY = {
    HOME: "kdse.recognisers.espnet:Espnet",
    "whisper": "kdse.recognisers.whisper:Whisper",
    "pocketsphinx": "kdse.recognisers.pocketsphinx:PocketSphinx",
    "command": "kdse.recognisers.command:Command",
}


class Hypothesis(NamedTuple):
    """What was heard in one wave.

    Attributes:
        words: as the recogniser writes them; '' where it heard none.
        score: its own measure of confidence, where it has one; comparable within one recogniser only.
        tokens: (U,) acoustic token of each frame, where it has a tokenizer.
    """

    words: str
    score: float | None = None
    tokens: np.ndarray | None = None


@dataclass(frozen=True)
class Options:
    """What every recogniser's YAML may hold; each adds its own. Every option has a default, whose type its values must have.

    Attributes:
        batch_seconds: audio that is given to `transcribe` at once.
    """

    batch_seconds: float = 60.0

    def check(self, where: str) -> None:
        """Raise UserError for values that cannot be; `where` is the YAML."""

    def state(self) -> dict[str, Any]:
        """Everything of the options that a hypothesis depends on: where it changes, sets are decoded again."""
        return asdict(self)


class Recogniser(ABC):
    """One recogniser, loaded.

    Attributes:
        Options: its dataclass of options.
        needs_backend: it is made from a folder of stage 3 (and of stage 5), and its `Options` are not all there is to it.
        equal_lengths: a batch must hold waves of one length only.
        decode: a word for tables: how it searches, and `lm` in it where a language model helps.
    """

    Options: ClassVar[type[Options]] = Options
    needs_backend: ClassVar[bool] = False
    equal_lengths: ClassVar[bool] = False
    decode: str

    def __init__(self, options: Options):
        self.options = options

    @abstractmethod
    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        """What is heard in each wave, in their order; [] for none.

        Args:
            waves: each (N,) float32 in [-1, 1), mono at 16 kHz, N > 0. How they are put together must not change the words.
        Raises: UserError, one sentence, where the recogniser cannot work.
        """


def find(name: str, where: str = "") -> type[Recogniser]:
    """The class of a recogniser.

    Raises: UserError for what is no name in the registry.
    """
    if not isinstance(name, str):
        raise UserError(f"{where}: recogniser is a name, one of {', '.join(REGISTRY)}, not {name!r}".removeprefix(": "))
    if name not in REGISTRY:
        known = f"{did_you_mean(name, REGISTRY)}; there are: {', '.join(REGISTRY)}"
        raise UserError(f"{where}: there is no recogniser '{name}'{known}".removeprefix(": "))
    module, _, attribute = REGISTRY[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def read_recogniser(path: Path | None) -> tuple[str, Options]:
    """The name of the recogniser that a YAML chooses, and its options; the home recogniser with its defaults without a YAML.

    Raises: UserError where there is no such recogniser, or an option is unknown or not of its default's type.
    """
    values = read_config(path) if path else {}
    name = values.pop("recogniser", HOME)
    kind = find(name, str(path)).Options
    override(kind, values, str(path))
    options = kind(**values)  # numbers as they are written, so that what is finished stays finished
    if options.batch_seconds <= 0:
        raise UserError(f"{path}: batch_seconds must be above 0, not {options.batch_seconds:g}")
    options.check(str(path))
    if name != HOME:
        _check_line(path, name)
    return name, options


def _check_line(path: Path, name: str) -> None:
    """Raise UserError where the stage script, which looks for one line in this file alone, would take it for a backend's."""
    if f"recogniser: {name}" not in read_text(path).splitlines():
        raise UserError(f"{path}: write 'recogniser: {name}' into it on a line of its own, not only into the config it is based on")
    if path.stem.startswith("asr_"):
        raise UserError(f"{path}: rows name the recogniser by this file, and names with 'asr_' are those of backends; rename it")


def lacks(recogniser: str, package: str, error: ImportError) -> UserError:
    """The sentence for a package that is not installed."""
    return UserError(f"the recogniser {recogniser} needs the package {package} ({error}); 'make check' shows how to install it")


def batches(lengths: Sequence[int], seconds: float, equal: bool) -> Iterator[list[int]]:
    """Indices of waves that are recognised together, in the order given: up to `seconds` in all, unless one alone is longer.

    Args:
        lengths: in samples, the shortest first.
        equal: only waves of one length stand together.

    >>> list(batches([16000, 16000, 16000, 32000], 2.0, equal=True))
    [[0, 1], [2], [3]]
    """
    batch: list[int] = []
    for index, length in enumerate(lengths):
        size = sum(lengths[i] for i in batch) + length
        if batch and (size > seconds * RATE or (equal and length != lengths[batch[0]])):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
