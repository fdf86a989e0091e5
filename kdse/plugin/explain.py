"""What ESPnet or a loader process raised, as the one sentence that a user can act on."""

import contextlib
import inspect
import linecache
import re
import sys
import traceback

from kdse.core.errors import UserError, did_you_mean


def explain(error: Exception) -> UserError | None:
    """The user's mistake behind an error, or None where there is no sign of one.

    It explains an option that a constructor does not have, a name that ESPnet does not know, and a UserError of a loader process,
    whose message is that process's traceback.

    >>> explain(ValueError("--encoder must be one of ('stft', 'conv'): --encoder sftt"))
    UserError("encoder: there is no 'sftt' (did you mean 'stft'?)")
    """
    text = str(error)
    if isinstance(error, UserError):
        return UserError(text.rpartition(f"{UserError.__module__}.UserError: ")[2].strip())
    if match := re.match(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'", text):
        return UserError(f"{match[1]} has no option '{match[2]}'{did_you_mean(match[2], _parameters(match[1]))}")
    if match := re.fullmatch(r"(?:--(\w+) )?must be one of [\[(](.*)[\])]: (?:--\w+ )?(\S+)", text):
        where, names = f"{match[1]}: " if match[1] else "", re.findall("'([^']+)'", match[2])
        return UserError(f"{where}there is no '{match[3]}'{did_you_mean(match[3], names)}")
    return None


def reason(error: Exception) -> str:
    """Why a model cannot be built, in one line: the user's mistake where it is known, else what the error says.

    ESPnet asserts much without a word, so an assertion is shown as it stands in the source.
    """
    if explained := explain(error):
        return str(explained)
    if isinstance(error, AssertionError | KeyError):
        frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
        who = frame.f_code.co_qualname.removesuffix(".__init__").rpartition(".")[2]
        if isinstance(error, KeyError):
            return f"{who} knows no {error}"
        source = linecache.getline(frame.f_code.co_filename, line).strip().removeprefix("assert ")
        said = f" ({str(error).splitlines()[0]})" if str(error).strip() else ""
        return f"in {who} this does not hold{said}: {source}"
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _parameters(name: str) -> set[str]:
    """Names of the parameters of all functions and classes of this name that are loaded."""
    names: set[str] = set()
    for module in list(sys.modules.values()):
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            names.update(inspect.signature(vars(module)[name]).parameters)
    return names
