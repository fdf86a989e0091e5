"""The block "Environments" that ESPnet's `show_asr_result.sh` writes above its results: what made these rows."""

from collections.abc import Iterable
from typing import Any

from kdse.report.results import Results

UNKNOWN = "not recorded"


def environments(results: Results) -> list[str]:
    """The lines of the block, from the YAMLs of the runs; never of the machine that renders.

    Several values are joined, in the order in which the runs stand.
    """
    trainings = list(results.configs.values())
    scorings = [config.get("scoring") or {} for config in trainings]
    versions = [config.get("versions") or {} for config in trainings]
    commits = [config.get("commit") for config in trainings] + [scoring.get("commit") for scoring in scorings]
    dates = [scoring.get("date") or config.get("date") for scoring, config in zip(scorings, trainings, strict=True)]
    lines = {
        "date": _joined(dates),
        "python version": _joined(of_run.get("python") for of_run in versions),
        "espnet version": _joined((of_run.get("espnet") for of_run in versions), "espnet "),
        "pytorch version": _joined((of_run.get("torch") for of_run in versions), "pytorch "),
        "Git hash": _joined(commits),
    }
    return [f"{name}: `{value or UNKNOWN}`" for name, value in lines.items()]


def _joined(values: Iterable[Any], prefix: str = "") -> str:
    """Each value once, as text."""
    return ", ".join(dict.fromkeys(f"{prefix}{value}" for value in values if value))
