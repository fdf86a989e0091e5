"""Why a score is missing: the error that says so, and the reasons that are no fault of anyone."""

from typing import NamedTuple

NO_REFERENCE = "no clean reference"
HAS_REFERENCE = "only for recordings without a clean reference"
MIXED = "of observation adding only words, SDR, SIR and SAR are scored"
NO_TOKENS = "decoded without acoustic tokens"
NOT_SCORED = "not scored then"
"""Of a metric that was registered after the row was written: the row has no column for it."""
BY_RULE = (NO_REFERENCE, HAS_REFERENCE, MIXED, NO_TOKENS, NOT_SCORED)
"""Reasons for which a score is not asked for, so that it is nothing to be told of."""


class Missing(Exception):
    """A score cannot be computed for this utterance; the text says why."""


class ItemScores(NamedTuple):
    """Scores of one estimate: {metric: value}, and {metric: why it is missing}."""

    values: dict[str, float]
    missing: dict[str, str]
