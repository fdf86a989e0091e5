"""What the `kdse_conf` of a front end holds: its approach and teachers, under names of today and of before.

Old names are read wherever new ones are. The state of a finished run (`kdse.core.step.Step`) keeps the old ones, so that runs that
finished before a renaming are not trained again.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kdse.core.errors import UserError
from kdse.core.files import check_keys

RENAMED = {"fall": "anneal_fraction", "adding": "oa_max_weight"}
"""Options of approaches: {old name: new name}."""
OLD_TEACHERS = ("backend", "tokens", "second")
"""Keys of `kdse_conf` that named one or two teachers before there was a list; `backend` still names a backend that is trained."""


class TeacherEntry(NamedTuple):
    """A frozen recogniser, as the list of teachers has it.

    Attributes:
        backend, tokens: folders of stages 3 and 5, the latter None for none.
        weight: its part in the weighted mean that each loss is over the teachers.
        layers: encoder layers that L_e compares, counted from 1, 0 for the encoder's output; () for the layer of the tokens.
    """

    backend: str
    tokens: str | None = None
    weight: float = 1.0
    layers: tuple[int, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is two folders and nothing else, as before there were weights and layers."""
        return self == TeacherEntry(self.backend, self.tokens)

    def conf(self) -> dict[str, Any]:
        """As a YAML has it, without defaults.

        >>> TeacherEntry("exp/asr", weight=0.5, layers=(2, 0)).conf()
        {'backend': 'exp/asr', 'weight': 0.5, 'layers': [2, 0]}
        """
        given = {name: value for name, value in self._asdict().items() if value != self._field_defaults.get(name)}
        return {name: list(value) if name == "layers" else value for name, value in given.items()}


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


def teachers_in(conf: Mapping[str, Any]) -> list[TeacherEntry]:
    """The frozen recognisers that a `kdse_conf` names, first to last.

    Raises: UserError where `teachers` is no list of `TeacherEntry`, or a value of one cannot be.

    >>> teachers_in({"backend": "exp/asr", "tokens": "exp/tokens"})
    [TeacherEntry(backend='exp/asr', tokens='exp/tokens', weight=1.0, layers=())]
    """
    teachers = conf.get("teachers")
    if teachers is None:
        first = {name: conf[name] for name in ("backend", "tokens") if conf.get(name)}
        teachers = [entry for entry in (first, conf.get("second")) if entry]
    if not isinstance(teachers, list):
        raise UserError(f"kdse_conf: teachers is a list of {{backend: FOLDER, tokens: FOLDER}}, not {teachers!r}")
    return [_teacher(entry) for entry in teachers]


def _teacher(entry: Any) -> TeacherEntry:
    if not isinstance(entry, Mapping):
        raise UserError(f"kdse_conf: a teacher is {{backend: FOLDER, tokens: FOLDER}}, not {entry!r}")
    check_keys(dict(entry), TeacherEntry._fields, "kdse_conf: teachers")
    if not entry.get("backend"):
        raise UserError(f"kdse_conf: a teacher needs a backend, and {dict(entry)} names none")
    tokens = entry.get("tokens")
    for folder in (entry["backend"], tokens):
        if folder is not None and not isinstance(folder, str):
            raise UserError(f"kdse_conf: a teacher's backend and tokens are folders, not {folder!r}")
    weight, layers = entry.get("weight", 1.0), entry.get("layers", [])
    if type(weight) not in (int, float) or not 0 < weight < math.inf:
        raise UserError(f"kdse_conf: the weight of a teacher is a number above 0, not {weight!r}")
    numbers = isinstance(layers, list) and all(type(layer) is int and layer >= 0 for layer in layers)
    if not numbers or len(set(layers)) < len(layers):
        raise UserError(f"kdse_conf: a teacher's layers are a list of different numbers, 0 for the output, not {layers!r}")
    return TeacherEntry(str(Path(entry["backend"])), str(Path(tokens)) if tokens else None, float(weight), tuple(layers))


def backend_in(conf: Mapping[str, Any]) -> str:
    """The folder of the backend that gives L_ASR: one that is trained too, or that of the first teacher."""
    return conf.get("backend") or teachers_in(conf)[0].backend


def recorded(conf: Mapping[str, Any]) -> dict[str, Any]:
    """A `kdse_conf` as the state of a run has it: under the names of before, which can tell of two plain teachers; `teachers` for
    others.

    >>> recorded({"approach": "kd", "teachers": [{"backend": "a", "tokens": "b"}]})
    {'approach': 'kd', 'backend': 'a', 'tokens': 'b'}
    """
    state = {name: value for name, value in conf.items() if name != "teachers"}
    if "approach_conf" in state:
        old = {new: old for old, new in RENAMED.items()}
        state["approach_conf"] = {old.get(name, name): value for name, value in current(state["approach_conf"]).items()}
    entries = teachers_in(conf)
    if "teachers" not in conf or not entries:
        return state
    teachers = [entry.conf() for entry in entries]
    if len(teachers) > 2 or not all(entry.plain for entry in entries):
        return state | {"teachers": teachers}
    return state | teachers[0] | ({"second": teachers[1]} if teachers[1:] else {})
