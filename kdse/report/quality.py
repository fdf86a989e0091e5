"""Tables beside the main one: every score of quality, and errors by noise."""

from typing import Any

from kdse.report.best import best_of
from kdse.report.omega import without_front_end
from kdse.report.paired import detectable_note
from kdse.report.rows import EVERY_QUALITY, WER, Results, Scores, shared_scores
from kdse.report.tables import Column, Table

MOST_NOISES = 40


def quality_table(results: Results, set_name: str) -> Table | None:
    """Every score of quality that some system has, one row for each system; None where none has any."""
    systems = results.on(set_name)
    scores = {m: s for m, s in shared_scores(systems, set_name, EVERY_QUALITY).items() if any(one.present() for one in s)}
    if not scores:
        return None
    columns = [Column("system", "system"), *(Column(m.name, m.label, m.digits, interval=False) for m in scores)]
    table = Table("quality", f"Quality on {set_name}, {results.corpus}", columns, [])
    for number, system in enumerate(systems):
        values = {m.name: of_systems[number].estimate() for m, of_systems in scores.items()}
        table.rows.append({"system": results.label(system), **values})
    ceilings = {i for i, system in enumerate(systems) if system.approach == "oracle_irm"}
    for metric, of_systems in scores.items():
        best = best_of(metric, of_systems, ceilings)
        if best is not None and metric.name != "wada_snr":  # a guess of the level of noise, which enhancement misleads
            table.bold.add((best, metric.name))
    table.notes = [
        "Each mean is over the items where every system has the score; intervals are in `results/tables/quality.csv`. PESQ is wide "
        "band (WB) or narrow band (NB), MOS-LQO; CSIG, CBAK and COVL use the wide band. SDR, SIR and SAR: BSS-Eval, 512 taps, "
        "references speech and noise. SNR is not scaled, SSNR its mean over frames within −10 … 35 dB."
    ]
    return table


def noise_table(results: Results, set_name: str) -> Table | None:
    """WER of the headline systems for each noise; None where there are no noises, or more than a table can hold."""
    systems = results.headline(set_name)
    every = [(system, system.scores(set_name, WER)) for system in systems]
    noises = sorted({noise for _, scores in every for _, noise, _ in scores.items if noise})
    if not 1 < len(noises) <= MOST_NOISES:
        return None
    columns = [Column("noise", "WER %"), Column("items", "items")]
    columns += [Column(system.family, results.label(system), interval=False) for system in systems]
    table = Table("wer_by_noise", f"WER by noise on {set_name}, {results.corpus}", columns, [])
    for noise in noises:
        row: dict[str, Any] = {"noise": noise}
        for system, scores in every:
            of_noise = _of(scores, noise)
            row |= {"items": len(of_noise.items), system.family: of_noise.estimate()}
        table.rows.append(row)
    bare = without_front_end(results, set_name)
    table.notes = ["Intervals are in `results/tables/wer_by_noise.csv`."]
    if bare:
        others = [scores for system, scores in every if system.approach not in ("mct_noisy", "oracle_irm")]
        plain = bare.scores(set_name, WER)
        table.notes += detectable_note((_of(s, noise).minus(_of(plain, noise)) for noise in noises for s in others), "no front end")
    return table


def _of(scores: Scores, noise: str) -> Scores:
    return scores.only({item for item in scores.items if item[1] == noise})
