"""What makes the numbers of a recipe readable: how they were made, and the commands."""

from kdse.report.results import Results
from kdse.scoring.significance import LEVEL, RESAMPLES


def how_to_read(results: Results) -> list[str]:
    """What the numbers mean: normalisation, decoding, bootstrap, bold, versions."""
    scorings = [config.get("scoring") or {} for config in results.configs.values()]
    normalisations = sorted({s["normalisation"] for s in scorings if s.get("normalisation")})
    versions = sorted({_versions(s.get("versions") or {}) for s in scorings} - {""})
    decodes = sorted({system.decode for system in results.systems})
    return [
        f"Text normalisation: {'; or: '.join(normalisations) or 'not recorded'}.",
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


def _versions(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)


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
