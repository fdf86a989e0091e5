"""How the approaches scale with the size of the student."""

from typing import Any

from kdse.report.paired import detectable_note
from kdse.report.rows import WER, Results, System, compare
from kdse.report.tables import Column, Table

COMPARED = ("standalone_se", "kd")

Sized = dict[str, System]
"""Of one size: the system of each approach in `COMPARED`."""


def sizes(results: Results, set_name: str) -> list[list[Sized]]:
    """The networks that both approaches trained in several sizes, each with its sizes from small to large.

    Students are named NETWORK-SIZE; a run with a tag of its own is no size, nor is NETWORK-SIZE_VARIANT.
    """
    found: dict[str, dict[str, Sized]] = {}
    for system in results.on(set_name):
        if system.approach in COMPARED and system.family == f"{system.approach}_{system.student}":
            network, _, size = system.student.rpartition("-")
            if "_" in size:
                continue
            found.setdefault(network, {}).setdefault(system.student, {})[system.approach] = system
    families = [
        sorted((s for s in of_network.values() if len(s) == len(COMPARED)), key=lambda s: s["kd"].params)
        for of_network in found.values()
    ]
    return [family for family in families if len(family) > 1]


def size_table(results: Results, set_name: str) -> Table | None:
    """One row for each size, with the paired difference; None without several sizes."""
    columns = [Column("student", "student"), Column("params", "parameters"), Column("seeds", "seeds")]
    columns += [Column(approach, f"{approach}, WER %", 1) for approach in COMPARED]
    columns += [Column("difference", "kd − standalone_se", 2, sign=True), Column("relative", "relative %", 1, sign=True)]
    table = Table("size", f"WER by size of the student on {set_name}, {results.corpus}", columns, [])
    for family in sizes(results, set_name):
        for size in family:
            d = compare(size["kd"], size["standalone_se"], set_name)
            seeds = sorted(set(size["kd"].seeds_on(set_name)) & set(size["standalone_se"].seeds_on(set_name)))
            row: dict[str, Any] = {"student": size["kd"].student, "params": size["kd"].params}
            row |= {"seeds": ", ".join(map(str, seeds)) or "none in common"}
            row |= {approach: size[approach].scores(set_name, WER, seeds or None).estimate() for approach in COMPARED}
            relative = None if d is None or d.relative is None else 100 * d.relative
            table.rows.append(row | {"difference": d, "relative": relative})
    table.notes = [
        "Intervals are by utterance. WER and the paired difference are over the seeds that both approaches have.",
        *detectable_note((row["difference"] for row in table.rows), "`standalone_se`"),
    ]
    return table if table.rows else None
