"""What every search returns, and what they share."""

from typing import NamedTuple

NEVER = float("-inf")
"""The score of what does not exist."""


class SearchResult(NamedTuple):
    """The best hypothesis of an utterance: its tokens, without sos, eos and blank, and its score in nats."""

    tokens: list[int]
    score: float


class SpecialTokens(NamedTuple):
    """Indices of the tokens that are no labels."""

    blank: int
    sos: int
    eos: int
