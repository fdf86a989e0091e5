"""The form of the paper's tables 7 to 10: what each loss contributes."""

from typing import Any

from kdse.approaches.registry import BASELINE, SYSTEMS
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import shared_scores
from kdse.report.tables.paper import all_sets, chosen_systems, detectable, embolden, start_notes
from kdse.scoring.metrics import CER, WER, group


def rows_of_ablation() -> dict[str, str]:
    """{approach: its losses}, from few losses to many.

    >>> list(rows_of_ablation().values())
    ['L_r', 'L_r + L_e', 'L_r + L_d', 'L_r + L_e + L_d']
    """
    with_losses = sorted((info for info in SYSTEMS.values() if info.losses), key=lambda info: len(info.losses))
    return {info.name: " + ".join(info.losses) for info in with_losses}


def ablation_table(results: Results) -> Table:
    """One row for each set of losses, run or not."""
    form, metrics, approaches = results.info.paper, group("paper"), rows_of_ablation()
    columns = [Column("losses", "losses"), Column("system", "approach"), Column("cer", "CER %", 1), Column("wer", "WER %", 1)]
    columns += [Column(m.name, m.label, m.digits, interval=False) for m in metrics]
    table = Table("paper_ablation", f"The form of the paper's tables {form.ablation}, {results.corpus}", columns, [])
    together = all_sets(results)
    systems = {name: system for name, system in chosen_systems(results, together).items() if name in approaches}
    quality = shared_scores(list(systems.values()), form.quality_set, metrics)
    places = {name: place for place, name in enumerate(systems)}
    for approach, losses in approaches.items():
        row: dict[str, Any] = {"losses": losses, "system": approach}
        if approach in systems:
            row |= {m.name: systems[approach].scores(together, m).estimate() for m in (CER, WER)}
            row |= {m.name: of_systems[places[approach]].estimate() for m, of_systems in quality.items()}
        else:
            row["wer"] = "not run"
        table.rows.append(row)
    embolden(table, systems, list(approaches), together, {CER: "cer", WER: "wer"})
    table.notes = [
        f"Which losses each row of the paper's tables {form.ablation} uses is lost in print, so no published number stands here. "
        "Its text says that all losses together are best and that the tokens (L_d) bring more than the latents (L_e).",
        *start_notes(results, list(systems.values())),
        *detectable(systems, BASELINE, list(approaches), together),
    ]
    return table
