"""What makes the numbers of a recipe readable: how they were made, which are missing, and the commands."""

from kdse.report.rows import EVERY_QUALITY, QUALITY, Results, System
from kdse.scoring.quality import BY_RULE
from kdse.scoring.score import NO_TOKENS
from kdse.scoring.significance import LEVEL, RESAMPLES

NAMES = {"mct_noisy": "no front end (mct_noisy)"}


def shown_as(results: Results, system: System) -> str:
    """The name of a system in tables."""
    label = results.label(system)
    return NAMES.get(label, label)


def footer(results: Results) -> list[str]:
    """What the numbers mean: normalisation, decoding, bootstrap, bold, and every missing score by name."""
    scoring = [config.get("scoring") or {} for config in results.configs.values()]
    normalisation = sorted({s["normalisation"] for s in scoring if s.get("normalisation")})
    versions = sorted({", ".join(f"{k} {v}" for k, v in (s.get("versions") or {}).items() if v) for s in scoring} - {""})
    decodes = sorted({row["decode"] for row in results.rows()})
    lines = [
        f"Text normalisation: {'; or: '.join(normalisation) or 'not recorded'}.",
        f"Decoding: {', '.join(decodes)}, without a language model unless the name says so.",
        f"Intervals: {100 * LEVEL:.0f} % percentile bootstrap of the corpus-level value, {RESAMPLES:,} resamples of whole "
        "utterances with all their SNRs and seeds, seed 0; by speaker where stated.",
        "Differences are paired: both systems are resampled with the same draws.",
        "Bold marks the best value of a column, ceilings aside, where the paired interval against every other system on the same "
        "items excludes 0. "
        "Parameters are the front end's alone.",
        "PESQ-WB is ITU-T P.862.2; STOI is the original, ESTOI the extended one; SI-SDR takes the mean off first. Token errors are "
        "the frames whose acoustic token is not that of the clean signal.",
        f"Scored with {'; or: '.join(versions) or 'unrecorded versions'}.",
    ]
    return [*lines, *missing_scores(results)]


def missing_scores(results: Results) -> list[str]:
    """One line for each reason, set and group of utterances: how many scores are missing, of which metrics, in which systems.

    What is missing by rule is not told, nor what a system lacks with every ω that it lacks without observation adding.
    """
    found: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    totals: dict[tuple[str, str], int] = {}
    for system in results.systems:
        if system.omega and any(s.family == system.family and not s.omega for s in results.systems):
            continue
        label = shown_as(results, system)
        for set_name, rows in system.by_set.items():
            totals[label, set_name] = len(rows)
            lost: dict[tuple[str, str], list[str]] = {}
            for row in rows:
                for name, why in row["missing"].items():
                    if why not in (*BY_RULE, NO_TOKENS):
                        lost.setdefault((name, why), []).append(row["utt"])
            for (name, why), utts in lost.items():
                found.setdefault((set_name, why, name, tuple(sorted(utts))), []).append(label)
    return [_missing(*key, metrics, totals) for key, metrics in sorted(_alike(found).items())] or ["No score is missing."]


def _alike(found: dict[tuple[str, str, str, tuple[str, ...]], list[str]]) -> dict[tuple, list[str]]:
    """{(set, reason, utterances, systems): metrics} of {(set, reason, metric, utterances): systems}."""
    labels = {metric.name: metric.label.removesuffix(" dB") for metric in (*EVERY_QUALITY, *QUALITY)}
    alike: dict[tuple, list[str]] = {}
    for (set_name, why, name, utts), systems in found.items():
        alike.setdefault((set_name, why, utts, tuple(sorted(systems))), []).append(labels[name])
    return alike


def _missing(
    set_name: str, why: str, utts: tuple[str, ...], systems: tuple[str, ...], metrics: list[str], totals: dict[tuple[str, str], int]
) -> str:
    total = totals[systems[0], set_name]
    names = sorted(set(utts))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    which = "" if len(utts) == total else f": {', '.join(names[:5])}{more}"
    who = "every system" if {label for label, scored in totals if scored == set_name} == set(systems) else ", ".join(systems)
    return f"Missing: {', '.join(sorted(metrics))} of {len(utts)} of {total} items of {set_name}, {who} ({why}){which}."


def commands(results: Results) -> str:
    """The commands that made each run, with their commit."""
    lines = []
    runs = dict.fromkeys(row["run"] for row in results.rows())
    for run in runs:
        config = results.configs[run]
        scoring = config.get("scoring") or {}
        trained, scored = (source.get("commit") or "an unrecorded commit" for source in (config, scoring))
        lines.append(f"# {run} (trained at {trained}, scored at {scored})")
        lines += [str(command) for command in (config.get("command"), scoring.get("command")) if command]
    return "\n".join(lines)
