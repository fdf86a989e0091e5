"""The one exception that a user can cause, and the hint for a misspelt word."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What a user can mend: one sentence saying what is wrong, where, and what to do.

    `kdse` prints it without a traceback and exits with code 2. What only a bug can cause is an assertion instead.
    """


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return ' (did you mean X?)' for the valid word nearest to `word`, or '' when none is near.

    >>> did_you_mean("tua", ["tau", "layer"])
    " (did you mean 'tau'?)"
    """
    near = difflib.get_close_matches(word, list(valid), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
