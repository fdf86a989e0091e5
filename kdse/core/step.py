"""A step of a recipe that is done once: it remembers its configuration, skips when nothing changed, and says why it reruns."""

import json
from pathlib import Path
from typing import Any

from kdse.core.files import fingerprint, write_text
from kdse.core.progress import say


class Step:
    """One resumable step, remembered in `folder/.done` (or `folder/.done-<part>`).

    Args:
        folder: what the step makes.
        config: everything the result depends on, JSON-like. Results of earlier steps enter as their `done_hash`.
        what: a few words for the user, e.g. 'mix test_noisy'.
        part: set where several steps share a folder.
        replaces: the step puts a new folder in the old one's place, so the old one stays marked as what it is until then.

    >>> step = Step(folder, {"snr": 5}, "mix")          # doctest: +SKIP
    >>> if step.needed():                               # doctest: +SKIP
    ...     make(folder); step.finish()
    """

    def __init__(self, folder: Path | str, config: dict[str, Any], what: str, part: str = "", replaces: bool = False):
        self.folder, self.what, self.replaces = Path(folder), what, replaces
        self.config = json.loads(json.dumps(config, sort_keys=True, default=str))
        self.marker = self.folder / (f".done-{part}" if part else ".done")

    def needed(self) -> bool:
        """Say and return whether the step must run."""
        old = _read(self.marker)
        if old is None:
            return True
        if old["hash"] == fingerprint(self.config):
            say(f"{self.what}: done before, skipped ({self.folder})")
            return False
        say(f"{self.what}: runs again, because {changes(old['config'], self.config)}")
        if not self.replaces:
            self.marker.unlink()
        return True

    def finish(self) -> None:
        """Remember that the step is complete."""
        write_text(
            self.marker, json.dumps({"hash": fingerprint(self.config), "config": self.config}, indent=1, sort_keys=True) + "\n"
        )


def done_hash(folder: Path | str, part: str = "") -> str | None:
    """The hash of a finished step, for the config of the steps that build on it; None where it has not finished."""
    done = _read(Path(folder) / (f".done-{part}" if part else ".done"))
    return done["hash"] if done else None


def done_config(folder: Path | str) -> dict[str, Any] | None:
    """The config of a finished step; None where it has not finished."""
    done = _read(Path(folder) / ".done")
    return done["config"] if done else None


def changes(old: dict, new: dict, prefix: str = "") -> str:
    """Name the differences between two configs: 'mix.snr changed from 5 to 10'."""
    differences = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key, "(absent)"), new.get(key, "(absent)")
        if isinstance(a, dict) and isinstance(b, dict):
            if a != b:
                differences.append(changes(a, b, f"{prefix}{key}."))
        elif a != b:
            differences.append(f"{prefix}{key} changed from {_short(a)} to {_short(b)}")
    return "; ".join(differences)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _read(marker: Path) -> dict | None:
    try:
        done = json.loads(marker.read_text(encoding="utf-8"))
        return done if {"hash", "config"} <= done.keys() else None
    except (OSError, ValueError, AttributeError):
        return None
