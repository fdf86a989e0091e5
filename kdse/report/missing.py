"""Which scores are missing, and why: every table says it."""

from dataclasses import dataclass

from kdse.report.results import Results
from kdse.report.systems import System
from kdse.scoring.metrics import METRICS
from kdse.scoring.missing import BY_RULE


@dataclass(frozen=True, order=True)
class Gap:
    """Scores that several systems lack for the same reason."""

    set_name: str
    why: str
    utts: tuple[str, ...]
    systems: tuple[str, ...]


def missing_scores(results: Results) -> list[str]:
    """One line for each reason, set and group of utterances: how many scores are missing, of which metrics, in which systems.

    What is missing by rule is not told, nor what a system lacks with every ω that it lacks without observation adding.
    """
    systems_with: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    totals: dict[tuple[str, str], int] = {}
    for system in _without_repeats(results):
        label = results.label(system)
        for set_name, rows in system.by_set.items():
            totals[label, set_name] = len(rows)
            for (metric, why), utts in _lost(rows).items():
                systems_with.setdefault((set_name, why, metric, tuple(sorted(utts))), []).append(label)
    metrics_of: dict[Gap, list[str]] = {}
    for (set_name, why, metric, utts), labels in systems_with.items():
        metrics_of.setdefault(Gap(set_name, why, utts, tuple(sorted(labels))), []).append(_short_label(metric))
    return [_sentence(gap, metrics, totals) for gap, metrics in sorted(metrics_of.items())] or ["No score is missing."]


def _without_repeats(results: Results) -> list[System]:
    """The systems without those of an ω that were scored with ω = 0, too."""
    plain = {s.family for s in results.systems if not s.omega}
    return [s for s in results.systems if not s.omega or s.family not in plain]


def _lost(rows) -> dict[tuple[str, str], list[str]]:
    """{(metric, reason): utterances}, but for what is missing by rule."""
    lost: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for metric, why in row["missing"].items():
            if why not in BY_RULE:
                lost.setdefault((metric, why), []).append(row["utt"])
    return lost


def _short_label(metric: str) -> str:
    return METRICS[metric].label.removesuffix(" dB") if metric in METRICS else metric


def _sentence(gap: Gap, metrics: list[str], totals: dict[tuple[str, str], int]) -> str:
    total = totals[gap.systems[0], gap.set_name]
    names = sorted(set(gap.utts))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    which = "" if len(gap.utts) == total else f": {', '.join(names[:5])}{more}"
    everyone = {label for label, scored in totals if scored == gap.set_name} == set(gap.systems)
    who = "every system" if everyone else ", ".join(gap.systems)
    what = f"{', '.join(sorted(metrics))} of {len(gap.utts)} of {total} items of {gap.set_name}"
    return f"Missing: {what}, {who} ({gap.why}){which}."
