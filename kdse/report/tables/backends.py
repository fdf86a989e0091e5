"""The backend matrix: the same front ends before several recognisers."""

from typing import Any

from kdse.approaches import registry
from kdse.report.best import best_of, ceilings_among
from kdse.report.render.table import Column, Table
from kdse.report.results import Results, show_seeds
from kdse.report.systems import Scores, System, find
from kdse.scoring.metrics import WER

HOME = "asr_"
"""How folders of stage 3 begin."""

Front = tuple[str, float]
"""A front end: its family, and ω."""
ByBackend = dict[str, dict[Front, System]]
"""{backend: {front end: system}}."""


def backends_table(results: Results, set_name: str) -> Table | None:
    """WER of every run that another backend than the home one was scored with, a column for each backend, beside it the difference
    to no front end with the same backend; None where there is no other backend on the set.

    Observation adding has rows of its own. Seeds are those that all backends have of a system. Students of other teachers have rows
    of the home backend among those of other backends, under its name, so that the home tables compare students of one teacher. Rows
    there of a run that the home tables have, too, count here in their place.
    """
    columns = [(home_name(results), results), *results.backends.items()]
    by_backend: ByBackend = {}
    for name, of_backend in columns:
        if systems := _on(of_backend, set_name):
            by_backend[name] = by_backend.get(name, {}) | systems
    elsewhere = {front for of_backend in results.backends.values() for front in _on(of_backend, set_name)}
    if not elsewhere:
        return None
    systems = {front: s for _, of_backend in columns for front, s in _on(of_backend, set_name).items() if front in elsewhere}
    seeds = {front: _common_seeds(by_backend, front, set_name) for front in systems}
    table = Table("backends", f"{set_name}, {results.corpus}, by the recogniser", _columns(list(by_backend)), [])
    table.rows = [_row_head(results, system, seeds[front]) for front, system in systems.items()]
    for name, of_backend in by_backend.items():
        _fill_in(table, name, list(systems.values()), of_backend, seeds, set_name)
    table.notes = _notes(results, by_backend, set_name)
    return table


def _on(results: Results, set_name: str) -> dict[Front, System]:
    """The systems scored on a set, each followed by itself with observation adding."""
    every = [s for plain in results.on(set_name) for s in results.with_every_omega(plain)]
    return {(s.family, s.omega): s for s in every if s.sets_of(set_name)}


def home_name(results: Results) -> str:
    """The home backend's name in the matrix: the most frequent in its rows, without what folders of stage 3 begin with."""
    names = [row["backend"] for row in results.rows()]
    return max(sorted(set(names)), key=names.count).removeprefix(HOME)


def _columns(backends: list[str]) -> list[Column]:
    columns = [Column("system", "front end"), Column("teacher", "teacher"), Column("seeds", "seeds")]
    for name in backends:
        columns += [Column(f"wer_{name}", f"{name}: WER %"), Column(f"gain_{name}", "to no front end", 1, sign=True)]
    return columns


def _row_head(results: Results, system: System, seeds: set[int]) -> dict[str, Any]:
    label = registry.describe(system.approach).label or system.family
    label += f", ω = {system.omega:g}" if system.omega else ""
    return {"system": label, "teacher": _teachers(results, system), "seeds": show_seeds(tuple(sorted(seeds)))}


def _teachers(results: Results, system: System) -> str | None:
    """Names of the recognisers that taught it, "a + b" where both taught one run."""
    named = set()
    for run in {row["run"] for row in system.rows}:
        of_run = next(r.facts[run] for r in (results, *results.backends.values()) if run in r.facts)
        named.add(" + ".join(name.removeprefix(HOME) for name in of_run.teachers))
    return ", ".join(sorted(named - {""})) or None


def _fill_in(
    table: Table, backend: str, systems: list[System], of_backend: dict[Front, System], seeds: dict[Front, set[int]], set_name: str
) -> None:
    """The two columns of one backend."""
    bare = find(of_backend.values(), registry.NO_FRONT_END)
    scores: dict[int, Scores] = {}
    for number, front in enumerate((system.family, system.omega) for system in systems):
        system = of_backend.get(front)
        if system is None:
            continue
        if _has_own_recogniser(system):
            table.rows[number][f"wer_{backend}"] = "its own"
            continue
        scores[number] = system.scores(set_name, WER, seeds[front])
        table.rows[number][f"wer_{backend}"] = scores[number].estimate()
        if bare and bare.family != system.family:
            table.rows[number][f"gain_{backend}"] = scores[number].minus(bare.scores(set_name, WER))
    places = list(scores)
    best = best_of(WER, list(scores.values()), ceilings_among([systems[number] for number in places]))
    if best is not None:
        table.bold.add((places[best], f"wer_{backend}"))


def _has_own_recogniser(system: System) -> bool:
    """Whether a recogniser of its own transcribed it, so that the column's did not."""
    return all(row["backend"] == row["run"] for row in system.rows)


def _common_seeds(by_backend: ByBackend, front: Front, set_name: str) -> set[int]:
    """The seeds that every backend which has the system has of it."""
    seeds = [set(systems[front].seeds_on(set_name)) for systems in by_backend.values() if front in systems]
    return set.intersection(*seeds)


def _notes(results: Results, by_backend: ByBackend, set_name: str) -> list[str]:
    home, own = home_name(results), {s.family for s in results.on(set_name)}
    decodes = "; ".join(
        f"{name}: {', '.join(sorted({s.decode for s in systems.values()}))}" for name, systems in by_backend.items()
    )
    note = (
        "A front end was distilled from its teachers alone; the other backends had no part in its training. Beside each WER stands "
        "the paired difference to no front end with the same backend, in points, negative where the front end helps. Seeds are "
        f"those that all backends have of a system. Decoding: {decodes}."
    )
    if home in results.backends and any(s.family in own for s in results.backends[home].on(set_name)):
        where = f"`{results.links}backends/{home}`"
        note += f" The column {home} has the rows of {where}; the other tables may show other trainings."
    reports = ", ".join(f"`{results.links}backends/{name}/RESULTS.md`" for name in results.backends)
    return [note, f"Whole reports of the other backends: {reports}."]
