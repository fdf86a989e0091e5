"""What is known of a run's training beside its rows: recorded in its YAML, or told by its name where the YAML is older."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from kdse.core.wheels import PUBLISHED
from kdse.runs.naming import family_and_tag


@dataclass(frozen=True)
class RunFacts:
    """Facts of one run.

    Attributes:
        family: its name without the seed, which its other seeds have in common with it.
        init_run: the run whose front end the training began with, or None.
        teachers: names of the recognisers that taught it.
    """

    family: str
    init_run: str | None
    teachers: tuple[str, ...]


def run_facts(run: str, teacher: str | None, config: Mapping[str, Any]) -> RunFacts:
    """The facts of a run.

    Args:
        teacher: its rows' column.
        config: its YAML, which records `family`, `init_run` and `teachers` since these are known.
    """
    old = _from_names(run, teacher, config)
    teachers = config.get("teachers")
    return RunFacts(
        config.get("family") or old.family,
        None if config.get("init_run") == PUBLISHED else config.get("init_run", old.init_run),
        tuple(teachers) if isinstance(teachers, list) else old.teachers,
    )


def _from_names(run: str, teacher: str | None, config: Mapping[str, Any]) -> RunFacts:
    """The same for a run whose YAML does not record it.

    >>> config = {"config": {"kdse_conf": {"init": "exp/standalone_se_m_seed0/enh/model.pth"}}}
    >>> _from_names("kd_m_seed1_long", "asr_a + asr_b", config)
    RunFacts(family='kd_m_long', init_run='standalone_se_m_seed0', teachers=('asr_a', 'asr_b'))
    """
    options = (config.get("config") or {}).get("kdse_conf") or {}
    init = options.get("init")  # RUN/enh/model.pth
    family, _ = family_and_tag(run)
    return RunFacts(
        family,
        PurePath(init).parent.parent.name or None if init else None,
        tuple(teacher.split(" + ")) if teacher else (),
    )
