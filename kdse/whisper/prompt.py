"""Token ids that Whisper is prompted with."""

from typing import NamedTuple

from kdse.core.errors import UserError

MULTILINGUAL = 51865
"""Tokens of a vocabulary with languages; models for English alone have one less, and no tokens for language and task."""


class Prompt(NamedTuple):
    """What stands before the first word (start, language and task where the model has them, "no timestamps"), and what ends it."""

    ids: tuple[int, ...]
    end: int


def prompt_for(vocabulary: int) -> Prompt:
    """The prompt for English of a model with so many tokens.

    Raises: UserError for another vocabulary than that of 99 languages (51865) or of English alone (51864).

    >>> prompt_for(51865)
    Prompt(ids=(50258, 50259, 50359, 50363), end=50257)
    """
    if vocabulary == MULTILINGUAL:
        return Prompt((50258, 50259, 50359, 50363), 50257)
    if vocabulary == MULTILINGUAL - 1:
        return Prompt((50257, 50362), 50256)
    raise UserError(f"as a teacher, Whisper is known with 51865 or 51864 tokens, not with {vocabulary}")
