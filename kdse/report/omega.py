"""Observation adding: the share of the noisy signal that each system wants on dev, and what it brings on the test set."""

from functools import reduce
from typing import Any

import numpy as np

from kdse.report.paired import detectable_note
from kdse.report.rows import WER, Results, Scores, System, compare
from kdse.report.tables import Column, Table

DEV = "dev_noisy"


def tried(results: Results, system: System, set_name: str) -> list[System]:
    """The system with each ω at which all its runs were decoded, on dev and on the set alike, 0 first."""
    wanted = [system.seeds_on(name) for name in (DEV, set_name)]
    return [s for s in results.mixed(system) if [s.seeds_on(name) for name in (DEV, set_name)] == wanted]


def mixing(results: Results, set_name: str) -> list[System]:
    """The front ends that were tried with several ω; not the ceiling, which needs none."""
    return [s for s in results.on(set_name) if s.approach != "oracle_irm" and len(tried(results, s, set_name)) > 1]


def chosen(results: Results, system: System, set_name: str) -> System:
    """The system with the ω of its lowest WER on dev; of equals the smallest, and itself without dev rows."""
    found = tried(results, system, set_name)
    if not system.seeds_on(DEV):
        return system
    return found[int(np.argmin([s.scores(DEV, WER).value for s in found]))]


def omega_table(results: Results, set_name: str) -> Table | None:
    """One row for each system that was tried with several ω; None where none was."""
    columns = [Column("system", "observation adding"), Column("omega", "ω chosen on dev", 1), Column("plain", "WER %, ω = 0", 1)]
    columns += [Column("wer", "WER %, chosen ω", 1), Column("gain", "chosen ω − ω = 0", 2, sign=True)]
    columns += [Column("none", "chosen ω − no front end", 2, sign=True), Column("oracle", "WER %, oracle ω", 1)]
    table = Table("omega", f"Observation adding on {set_name}, {results.corpus}", columns, [])
    bare = without_front_end(results, set_name)
    for system in mixing(results, set_name):
        best = chosen(results, system, set_name)
        row: dict[str, Any] = {"system": results.label(system), "omega": f"{best.omega:g}" if system.seeds_on(DEV) else None}
        row |= {"plain": system.scores(set_name, WER).estimate(), "wer": best.scores(set_name, WER).estimate()}
        row |= {"gain": compare(best, system, set_name) if best.omega else None}
        row |= {"none": compare(best, bare, set_name) if bare else None}
        table.rows.append(row | {"oracle": oracle(results, system, set_name).estimate()})
    table.notes = [
        "The recogniser hears (1 − ω)·ŝ + ω·y. ω is the one with the lowest WER on dev over all seeds. Oracle ω takes the best one "
        "for every utterance and seed, no front end among them, which nobody can know: a ceiling.",
        *detectable_note((row["gain"] for row in table.rows), "ω = 0"),
        *detectable_note((row["none"] for row in table.rows), "no front end"),
    ]
    return table if table.rows else None


def without_front_end(results: Results, set_name: str) -> System | None:
    """ω = 1."""
    return next((s for s in results.on(set_name) if s.approach == "mct_noisy"), None)


def oracle(results: Results, system: System, set_name: str) -> Scores:
    """WER of each item with the best of the ω that were tried, no front end among them, chosen for every item and seed."""
    one, bare, of_seeds = system.scores(set_name, WER), without_front_end(results, set_name), []
    other = bare.scores(set_name, WER) if bare else one
    others = [other.numerator] if other.items == one.items else []
    for seed in system.seeds_on(set_name):
        scores = [s.scores(set_name, WER, [seed]).numerator for s in tried(results, system, set_name)]
        of_seeds.append(reduce(np.minimum, scores + others))
    return Scores(WER, one.items, one.speakers, np.mean(of_seeds, axis=0), one.denominator)
