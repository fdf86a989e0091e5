"""What a subset of a published corpus holds: a tree that lacks utterances must not pass for the whole."""

from dataclasses import dataclass

from kdse.core.errors import UserError
from kdse.core.progress import say

HOURS_TOLERANCE = 0.01
"""Published hours are rounded, to a tenth in LibriSpeech's paper: found hours may differ by this share."""
ALLOW_PARTIAL_HELP = "accept a tree that holds another number of utterances, speakers or hours than was published"


@dataclass(frozen=True)
class Expected:
    """How much a subset holds; `hours` None where nobody published them."""

    utterances: int
    speakers: int
    hours: float | None = None


def check_expected(subset: str, found: Expected, expected: Expected, where: str, allow_partial: bool) -> None:
    """Compare what was found in a subset with what was published.

    Args:
        subset, where: its name and folder, for the message.
        allow_partial: a difference is only said, for a tree that was cut down on purpose.
    Raises: UserError naming every count that differs, found and expected.

    >>> check_expected("dev", Expected(2, 1), Expected(3, 1), "x", allow_partial=True)   # doctest: +ELLIPSIS
    [...] dev of x is partial: 2 utterances instead of 3
    """
    differences = [
        f"{mine:,} {name} instead of {theirs:,}"
        for name, mine, theirs in (
            ("utterances", found.utterances, expected.utterances),
            ("speakers", found.speakers, expected.speakers),
        )
        if mine != theirs
    ]
    known = expected.hours is not None and found.hours is not None
    if known and abs(found.hours - expected.hours) > HOURS_TOLERANCE * expected.hours:
        differences.append(f"{found.hours:.2f} hours instead of {expected.hours:.2f}")
    if not differences:
        return
    what = ", ".join(differences)
    if not allow_partial:
        raise UserError(
            f"{subset} of {where} holds {what}; fetch what is missing, or give --allow_partial for a tree cut down on purpose"
        )
    say(f"{subset} of {where} is partial: {what}")
