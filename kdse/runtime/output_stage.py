"""What is done to a student's gains before they are heard."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdse.core.errors import UserError

TINY = 1e-12
"""A magnitude that counts as nothing."""
STEEPEST = 10
"""The largest exponent; gains above 1 would soon be beyond any number."""


@dataclass(frozen=True)
class OutputStage:
    """g′ = max(g, floor)^exponent, ŝ = (1 − ω)·(g′·y) + ω·y for the gains g = |student's output| / |y| of each bin.

    The phase is the student's. Why: speech that is taken away costs a recogniser more words than noise that is left.

    Attributes:
        floor_db: the lowest gain in dB, 0 or less; −inf for none.
        exponent: of the gains, from 0 to 10: below 1 less is taken away, above 1 more.
        mix: ω, the share of the noisy signal, from 0 to 1 (observation adding).

    Raises: UserError for a value outside its range, NaN among them.
    """

    floor_db: float = -np.inf
    exponent: float = 1.0
    mix: float = 0.0

    def __post_init__(self) -> None:
        if not self.floor_db <= 0:
            raise UserError(f"the floor is a gain in dB, 0 or less, not {self.floor_db:g}")
        if not 0 <= self.exponent <= STEEPEST:
            raise UserError(f"the exponent of the gains is from 0 to {STEEPEST}, not {self.exponent:g}")
        if not 0 <= self.mix <= 1:
            raise UserError(f"the mix is a share of the noisy signal from 0 to 1, not {self.mix:g}")

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "OutputStage":
        """The defaults that a model's file states.

        >>> OutputStage.of({"floor_db": "-16", "mix": "0.2"})
        OutputStage(floor_db=-16.0, exponent=1.0, mix=0.2)
        """
        try:
            return cls(**{name: float(metadata[name]) for name in ("floor_db", "exponent", "mix") if name in metadata})
        except ValueError as e:
            raise UserError(f"floor_db, exponent and mix must be numbers: {e}") from e

    def with_options(self, floor_db: float | None, exponent: float | None, mix: float | None) -> "OutputStage":
        """This stage with the values that are given."""
        given = {"floor_db": floor_db, "exponent": exponent, "mix": mix}
        values = {}
        for name, value in given.items():
            try:
                values[name] = getattr(self, name) if value is None else float(value)
            except (TypeError, ValueError) as e:
                raise UserError(f"{name} is a number, not {value!r}") from e
        return OutputStage(**values)

    @property
    def changes_gains(self) -> bool:
        """Whether floor or exponent do anything."""
        return self.floor_db > -np.inf or self.exponent != 1

    def apply(self, noisy: np.ndarray, enhanced: np.ndarray) -> np.ndarray:
        """Spectra of equal shape, complex: the enhanced one after floor, exponent and mix.

        >>> OutputStage(floor_db=-20).apply(np.array([2j, 2j]), np.array([1j, 0j]))
        array([0.+1.j , 0.+0.2j])
        """
        if self.changes_gains:
            enhanced = self._shaped(noisy, enhanced)
        if self.mix:
            enhanced = enhanced + self.mix * (noisy - enhanced)
        return enhanced

    def _shaped(self, noisy: np.ndarray, enhanced: np.ndarray) -> np.ndarray:
        """g′·y; a bin without any gain has the phase of y."""
        loud, kept = np.abs(noisy), np.abs(enhanced)
        shaped = np.maximum(kept / np.maximum(loud, TINY), 10 ** (self.floor_db / 20)) ** self.exponent
        return np.where(kept > TINY, enhanced * (shaped * loud / np.maximum(kept, TINY)), noisy * shaped).astype(enhanced.dtype)
