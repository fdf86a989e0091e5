"""All approaches from the same start: what each scores, and what its training took."""

from typing import Any

from kdse.report.omega import chosen, without_front_end
from kdse.report.paired import detectable_note
from kdse.report.rows import CER, ORDER, QUALITY, WER, Results, compare, shared_scores
from kdse.report.tables import Column, Table

UNTRAINED = ("mct_noisy", "spectral_subtraction", "log_mmse", "wiener", "oracle_irm", "se_teacher")


def approaches_table(results: Results, set_name: str) -> Table | None:
    """One row for each approach of the warm student, run or not; None where there is none."""
    columns = [Column("system", "approach"), Column("updates", "updates"), Column("seconds", "s", 0)]
    columns += [Column("wer", "WER %, ω = 0", 1), Column("cer", "CER %", 1, interval=False)]
    columns += [Column("base", "− standalone_se", 2, sign=True)]
    columns += [Column("none", "− no front end", 2, sign=True), Column("omega", "ω of dev"), Column("mixed", "WER %, that ω", 1)]
    columns += [Column(m.name, m.label, m.digits, interval=False) for m in QUALITY]
    found = {system.approach: system for system in results.from_one_start(set_name)}
    if not found:
        return None
    first = next(iter(found.values()))
    title = f"Every approach from the same weights on {set_name}, {results.corpus}, {first.student}"
    table = Table("approaches", title, columns, [])
    scores, place = shared_scores(list(found.values()), set_name, (CER, *QUALITY)), {name: i for i, name in enumerate(found)}
    base, bare = found.get("standalone_se"), without_front_end(results, set_name)
    for name in [*(n for n in ORDER if n not in UNTRAINED), *(n for n in found if n not in ORDER)]:
        system = found.get(name)
        if system is None:
            table.rows.append({"system": name, "wer": "not run"})
            continue
        best = chosen(results, system, set_name)
        training = results.configs[system.rows[0]["run"]].get("training") or {}
        row: dict[str, Any] = {"system": name, "updates": " + ".join(map(str, training.get("updates", []))) or None}
        row |= {"seconds": training.get("seconds"), "wer": system.scores(set_name, WER).estimate()}
        row |= {"base": compare(system, base, set_name) if base and system is not base else None}
        row |= {"none": compare(system, bare, set_name) if bare else None}
        row |= {metric.name: of_systems[place[name]].estimate() for metric, of_systems in scores.items()}
        table.rows.append(
            row
            | {"omega": f"{best.omega:g}" if system.seeds_on("dev_noisy") else None, "mixed": best.scores(set_name, WER).estimate()}
        )
    seeds = ", ".join(map(str, sorted({seed for s in found.values() for seed in s.seeds_on(set_name)})))
    took = [results.configs[s.rows[0]["run"]].get("training") or {} for s in found.values()]
    threads = ", ".join(map(str, sorted({t["threads"] for t in took if "threads" in t})))
    table.notes = [
        f"Each run starts from the front end `{results.start(first)}` and the backend of stage 3, and hears the same "
        f"mixtures in the same order; seed {seeds}. Updates are of the one optimiser, or of both. Seconds are of wall "
        f"clock, with {threads} thread(s) a run, and depend on what else ran. Intervals are by utterance.",
        "The joint approaches and `mct_all` go on training the backend, and are recognised by their own: part of what "
        "they gain on no front end is that of a longer training. They and the `d4am` family keep their epochs by dev "
        "character errors, the others by their own loss. Acoustic tokens are those of the shared backend, so who has "
        "another has no token errors.",
        *detectable_note((row.get("base") for row in table.rows), "`standalone_se`"),
        *detectable_note((row.get("none") for row in table.rows), "no front end"),
    ]
    return table
