"""The main table: one row for each system of a set."""

from typing import Any

from kdse.approaches import registry
from kdse.report.best import best_of, ceilings_among
from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results, approach_label, show_seeds
from kdse.report.systems import Scores, System, compare, shared_scores
from kdse.scoring.metrics import CER, WER, Metric, group


def main_table(results: Results, set_name: str, ceiling: str | None = None, name: str = "main") -> Table:
    """One row for each system of a set: parameters, WER, CER and quality with intervals.

    Quality means are taken over the items where every system has the score, so that they are comparable.

    Args:
        ceiling: a clean set: the recogniser's errors on it stand in the first row, and systems that began with the same weights
            are left to their own table.
    """
    metrics = (WER, CER, *group("main"))
    table = Table(name, f"{set_name}, {results.corpus}", _columns(metrics), [])
    for bare in (s for s in results.on(ceiling or ()) if s.approach == registry.NO_FRONT_END):
        of_clean = shared_scores([bare], ceiling, (WER, CER))
        table.rows.append(_row("clean input, no front end (ceiling)", bare, of_clean, 0))
    systems = results.cold_started(set_name) if ceiling else results.on(set_name)
    scores = shared_scores(systems, set_name, metrics)
    places = _add_systems(table, results, set_name, systems, scores)
    for metric, of_systems in scores.items():
        best = best_of(metric, of_systems, ceilings_among(systems))
        if best is not None:
            table.bold.add((places[best], metric.name))
    table.notes = [*_parts_note(results, set_name), *_coverage(scores), *_detectable(results, systems, set_name)]
    return table


def _columns(metrics: tuple[Metric, ...]) -> list[Column]:
    return [
        Column("system", "system"),
        Column("params", "front-end parameters"),
        Column("seeds", "seeds"),
        *(Column(m.name, m.label, m.digits) for m in metrics),
        Column("items", "items"),
    ]


def expected(results: Results, set_name: str) -> list[tuple[str, ...]]:
    """The approaches that a main table names; of several in one place one is enough: the classical ones."""
    classical = results.named(set_name, "classical")
    places = [classical if name in classical else (name,) for name in results.named(set_name)]
    return list(dict.fromkeys(places))


def _add_systems(
    table: Table, results: Results, set_name: str, systems: list[System], scores: dict[Metric, list[Scores]]
) -> dict[int, int]:
    """Append the expected systems, "not run" where there is none, then the others; {place in `systems`: row of the table}."""
    places: dict[int, int] = {}

    def add(index: int) -> None:
        places[index] = len(table.rows)
        table.rows.append(_row(results.label(systems[index]), systems[index], scores, index))

    for names in expected(results, set_name):
        there = [i for i, system in enumerate(systems) if system.approach in names]
        for i in there:
            add(i)
        if not there:
            table.rows.append({"system": " / ".join(map(approach_label, names)), "wer": "not run"})
    for i in range(len(systems)):
        if i not in places:
            add(i)
    return places


def _row(label: str, system: System, scores: dict[Metric, list[Scores]], index: int) -> dict[str, Any]:
    row: dict[str, Any] = {"system": label, "params": system.params, "seeds": show_seeds(system.seeds)}
    for metric, of_systems in scores.items():
        row[metric.name] = of_systems[index].estimate()
    row["items"] = len(scores[WER][index].items)
    return row


def _parts_note(results: Results, set_name: str) -> list[str]:
    """Say which sets are counted together."""
    parts = results.sets_of(set_name)
    return [f"{set_name}: {', '.join(parts[:-1])} and {parts[-1]} together."] if len(parts) > 1 else []


def _coverage(scores: dict[Metric, list[Scores]]) -> list[str]:
    """Say where a column rests on fewer items than the set has."""
    total = max((len(s.items) for s in scores.get(WER, [])), default=0)
    counts = {metric.label: max((len(s.items) for s in of_systems), default=0) for metric, of_systems in scores.items()}
    few = [f"{label} over {n:,} of {total:,} items" for label, n in counts.items() if 0 < n < total]
    return [f"{'; '.join(few)}: those where every system has the score (the missing ones are named below)."] if few else []


def _detectable(results: Results, systems: list[System], set_name: str) -> list[str]:
    bare = results.without_front_end(set_name)
    if bare is None:
        return []
    others = [s for s in systems if s is not bare and s.role != "ceiling"]
    return detectable_note((compare(s, bare, set_name) for s in others), "no front end")
