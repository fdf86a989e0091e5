"""Every score of quality."""

from kdse.report.best import best_of, ceilings_among
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import shared_scores
from kdse.scoring.metrics import group


def quality_table(results: Results, set_name: str) -> Table | None:
    """Every score of quality that some system has, one row for each system; None where none has any."""
    systems = results.on(set_name)
    every = shared_scores(systems, set_name, group("quality"))
    scores = {metric: of_systems for metric, of_systems in every.items() if any(s.present() for s in of_systems)}
    if not scores:
        return None
    columns = [Column("system", "system"), *(Column(m.name, m.label, m.digits, interval=False) for m in scores)]
    table = Table("quality", f"Quality on {set_name}, {results.corpus}", columns, [])
    for number, system in enumerate(systems):
        values = {metric.name: of_systems[number].estimate() for metric, of_systems in scores.items()}
        table.rows.append({"system": results.label(system), **values})
    for metric, of_systems in scores.items():
        best = best_of(metric, of_systems, ceilings_among(systems))
        if best is not None:
            table.bold.add((best, metric.name))
    table.notes = [
        f"Each mean is over the items where every system has the score; intervals are in `{results.links}tables/quality.csv`. PESQ "
        "is wide band (WB) or narrow band (NB), MOS-LQO; CSIG, CBAK and COVL use the wide band. SDR, SIR and SAR: BSS-Eval, "
        "512 taps, references speech and noise. SNR is not scaled, SSNR its mean over frames within −10 … 35 dB."
    ]
    return table
