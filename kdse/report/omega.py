"""Observation adding: the share of the noisy signal that each system wants on dev, and what it brings on the test set."""

from functools import reduce
from typing import Any

import numpy as np

from kdse.report.rows import WER, Results, Scores, System, compare
from kdse.report.tables import Column, Table

DEV = "dev_noisy"


def chosen(results: Results, system: System) -> System:
    """The system with the ω of its lowest WER on dev; of equals the smallest, and itself without dev rows."""
    found = [s for s in results.mixed(system) if any(row["set"] == DEV for row in s.rows)]
    wers = [s.scores(DEV, WER).estimate().value for s in found]
    return found[int(np.argmin(wers))] if found else system


def omega_table(results: Results, set_name: str) -> Table | None:
    """One row for each system that was tried with several ω; None where none was."""
    columns = [Column("system", "observation adding"), Column("omega", "ω chosen on dev", 1), Column("plain", "WER %, ω = 0", 1)]
    columns += [Column("wer", "WER %, chosen ω", 1), Column("gain", "chosen ω − ω = 0", 2, sign=True)]
    columns += [Column("none", "chosen ω − no front end", 2, sign=True), Column("oracle", "WER %, oracle ω", 1)]
    table = Table("omega", f"Observation adding on {set_name}, {results.corpus}", columns, [])
    bare = next((s for s in results.on(set_name) if s.approach == "mct_noisy"), None)
    for system in results.on(set_name):
        if len(results.mixed(system)) > 1:
            best = chosen(results, system)
            row: dict[str, Any] = {"system": results.label(system), "omega": f"{best.omega:g}"}
            row |= {"plain": system.scores(set_name, WER).estimate(), "wer": best.scores(set_name, WER).estimate()}
            row |= {"gain": compare(best, system, set_name) if best.omega else None}
            row |= {"none": compare(best, bare, set_name) if bare else None}
            table.rows.append(row | {"oracle": oracle(results, system, set_name).estimate()})
    table.notes = [
        "The recogniser hears (1 − ω)·ŝ + ω·y. ω is the one with the lowest WER on dev over all seeds. Oracle ω takes the best one "
        "for every utterance and seed, which nobody can know: a ceiling."
    ]
    return table if table.rows else None


def oracle(results: Results, system: System, set_name: str) -> Scores:
    """WER of each item with the best of the ω that were tried, chosen for every item and seed."""
    of_seeds = []
    for seed in system.seeds:
        tried = [s.scores(set_name, WER, [seed]) for s in results.mixed(system)]
        of_seeds.append(reduce(np.minimum, [scores.numerator for scores in tried]))
    one = system.scores(set_name, WER)
    return Scores(WER, one.items, one.speakers, np.mean(of_seeds, axis=0), one.denominator)
