"""What ESPnet or a loader process raised, as the one sentence that a user can act on."""

import contextlib
import inspect
import re
import sys

from kdse.errors import UserError, did_you_mean


def explain(error: Exception) -> UserError | None:
    """The user's mistake behind an error, or None where there is no sign of one.

    Known are an option that a constructor does not have, a name that ESPnet does not know, and a UserError of a loader process,
    whose message is that process's traceback.

    >>> explain(ValueError("--encoder must be one of ('stft', 'conv'): --encoder sftt"))
    UserError("encoder: there is no 'sftt' (did you mean 'stft'?)")
    """
    text = str(error)
    if isinstance(error, UserError):
        return UserError(text.rpartition(f"{UserError.__module__}.UserError: ")[2].strip())
    if found := re.match(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'", text):
        return UserError(f"{found[1]} has no option '{found[2]}'{did_you_mean(found[2], _parameters(found[1]))}")
    if found := re.fullmatch(r"(?:--(\w+) )?must be one of [\[(](.*)[\])]: (?:--\w+ )?(\S+)", text):
        where, known = f"{found[1]}: " if found[1] else "", re.findall("'([^']+)'", found[2])
        return UserError(f"{where}there is no '{found[3]}'{did_you_mean(found[3], known)}")
    return None


def _parameters(name: str) -> set[str]:
    """Names of the parameters of all functions and classes of this name that are loaded."""
    found: set[str] = set()
    for module in list(sys.modules.values()):
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            found.update(inspect.signature(vars(module)[name]).parameters)
    return found
