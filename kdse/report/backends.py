"""The backend matrix: the same front ends, heard by several recognisers."""

from kdse.report.best import best_of
from kdse.report.footer import NAMES
from kdse.report.rows import WER, Results, Scores, System, show_seeds
from kdse.report.tables import Column, Table

HOME = "asr_"
"""How folders of stage 3 begin."""
CEILING = "oracle_irm"


def backends_table(results: Results, set_name: str) -> Table | None:
    """WER of every run that another backend than the home one was scored with, a column for each backend, beside it the difference
    to no front end with the same backend; None where there is no other backend on the set.

    Seeds are those that all backends have of a system. What the home backend makes of students of other teachers stands among the
    rows of other backends, under its name, so that the home tables compare students of one teacher; rows there of a run that the
    home tables have, too, count here in their place.
    """
    home = home_name(results)
    columns = [(home, results), *results.backends.items()]
    heard: dict[str, dict[str, System]] = {}
    for name, found in columns:
        if systems := {s.family: s for s in found.on(set_name)}:
            heard[name] = heard.get(name, {}) | systems
    others = {s.family for found in results.backends.values() for s in found.on(set_name)}
    if not others:
        return None
    ordered = {s.family: s for _, found in columns for s in found.on(set_name) if s.family in others}
    table = Table("backends", f"{set_name}, {results.corpus}, by the backend that listens", _columns(list(heard)), [])
    seeds = {family: _seeds(heard, family, set_name) for family in ordered}
    table.rows = [
        {"system": _label(results, s), "teacher": _teacher(s), "seeds": show_seeds(tuple(sorted(seeds[family])))}
        for family, s in ordered.items()
    ]
    ceilings = [i for i, s in enumerate(ordered.values()) if s.approach == CEILING]
    for name, systems in heard.items():
        bare = next((s for s in systems.values() if s.approach == "mct_noisy"), None)
        scores: dict[int, Scores] = {}
        for number, family in enumerate(ordered):
            system = systems.get(family)
            if system is None:
                continue
            if _own(system):
                table.rows[number][f"wer_{name}"] = "its own"
                continue
            scores[number] = found = system.scores(set_name, WER, seeds[family])
            table.rows[number][f"wer_{name}"] = found.estimate()
            if bare and bare.family != family:
                table.rows[number][f"gain_{name}"] = found.minus(bare.scores(set_name, WER))
        best = best_of(WER, list(scores.values()), [list(scores).index(i) for i in ceilings if i in scores])
        if best is not None:
            table.bold.add((list(scores)[best], f"wer_{name}"))
    own = {s.family for s in results.on(set_name)}
    anew = home in results.backends and any(s.family in own for s in results.backends[home].on(set_name))
    decodes = "; ".join(f"{name}: {', '.join(sorted({s.decode for s in systems.values()}))}" for name, systems in heard.items())
    table.notes = [
        "A front end was distilled from its teachers alone; the other backends never heard it in training. Beside each WER stands "
        "the paired difference to no front end with the same backend, in points, negative where the front end helps. Seeds are "
        f"those that all backends have of a system. Decoding: {decodes}."
        + (
            f" The column {home} has the rows of `results/backends/{home}`; the other tables may show other trainings."
            if anew
            else ""
        ),
        "Whole reports of the other backends: "
        + ", ".join(f"`results/backends/{name}/RESULTS.md`" for name in results.backends)
        + ".",
    ]
    return table


def home_name(results: Results) -> str:
    """What the home backend is called in the matrix: the most frequent in its rows, without what folders of stage 3 begin with."""
    found = [row["backend"] for row in results.rows()]
    return max(sorted(set(found)), key=found.count).removeprefix(HOME)


def _columns(names: list[str]) -> list[Column]:
    found = [Column("system", "front end"), Column("teacher", "teacher"), Column("seeds", "seeds")]
    for name in names:
        found += [Column(f"wer_{name}", f"{name}: WER %"), Column(f"gain_{name}", "to no front end", 1, sign=True)]
    return found


def _label(results: Results, system: System) -> str:
    return NAMES.get(system.approach, system.family)


def _teacher(system: System) -> str | None:
    """Its teachers' names, of a student of two both: asr_a + asr_b becomes a + b."""
    found = sorted({row["teacher"] for row in system.rows if row["teacher"]})
    return ", ".join(" + ".join(name.removeprefix(HOME) for name in both.split(" + ")) for both in found) or None


def _own(system: System) -> bool:
    """Whether a recogniser of its own listened to it, so that the column's did not."""
    return all(row["backend"] == row["run"] for row in system.rows)


def _seeds(heard: dict[str, dict[str, System]], family: str, set_name: str) -> set[int]:
    """The seeds that every backend which heard the system has of it."""
    return set.intersection(*(set(systems[family].seeds_on(set_name)) for systems in heard.values() if family in systems))
