"""Results that are kept as they come, one a line, so that work goes on where it was cut and is never done twice."""

import json
import os
from pathlib import Path
from typing import Any

from kdse.core.files import write_text
from kdse.core.progress import say
from kdse.core.step import changes


class Kept:
    """A file of results.

    Its first line is the state that all of them depend on; with another one they are thrown away. Each further line is
    `[key, input, value]`; of several with one key the last counts. What a killed process left of a line is dropped.

    Args:
        path: the file.
        state: plain values.
        what: named where results are thrown away.
    """

    def __init__(self, path: Path, state: dict[str, Any], what: str):
        self.path, self.state = path, json.loads(json.dumps(state, sort_keys=True))
        before, self._found, self._end = _read(path)
        if before != self.state:
            if before is not None:
                say(f"{what}: done again, because {changes(before, self.state)}")
            self._found, self._end = {}, 0

    def get(self, key: str, made_of: str) -> Any:
        """The value of a key; None where there is none that was made of this input."""
        given, value = self._found.get(key, (None, None))
        return value if given == made_of else None

    def add(self, key: str, made_of: str, value: Any) -> None:
        """Keep a value, which is plain and not None."""
        if not self._end:
            write_text(self.path, json.dumps({"state": self.state}) + "\n")
            self._end = self.path.stat().st_size
        with open(self.path, "rb+") as f:
            f.truncate(self._end)
            f.seek(0, os.SEEK_END)
            self._end += f.write(f"{json.dumps([key, made_of, value])}\n".encode())
        self._found[key] = made_of, value


def _read(path: Path) -> tuple[dict[str, Any] | None, dict[str, tuple[str, Any]], int]:
    """The state and {key: (input, value)} of a file, and the bytes that are whole; (None, {}, 0) where there is none."""
    found: dict[str, tuple[str, Any]] = {}
    try:
        with open(path, "rb") as lines:
            first = lines.readline()
            state, end = json.loads(first)["state"], len(first)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                key, made_of, value = json.loads(line)
                found[key] = made_of, value
                end += len(line)
    except FileNotFoundError:
        return None, {}, 0
    except (ValueError, KeyError, TypeError):  # something else stands there
        return None, {}, 0
    return state, found, end
