"""All approaches from the same start: what each scores, and what its training took."""

from typing import Any

from kdse.approaches.registry import BASELINE, SYSTEMS
from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import Scores, System, compare, shared_scores
from kdse.report.tables.omega import at_chosen_omega
from kdse.scoring.metrics import CER, WER, Metric, group


def approaches_table(results: Results, set_name: str) -> Table | None:
    """One row for each approach of the warm student, run or not; None where there is none."""
    systems = {system.approach: system for system in results.from_one_start(set_name)}
    if not systems:
        return None
    first = next(iter(systems.values()))
    title = f"Every approach from the same weights on {set_name}, {results.corpus}, {first.student}"
    table = Table("approaches", title, _columns(), [])
    scores = shared_scores(list(systems.values()), set_name, (CER, *group("main")))
    places = {approach: place for place, approach in enumerate(systems)}
    trained = [name for name, info in SYSTEMS.items() if info.code]
    for name in [*trained, *(name for name in systems if name not in SYSTEMS)]:
        if name in systems:
            of_system = {metric: of_systems[places[name]] for metric, of_systems in scores.items()}
            table.rows.append(_row(results, systems[name], systems.get(BASELINE), of_system, set_name))
        else:
            table.rows.append({"system": name, "wer": "not run"})
    table.notes = [
        _how(results, list(systems.values()), set_name),
        "The joint approaches and `mct_all` go on training the backend, and are recognised by their own: part of what "
        "they gain on no front end is that of a longer training. They and the `d4am` family keep their epochs by dev "
        "character errors, the others by their own loss. Acoustic tokens are those of the shared backend, so who has "
        "another has no token errors.",
        *detectable_note((row.get("base") for row in table.rows), f"`{BASELINE}`"),
        *detectable_note((row.get("none") for row in table.rows), "no front end"),
    ]
    return table


def _columns() -> list[Column]:
    return [
        Column("system", "approach"),
        Column("updates", "updates"),
        Column("seconds", "s", 0),
        Column("wer", "WER %, ω = 0", 1),
        Column("cer", "CER %", 1, interval=False),
        Column("base", f"− {BASELINE}", 2, sign=True),
        Column("none", "− no front end", 2, sign=True),
        Column("omega", "ω of dev"),
        Column("mixed", "WER %, that ω", 1),
        *(Column(m.name, m.label, m.digits, interval=False) for m in group("main")),
    ]


def _row(results: Results, system: System, baseline: System | None, scores: dict[Metric, Scores], set_name: str) -> dict[str, Any]:
    """One approach that was run: its training, its errors, and its differences from the baseline and from no front end."""
    bare = results.without_front_end(set_name)
    best = at_chosen_omega(results, system, set_name)
    training = _training(results, system)
    row: dict[str, Any] = {
        "system": system.approach,
        "updates": " + ".join(map(str, training.get("updates", []))) or None,
        "seconds": training.get("seconds"),
        "wer": system.scores(set_name, WER).estimate(),
        "base": compare(system, baseline, set_name) if baseline and system is not baseline else None,
        "none": compare(system, bare, set_name) if bare else None,
        "omega": f"{best.omega:g}" if system.seeds_on(results.info.dev) else None,
        "mixed": best.scores(set_name, WER).estimate(),
    }
    for metric, of_system in scores.items():
        row[metric.name] = of_system.estimate()
    return row


def _training(results: Results, system: System) -> dict[str, Any]:
    """What its training took, as its YAML records it."""
    return results.configs[system.first_run].get("training") or {}


def _how(results: Results, systems: list[System], set_name: str) -> str:
    """How the runs of the table were trained."""
    seeds = ", ".join(map(str, sorted({seed for s in systems for seed in s.seeds_on(set_name)})))
    trainings = [_training(results, s) for s in systems]
    threads = ", ".join(map(str, sorted({t["threads"] for t in trainings if "threads" in t})))
    return (
        f"Each run starts from the front end `{results.init_run(systems[0])}` and the backend of stage 3, and gets the same "
        f"mixtures in the same order; seed {seeds}. Updates are of the one optimiser, or of both. Seconds are of wall "
        f"clock, with {threads} thread(s) a run, and depend on what else ran. Intervals are by utterance."
    )
