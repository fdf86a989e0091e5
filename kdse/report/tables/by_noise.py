"""WER in each noise."""

from typing import Any

from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.scoring.metrics import WER

MOST_NOISES = 40


def noise_table(results: Results, set_name: str) -> Table | None:
    """WER of the headline systems for each noise; None where there are no noises, or more than a table can hold."""
    systems = results.headline(set_name)
    scores = [system.scores(set_name, WER) for system in systems]
    noises = sorted({noise for of_system in scores for _, noise, _ in of_system.items if noise})
    if not 1 < len(noises) <= MOST_NOISES:
        return None
    columns = [Column("noise", "WER %"), Column("items", "items")]
    columns += [Column(system.family, results.label(system), interval=False) for system in systems]
    table = Table("wer_by_noise", f"WER by noise on {set_name}, {results.corpus}", columns, [])
    for noise in noises:
        row: dict[str, Any] = {"noise": noise}
        for system, of_system in zip(systems, scores, strict=True):
            in_noise = of_system.in_noise(noise)
            row["items"] = len(in_noise.items)
            row[system.family] = in_noise.estimate()
        table.rows.append(row)
    table.notes = [f"Intervals are in `{results.links}tables/wer_by_noise.csv`."]
    bare = results.without_front_end(set_name)
    if bare:
        plain = bare.scores(set_name, WER)
        others = [s for system, s in zip(systems, scores, strict=True) if system.role not in ("none", "ceiling")]
        differences = (s.in_noise(noise).minus(plain.in_noise(noise)) for noise in noises for s in others)
        table.notes += detectable_note(differences, "no front end")
    return table
