"""The interface of a recogniser: `transcribe`, its options, and what it returns."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kdse.core.errors import UserError


class Hypothesis(NamedTuple):
    """What was recognised in one wave.

    Attributes:
        words: as the recogniser writes them; '' for none.
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
        """The hypothesis of each wave, in their order; [] for none.

        Args:
            waves: each (N,) float32 in [-1, 1), mono at 16 kHz, N > 0. How they are put together must not change the words.
        Raises: UserError, one sentence, where the recogniser cannot work.
        """


def lacks(recogniser: str, package: str, error: ImportError) -> UserError:
    """The sentence for a package that is not installed."""
    return UserError(f"the recogniser {recogniser} needs the package {package} ({error}); run pip install 'kdse[recognisers]'")
