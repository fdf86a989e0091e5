"""What the subsets of a published corpus hold: a tree that lacks utterances must not pass for the whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from kdse.core.errors import UserError
from kdse.core.progress import say

HOURS_TOLERANCE = 0.01
"""Published hours are rounded, to a tenth in LibriSpeech's paper: counted hours may differ by this share."""
ALLOW_PARTIAL_HELP = "accept a tree that holds another number of utterances, speakers or hours than was published"


@dataclass(frozen=True)
class Counts:
    """How much a subset holds; `hours` None where nobody published or counted them."""

    utterances: int
    speakers: int
    hours: float | None = None


@dataclass(frozen=True)
class Published:
    """What was published of a corpus.

    Args:
        subsets: {subset: how much it holds}.
        where: the corpus's folder, for messages.
        allow_partial: a difference is only said, for a tree that was cut down on purpose.
    """

    subsets: Mapping[str, Counts]
    where: str
    allow_partial: bool = False

    def check(self, counted: Mapping[str, Counts]) -> None:
        """Compare what was counted in some subsets with what was published.

        Raises: UserError naming every count of the first subset that differs, counted and published.

        >>> Published({"dev": Counts(3, 1)}, "x", allow_partial=True).check({"dev": Counts(2, 1)})   # doctest: +ELLIPSIS
        [...] dev of x is partial: 2 utterances instead of 3
        """
        for subset, counts in counted.items():
            differences = _differences(counts, self.subsets[subset])
            if not differences:
                continue
            if not self.allow_partial:
                raise UserError(
                    f"{subset} of {self.where} holds {', '.join(differences)}; fetch what is missing, or give --allow_partial for "
                    "a tree cut down on purpose"
                )
            say(f"{subset} of {self.where} is partial: {', '.join(differences)}")


def _differences(counted: Counts, published: Counts) -> list[str]:
    """One phrase for each count that differs."""
    differences = []
    for name in ("utterances", "speakers"):
        ours, theirs = getattr(counted, name), getattr(published, name)
        if ours != theirs:
            differences.append(f"{ours:,} {name} instead of {theirs:,}")
    if counted.hours is None or published.hours is None:
        return differences
    if abs(counted.hours - published.hours) > HOURS_TOLERANCE * published.hours:
        differences.append(f"{counted.hours:.2f} hours instead of {published.hours:.2f}")
    return differences
