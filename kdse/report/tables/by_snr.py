"""WER at each SNR, and on clean speech."""

from typing import Any

from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.scoring.metrics import WER


def snr_table(results: Results, set_name: str, clean: str) -> Table | None:
    """WER for each SNR, and on clean speech; None where no row has an SNR."""
    snrs = results.snrs(set_name)
    if not snrs:
        return None
    columns = [Column("system", "WER %"), *(Column(f"snr_{snr:g}", f"{snr:g} dB", interval=False) for snr in snrs)]
    columns.append(Column("clean", "clean", interval=False))
    table = Table("wer_by_snr", f"WER by SNR on {set_name}, {results.corpus}", columns, [])
    for system in results.cold_started(set_name):
        scores = system.scores(set_name, WER)
        row: dict[str, Any] = {"system": results.label(system)}
        for snr in snrs:
            row[f"snr_{snr:g}"] = scores.at_snr(snr).estimate()
        row["clean"] = system.scores(clean, WER).estimate()
        table.rows.append(row)
    table.notes = [f"Intervals are in `{results.links}tables/wer_by_snr.csv`.", *_detectable(results, set_name, snrs)]
    return table


def _detectable(results: Results, set_name: str, snrs: list[float]) -> list[str]:
    """What each SNR's column can show of a difference from no front end."""
    bare = results.without_front_end(set_name)
    if bare is None:
        return []
    others = [s.scores(set_name, WER) for s in results.cold_started(set_name) if s is not bare and s.role != "ceiling"]
    plain, notes = bare.scores(set_name, WER), []
    for snr in snrs:
        notes += detectable_note((scores.at_snr(snr).minus(plain) for scores in others), f"no front end at {snr:g} dB")
    return notes
