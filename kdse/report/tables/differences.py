"""The headline comparisons as paired differences of WER."""

from typing import Any

from kdse.approaches import registry
from kdse.report.paired import matched_pairs_test, show_p
from kdse.report.render.table import Column, Table
from kdse.report.results import Results, approach_label
from kdse.report.systems import System, compare
from kdse.report.tables.omega import at_chosen_omega
from kdse.scoring.significance import LEVEL, POWER

NOTES = [
    "Negative means fewer errors. The smallest detectable difference is the true difference, in points of WER, that a test at "
    f"{100 * (1 - LEVEL):.0f} % finds with {100 * POWER:.0f} % power. 'Shown' says what the interval by utterance supports.",
    "Matched pairs is the sentence-segment word error test (Gillick and Cox, ICASSP 1989; NIST's segments), two-sided. "
    "It takes the SNRs and seeds of an utterance for independent, which the interval does not: read its p as a lower bound. "
    "There is none where the two sides have different seeds.",
]


def difference_table(results: Results, set_name: str) -> Table:
    """Each distilled headline approach against each headline baseline and no front end, with intervals by utterance and speaker.

    A pair stands there again with the ω that dev chooses for each side.
    """
    columns = [
        Column("pair", "difference"),
        Column("wer", "WER points, by utterance", 2, sign=True),
        Column("by_speaker", "by speaker", 2, sign=True),
        Column("relative", "relative %", 1, sign=True),
        Column("detectable", "smallest detectable", 2),
        Column("p", "matched pairs p"),
        Column("items", "items"),
        Column("utts", "utterances"),
        Column("speakers", "speakers"),
        Column("verdict", "shown"),
    ]
    table = Table("differences", f"Paired WER differences on {set_name}, {results.corpus}", columns, [], notes=list(NOTES))
    for approach in results.named(set_name, "distilled"):
        for baseline in (*results.named(set_name, "baseline"), registry.NO_FRONT_END):
            pairs = _pairs(results, approach, baseline, set_name)
            table.rows += [_row(results, a, b, set_name) for a, b in pairs]
            if not pairs:
                table.rows.append({"pair": f"{approach} − {approach_label(baseline)}", "wer": "not run"})
    return table


def _pairs(results: Results, approach: str, baseline: str, set_name: str) -> list[tuple[System, System]]:
    """The systems of the two approaches that belong together; first with ω = 0, then with the ω that dev chooses."""
    systems = [s for s in results.on(set_name) if s.approach == approach]
    plain = [(a, b) for a in systems for b in partners(results, a, baseline, set_name)]
    chosen = [(at_chosen_omega(results, a, set_name), at_chosen_omega(results, b, set_name)) for a, b in plain]
    return plain + [(a, b) for a, b in chosen if a.omega or b.omega]


def partners(results: Results, system: System, approach: str, set_name: str) -> list[System]:
    """The systems of `approach` that `system` is compared with: decoded alike, of the same student or without one, ω = 0."""
    alike = [s for s in results.on(set_name) if s.approach == approach and s.decode == system.decode]
    return [s for s in alike if s.student in (None, system.student)]


def _row(results: Results, a: System, b: System, set_name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"pair": f"{results.label(a)} − {results.label(b)}"}
    d, by_speaker = compare(a, b, set_name), compare(a, b, set_name, by="speaker")
    if d is None or by_speaker is None:
        return row
    return row | {
        "wer": d,
        "by_speaker": by_speaker,
        "relative": None if d.relative is None else 100 * d.relative,
        "detectable": d.detectable,
        "items": d.items,
        "utts": d.groups,
        "speakers": by_speaker.groups,
        "p": show_p(matched_pairs_test(a, b, set_name)),
        "verdict": "nothing" if not d.excludes_zero else "lower WER" if d.below_zero else "higher WER",
    }
