"""What the `kdse_conf` of a front end holds: its approach and teachers, under names of today and of before.

Old names are read wherever new ones are. The state of a finished run (`kdse.core.step.Step`) keeps the old ones, so that runs that
finished before a renaming are not trained again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kdse.core.errors import UserError
from kdse.core.files import check_keys

RENAMED = {"fall": "anneal_fraction", "adding": "oa_max_weight"}
"""Options of approaches: {old name: new name}."""
OLD_TEACHERS = ("backend", "tokens", "second")
"""Keys of `kdse_conf` that named one or two teachers before there was a list; `backend` still names a backend that is trained."""


class TeacherFolders(NamedTuple):
    """A frozen recogniser: the folders of its backend (stage 3) and of its acoustic tokens (stage 5), the latter None for none."""

    backend: str
    tokens: str | None = None


def current(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an approach under their new names.

    Where both names are there, the old one counts: a YAML of the user overrides one of this repository, which has the new names.

    >>> current({"fall": 0.3, "tau": 1.0})
    {'tau': 1.0, 'anneal_fraction': 0.3}
    """
    kept = {name: value for name, value in options.items() if name not in RENAMED}
    return kept | {new: options[old] for old, new in RENAMED.items() if old in options}


def renamed(options: Mapping[str, Any]) -> list[str]:
    """A sentence for each old name in the options of an approach."""
    return [f"'{old}' is now called '{new}'" for old, new in RENAMED.items() if old in options]


def data_name(number: int) -> str:
    """The name under which ESPnet reads the cached latents of a teacher, counted from 0.

    >>> [data_name(n) for n in range(3)]
    ['target', 'target2', 'target3']
    """
    return f"target{number + 1}" if number else "target"


def hypotheses_name(number: int) -> str:
    """The name under which ESPnet reads a teacher's hypotheses of clean speech.

    >>> [hypotheses_name(n) for n in range(2)]
    ['target_text', 'target2_text']
    """
    return f"{data_name(number)}_text"


def teachers_in(conf: Mapping[str, Any]) -> list[TeacherFolders]:
    """The frozen recognisers that a `kdse_conf` names, first to last.

    Raises: UserError where `teachers` is no list of {backend, tokens}.

    >>> teachers_in({"backend": "exp/asr", "tokens": "exp/tokens"})
    [TeacherFolders(backend='exp/asr', tokens='exp/tokens')]
    """
    teachers = conf.get("teachers")
    if teachers is None:
        first = {name: conf[name] for name in ("backend", "tokens") if conf.get(name)}
        teachers = [entry for entry in (first, conf.get("second")) if entry]
    if not isinstance(teachers, list):
        raise UserError(f"kdse_conf: teachers is a list of {{backend: FOLDER, tokens: FOLDER}}, not {teachers!r}")
    return [_teacher(entry) for entry in teachers]


def _teacher(entry: Any) -> TeacherFolders:
    if not isinstance(entry, Mapping):
        raise UserError(f"kdse_conf: a teacher is {{backend: FOLDER, tokens: FOLDER}}, not {entry!r}")
    check_keys(dict(entry), TeacherFolders._fields, "kdse_conf: teachers")
    if not entry.get("backend"):
        raise UserError(f"kdse_conf: a teacher needs a backend, and {dict(entry)} names none")
    tokens = entry.get("tokens")
    for folder in (entry["backend"], tokens):
        if folder is not None and not isinstance(folder, str):
            raise UserError(f"kdse_conf: a teacher's backend and tokens are folders, not {folder!r}")
    return TeacherFolders(str(Path(entry["backend"])), str(Path(tokens)) if tokens else None)


def backend_in(conf: Mapping[str, Any]) -> str:
    """The folder of the backend that gives L_ASR: one that is trained too, or that of the first teacher."""
    return conf.get("backend") or teachers_in(conf)[0].backend


def recorded(conf: Mapping[str, Any]) -> dict[str, Any]:
    """A `kdse_conf` as the state of a run has it: under the names of before, which can tell of two teachers; `teachers` for more.

    >>> recorded({"approach": "kd", "teachers": [{"backend": "a", "tokens": "b"}]})
    {'approach': 'kd', 'backend': 'a', 'tokens': 'b'}
    """
    state = {name: value for name, value in conf.items() if name != "teachers"}
    if "approach_conf" in state:
        old = {new: old for old, new in RENAMED.items()}
        state["approach_conf"] = {old.get(name, name): value for name, value in current(state["approach_conf"]).items()}
    teachers = [{name: value for name, value in t._asdict().items() if value} for t in teachers_in(conf)]
    if "teachers" not in conf or not teachers:
        return state
    if len(teachers) > 2:
        return state | {"teachers": teachers}
    return state | teachers[0] | ({"second": teachers[1]} if teachers[1:] else {})
