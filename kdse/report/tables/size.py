"""How the proposal and its baseline scale with the size of the student."""

from typing import Any

from kdse.approaches.registry import BASELINE, PROPOSED
from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import System, compare
from kdse.scoring.metrics import WER

COMPARED = (BASELINE, PROPOSED)

Sized = dict[str, System]
"""Of one size: the system of each approach in `COMPARED`."""


def sizes(results: Results, set_name: str) -> list[list[Sized]]:
    """The networks that both approaches trained in several sizes, each with its sizes from small to large.

    Students are named NETWORK-SIZE; a run with a tag of its own is no size, nor is NETWORK-SIZE_VARIANT.
    """
    networks: dict[str, dict[str, Sized]] = {}
    for system in results.on(set_name):
        if system.approach not in COMPARED or system.family != f"{system.approach}_{system.student}":
            continue
        network, _, size = system.student.rpartition("-")
        if "_" not in size:
            networks.setdefault(network, {}).setdefault(system.student, {})[system.approach] = system
    families = []
    for students in networks.values():
        complete = [sized for sized in students.values() if len(sized) == len(COMPARED)]
        if len(complete) > 1:
            families.append(sorted(complete, key=lambda sized: sized[PROPOSED].params))
    return families


def size_table(results: Results, set_name: str) -> Table | None:
    """One row for each size, with the paired difference; None without several sizes."""
    columns = [
        Column("student", "student"),
        Column("params", "parameters"),
        Column("seeds", "seeds"),
        *(Column(approach, f"{approach}, WER %", 1) for approach in COMPARED),
        Column("difference", f"{PROPOSED} − {BASELINE}", 2, sign=True),
        Column("relative", "relative %", 1, sign=True),
    ]
    table = Table("size", f"WER by size of the student on {set_name}, {results.corpus}", columns, [])
    table.rows = [_row(sized, set_name) for family in sizes(results, set_name) for sized in family]
    table.notes = [
        "Intervals are by utterance. WER and the paired difference are over the seeds that both approaches have.",
        *detectable_note((row["difference"] for row in table.rows), f"`{BASELINE}`"),
    ]
    return table if table.rows else None


def _row(sized: Sized, set_name: str) -> dict[str, Any]:
    proposed, baseline = sized[PROPOSED], sized[BASELINE]
    seeds = sorted(set(proposed.seeds_on(set_name)) & set(baseline.seeds_on(set_name)))
    d = compare(proposed, baseline, set_name)
    row: dict[str, Any] = {"student": proposed.student, "params": proposed.params}
    row["seeds"] = ", ".join(map(str, seeds)) or "none in common"
    for approach in COMPARED:
        row[approach] = sized[approach].scores(set_name, WER, seeds or None).estimate()
    row["difference"] = d
    row["relative"] = None if d is None or d.relative is None else 100 * d.relative
    return row
