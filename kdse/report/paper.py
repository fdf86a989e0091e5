"""The paper's tables 1, 3, 5, 6 and 7 to 10 in its own form: our numbers with the published ones beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdse.core.files import read_yaml
from kdse.report.best import best_of
from kdse.report.paired import detectable_note
from kdse.report.rows import CER, PAPER_QUALITY, WER, Metric, Results, System, compare, shared_scores
from kdse.report.tables import Column, Table

REFERENCE = Path(__file__).resolve().parents[2] / "conf" / "reference" / "paper.yaml"
RECOGNISED = ("mct_noisy", "standalone_se", "mct_all", "joint_straight", "joint_aso", "joint_grad", "kd")
HEARD = ("mct_noisy", "standalone_se", "joint_straight", "joint_aso", "joint_grad", "kd")
"""Approaches in the order of the tables of words, and of those of quality, where mct_noisy is called noisy."""
ABLATION = {"standalone_se": "L_r", "kd_re": "L_r + L_e", "kd_rd": "L_r + L_d", "kd": "L_r + L_e + L_d"}
NOISY = {"mct_noisy": "noisy"}
ALL = "test_noisy"


@dataclass(frozen=True)
class Form:
    """Which tables a corpus fills.

    Args:
        words, quality, ablation: numbers of the paper's tables.
        sets: our sets in the order of the columns, each with the published column beside it, or None.
        heard: the set whose quality is shown.
        other: what the published numbers were measured on, where it is not this corpus.
    """

    words: int
    quality: int
    ablation: str
    sets: dict[str, str | None]
    heard: str
    other: str = ""


LIBRISPEECH = {f"{name}_noisy": name for name in ("dev-clean", "dev-other", "test-clean", "test-other")}
FORMS = {
    "librispeech": Form(1, 5, "8 and 9", LIBRISPEECH, "test-clean_noisy"),
    "chime4": Form(3, 6, "7 and 10", dict.fromkeys(("dt05_simu", "dt05_real", "et05_simu", "et05_real")), "et05_simu"),
}
ELSEWHERE = Form(1, 5, "8 and 9", {}, ALL, "noisy LibriSpeech")
"""Of a corpus that is not the paper's: its test set beside the published averages."""


def paper_tables(results: Results) -> list[Table]:
    """The tables of words, of quality and of the ablation, whichever have a row that was run."""
    form, published = FORMS.get(results.corpus, ELSEWHERE), read_yaml(REFERENCE)
    metrics: list[tuple[Metric, ...]] = [(CER,), (WER,)] if form.sets else [(CER, WER)]
    found = [words_table(results, form, published, m) for m in metrics]
    found += [quality_table(results, form, published), ablation_table(results, form)]
    return [table for table in found if any(isinstance(row.get("system"), str) and len(row) > 2 for row in table.rows)]


def words_table(results: Results, form: Form, published: dict, metrics: tuple[Metric, ...]) -> Table:
    """Table 1 or 3: errors on each set and on all together."""
    figures = published[f"table_{form.words}"]
    columns = [Column("system", "approach")]
    for m in metrics:
        for name, theirs in form.sets.items():
            columns.append(Column(f"{m.name}_{name}", f"{m.label}, {name}", m.digits, interval=False))
            columns += [Column(f"{m.name}_{name}_published", f"published, {theirs}", 2)] if theirs else []
        columns.append(Column(f"{m.name}_all", f"{m.label}, {'all' if form.sets else ALL}", m.digits))
        columns.append(Column(f"{m.name}_published", f"published{f', {form.other}' if form.other else ', avg'}", 2))
    names = "_".join(m.name for m in metrics)
    table = Table(f"paper_{form.words}_{names}", f"The form of the paper's table {form.words}, {results.corpus}", columns, [])
    everywhere = ALL if not form.sets else (*form.sets,)
    systems = chosen_systems(results, everywhere)
    for approach in RECOGNISED:
        system = systems.get(approach)
        row: dict[str, Any] = {"system": approach}
        for m in metrics:
            theirs = dict(zip(figures["columns"], figures[m.name][approach], strict=True))
            row[f"{m.name}_published"] = theirs["avg"]
            row |= {f"{m.name}_{name}_published": theirs[column] for name, column in form.sets.items() if column}
            if system is None:
                row[f"{m.name}_all"] = "not run"
                continue
            row[f"{m.name}_all"] = system.scores(everywhere, m).estimate()
            row |= {f"{m.name}_{name}": system.scores(name, m).estimate() for name in form.sets}
        table.rows.append(row)
    _embolden(table, systems, RECOGNISED, everywhere, {m: f"{m.name}_all" for m in metrics})
    together = "All is every item of the sets together, the published average that of the four numbers. " if form.sets else ""
    table.notes = [together + _published(form, form.words), *_start(results, systems.values())]
    table.notes += _detectable(systems, RECOGNISED[0], RECOGNISED[1:], everywhere)
    return table


def quality_table(results: Results, form: Form, published: dict) -> Table:
    """Table 5 or 6: quality and noise reduction."""
    figures = published[f"table_{form.quality}"]
    columns = [Column("system", "approach")]
    for m in PAPER_QUALITY:
        columns += [Column(m.name, m.label, m.digits, interval=False), Column(f"{m.name}_published", "publ.", m.digits)]
    table = Table(f"paper_{form.quality}_quality", f"The form of the paper's table {form.quality}, {results.corpus}", columns, [])
    systems = chosen_systems(results, form.heard)
    scores = shared_scores(list(systems.values()), form.heard, PAPER_QUALITY)
    place = {approach: i for i, approach in enumerate(systems)}
    for approach in HEARD:
        theirs = figures["rows"][NOISY.get(approach, approach)]
        row: dict[str, Any] = {"system": NOISY.get(approach, approach)}
        row |= {f"{m.name}_published": float(value) for m, value in zip(PAPER_QUALITY, theirs, strict=True)}
        ours = {m.name: per_system[place[approach]].estimate() for m, per_system in scores.items()} if approach in place else None
        table.rows.append(row | (ours or {PAPER_QUALITY[0].name: "not run"}))
    _embolden(table, systems, HEARD, form.heard, {m: m.name for m in PAPER_QUALITY})
    table.notes = [
        "PESQ is wide band, of CSIG, CBAK and COVL too; which the paper used is not said. SDR, SIR and SAR are of two references, "
        f"speech and noise; the unprocessed mixture has no artifacts, so its SAR is missing. Means are on {form.heard}, over the "
        "items where every system has the score. " + _published(form, form.quality),
    ]
    return table


def ablation_table(results: Results, form: Form) -> Table:
    """Tables 7 to 10: what each loss contributes."""
    columns = [Column("losses", "losses"), Column("system", "approach"), Column("cer", "CER %", 1), Column("wer", "WER %", 1)]
    columns += [Column(m.name, m.label, m.digits, interval=False) for m in PAPER_QUALITY]
    table = Table("paper_ablation", f"The form of the paper's tables {form.ablation}, {results.corpus}", columns, [])
    everywhere = ALL if not form.sets else (*form.sets,)
    systems = {a: s for a, s in chosen_systems(results, everywhere).items() if a in ABLATION}
    quality = shared_scores(list(systems.values()), form.heard, PAPER_QUALITY)
    for approach, losses in ABLATION.items():
        row: dict[str, Any] = {"losses": losses, "system": approach}
        if approach in systems:
            row |= {m.name: systems[approach].scores(everywhere, m).estimate() for m in (CER, WER)}
            place = list(systems).index(approach)
            row |= {m.name: per_system[place].estimate() for m, per_system in quality.items()}
        else:
            row["wer"] = "not run"
        table.rows.append(row)
    _embolden(table, systems, tuple(ABLATION), everywhere, {CER: "cer", WER: "wer"})
    table.notes = [
        f"Which losses each row of the paper's tables {form.ablation} uses is lost in print, so no published number stands here. "
        "Its text says that all losses together are best and that the tokens (L_d) bring more than the latents (L_e).",
        *_start(results, systems.values()),
        *_detectable(systems, "standalone_se", tuple(ABLATION)[1:], everywhere),
    ]
    return table


def chosen_systems(results: Results, set_name: str | tuple[str, ...]) -> dict[str, System]:
    """{approach: its system}: those that began with the same weights where there are such, else the headline ones."""
    name = set_name if isinstance(set_name, str) else set_name[0]
    found = {s.approach: s for s in results.headline(name)}
    same = {s.approach: s for s in results.from_one_start(name)}
    return found | same if len(same) > 1 else found


def _embolden(
    table: Table, systems: dict[str, System], approaches: tuple[str, ...], sets: str | tuple[str, ...], keys: dict[Metric, str]
) -> None:
    """Mark the best of each column where the intervals support it."""
    shown = [a for a in approaches if a in systems]
    for metric, key in keys.items():
        scores = shared_scores([systems[a] for a in shown], sets, (metric,))[metric]
        best = best_of(metric, scores)
        if best is not None and np.sum(scores[best].denominator):
            table.bold.add((approaches.index(shown[best]), key))


def _detectable(systems: dict[str, System], baseline: str, others: tuple[str, ...], sets: str | tuple[str, ...]) -> list[str]:
    """Which difference in WER from the baseline the table could have found."""
    if baseline not in systems:
        return []
    return detectable_note((compare(systems[name], systems[baseline], sets) for name in others if name in systems), baseline)


def _published(form: Form, number: int) -> str:
    where = f"table {number} of the paper"
    if form.other:
        other = f"on {form.other}, with another recogniser and other noises"
        return f"Published: {where}, {other}: orders may be compared, levels may not."
    return f"Published: {where}; its doubtful figures are named in `conf/reference/paper.yaml`."


def _start(results: Results, systems: Iterable[System]) -> list[str]:
    """Say where the rows are those of the comparison from one start."""
    starts = {start for s in systems if s.seeds and (start := results.start(s))}
    return [f"Approaches are those that began with the front end `{start}`." for start in sorted(starts)]
