"""Observation adding: the share of the noisy signal that each system wants on dev, and what it brings on the test set."""

from functools import reduce
from typing import Any

import numpy as np

from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import Scores, System, compare
from kdse.scoring.metrics import WER


def omegas_tried(results: Results, system: System, set_name: str) -> list[System]:
    """The system with each ω at which all its runs were decoded, on dev and on the set alike, 0 first."""
    sets = (results.info.dev, set_name)
    wanted = [system.seeds_on(name) for name in sets]
    return [s for s in results.with_every_omega(system) if [s.seeds_on(name) for name in sets] == wanted]


def with_several_omegas(results: Results, set_name: str) -> list[System]:
    """The front ends that were tried with several ω; not the ceiling, which needs none."""
    return [s for s in results.on(set_name) if s.role != "ceiling" and len(omegas_tried(results, s, set_name)) > 1]


def at_chosen_omega(results: Results, system: System, set_name: str) -> System:
    """The system with the ω of its lowest WER on dev; of equals the smallest, and itself without dev rows."""
    dev = results.info.dev
    if not system.seeds_on(dev):
        return system
    tried = omegas_tried(results, system, set_name)
    return tried[int(np.argmin([s.scores(dev, WER).value for s in tried]))]


def omega_table(results: Results, set_name: str, name: str = "omega") -> Table | None:
    """One row for each system that was tried with several ω; None where none was."""
    columns = [
        Column("system", "observation adding"),
        Column("omega", "ω chosen on dev", 1),
        Column("plain", "WER %, ω = 0", 1),
        Column("wer", "WER %, chosen ω", 1),
        Column("gain", "chosen ω − ω = 0", 2, sign=True),
        Column("none", "chosen ω − no front end", 2, sign=True),
        Column("oracle", "WER %, oracle ω", 1),
    ]
    table = Table(name, f"Observation adding on {set_name}, {results.corpus}", columns, [])
    table.rows = [_row(results, system, set_name) for system in with_several_omegas(results, set_name)]
    table.notes = [
        "The recogniser gets (1 − ω)·ŝ + ω·y. ω is the one with the lowest WER on dev over all seeds. Oracle ω takes the best one "
        "for every utterance and seed, no front end among them, which nobody can know: a ceiling.",
        *detectable_note((row["gain"] for row in table.rows), "ω = 0"),
        *detectable_note((row["none"] for row in table.rows), "no front end"),
    ]
    return table if table.rows else None


def _row(results: Results, system: System, set_name: str) -> dict[str, Any]:
    best, bare = at_chosen_omega(results, system, set_name), results.without_front_end(set_name)
    return {
        "system": results.label(system),
        "omega": f"{best.omega:g}" if system.seeds_on(results.info.dev) else None,
        "plain": system.scores(set_name, WER).estimate(),
        "wer": best.scores(set_name, WER).estimate(),
        "gain": compare(best, system, set_name) if best.omega else None,
        "none": compare(best, bare, set_name) if bare else None,
        "oracle": with_oracle_omega(results, system, set_name).estimate(),
    }


def with_oracle_omega(results: Results, system: System, set_name: str) -> Scores:
    """WER of each item with the best of the ω that were tried, no front end among them, chosen for every item and seed."""
    plain, bare = system.scores(set_name, WER), results.without_front_end(set_name)
    noisy = bare.scores(set_name, WER) if bare else plain
    at_one = [noisy.numerator] if noisy.items == plain.items else []
    of_seeds = []
    for seed in system.seeds_on(set_name):
        errors = [s.scores(set_name, WER, [seed]).numerator for s in omegas_tried(results, system, set_name)]
        of_seeds.append(reduce(np.minimum, errors + at_one))
    return Scores(WER, plain.items, plain.speakers, np.mean(of_seeds, axis=0), plain.denominator)
