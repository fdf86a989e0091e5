"""The paper's tables of words and of quality in its own form: our numbers with the published ones beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdse.approaches.registry import NO_FRONT_END
from kdse.core.files import read_yaml
from kdse.data.corpora.registry import PaperForm
from kdse.report.best import best_of
from kdse.report.paired import detectable_note
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import SetName, System, compare, shared_scores
from kdse.scoring.metrics import CER, WER, Metric, group

REFERENCE = Path(__file__).resolve().parents[3] / "conf" / "reference" / "paper.yaml"
NOISY = "noisy"
"""The row of no front end in the paper's tables of quality."""
THEIR_NAMES = {"pesq_wb": "pesq", "snr_out": "snr"}
"""{metric: the paper's column}, where the two differ."""


def published() -> dict[str, Any]:
    """The paper's figures."""
    return read_yaml(REFERENCE)


def error_tables(results: Results) -> list[Table]:
    """Table 1 or 3: a table each of characters and words where the corpus fills several columns, else one of both."""
    pairs = [(CER,), (WER,)] if results.info.paper.sets else [(CER, WER)]
    return [error_table(results, metrics) for metrics in pairs]


def error_table(results: Results, metrics: tuple[Metric, ...]) -> Table:
    """Table 1 or 3: errors on each set and on all together, of the approaches that the paper has."""
    form = results.info.paper
    figures = published()[f"table_{form.words}"]
    approaches = list(figures[WER.name])
    names = "_".join(m.name for m in metrics)
    title = f"The form of the paper's table {form.words}, {results.corpus}"
    table = Table(f"paper_{form.words}_{names}", title, _error_columns(results, metrics), [])
    together = all_sets(results)
    systems = chosen_systems(results, together)
    for approach in approaches:
        row: dict[str, Any] = {"system": approach}
        for m in metrics:
            row |= _published_errors(form, m, dict(zip(figures["columns"], figures[m.name][approach], strict=True)))
            row |= _errors(systems.get(approach), m, form, together)
        table.rows.append(row)
    embolden(table, systems, approaches, together, {m: f"{m.name}_all" for m in metrics})
    how = "All is every item of the sets together, the published average that of the four numbers. " if form.sets else ""
    table.notes = [how + _source(form, form.words), *start_notes(results, list(systems.values()))]
    table.notes += detectable(systems, NO_FRONT_END, approaches, together)
    return table


def _error_columns(results: Results, metrics: tuple[Metric, ...]) -> list[Column]:
    form = results.info.paper
    columns = [Column("system", "approach")]
    for m in metrics:
        for name, theirs in form.sets.items():
            columns.append(Column(f"{m.name}_{name}", f"{m.label}, {name}", m.digits, interval=False))
            if theirs:
                columns.append(Column(f"{m.name}_{name}_published", f"published, {theirs}", 2))
        columns.append(Column(f"{m.name}_all", f"{m.label}, {'all' if form.sets else results.info.test}", m.digits))
        columns.append(Column(f"{m.name}_published", f"published, {form.measured_on or 'avg'}", 2))
    return columns


def _published_errors(form: PaperForm, metric: Metric, figures: dict[str, float]) -> dict[str, float]:
    """The published average, and the numbers of the sets that print tells apart."""
    values = {f"{metric.name}_published": figures["avg"]}
    for name, column in form.sets.items():
        if column:
            values[f"{metric.name}_{name}_published"] = figures[column]
    return values


def _errors(system: System | None, metric: Metric, form: PaperForm, together: SetName) -> dict[str, Any]:
    """Our numbers on all sets together and on each."""
    if system is None:
        return {f"{metric.name}_all": "not run"}
    values = {f"{metric.name}_all": system.scores(together, metric).estimate()}
    return values | {f"{metric.name}_{name}": system.scores(name, metric).estimate() for name in form.sets}


def quality_table(results: Results) -> Table:
    """Table 5 or 6: quality and noise reduction, of the approaches that the paper has."""
    form, metrics = results.info.paper, group("paper")
    figures = published()[f"table_{form.quality}"]
    approaches = {NO_FRONT_END if name == NOISY else name: name for name in figures["rows"]}
    columns = [Column("system", "approach")]
    for m in metrics:
        columns += [Column(m.name, m.label, m.digits, interval=False), Column(f"{m.name}_published", "publ.", m.digits)]
    title = f"The form of the paper's table {form.quality}, {results.corpus}"
    table = Table(f"paper_{form.quality}_quality", title, columns, [])
    systems = chosen_systems(results, form.quality_set)
    scores = shared_scores(list(systems.values()), form.quality_set, metrics)
    places = {approach: place for place, approach in enumerate(systems)}
    for approach, name in approaches.items():
        row: dict[str, Any] = {"system": name}
        row |= _published_quality(metrics, dict(zip(figures["columns"], figures["rows"][name], strict=True)))
        if approach in places:
            row |= {m.name: of_systems[places[approach]].estimate() for m, of_systems in scores.items()}
        else:
            row[metrics[0].name] = "not run"
        table.rows.append(row)
    embolden(table, systems, list(approaches), form.quality_set, {m: m.name for m in metrics})
    table.notes = [
        "PESQ is wide band, of CSIG, CBAK and COVL too; which the paper used is not said. SDR, SIR and SAR are of two references, "
        f"speech and noise; the unprocessed mixture has no artifacts, so its SAR is missing. Means are on {form.quality_set}, over "
        "the items where every system has the score. " + _source(form, form.quality),
    ]
    return table


def _published_quality(metrics: Sequence[Metric], figures: dict[str, float]) -> dict[str, float]:
    """The published numbers of the metrics that the paper has."""
    theirs = {m: THEIR_NAMES.get(m.name, m.name) for m in metrics}
    return {f"{m.name}_published": float(figures[name]) for m, name in theirs.items() if name in figures}


def all_sets(results: Results) -> SetName:
    """The sets that the paper's averages are over: those of its columns, else the test set."""
    return tuple(results.info.paper.sets) or results.info.test


def chosen_systems(results: Results, set_name: SetName) -> dict[str, System]:
    """{approach: its system}: those that began with the same weights where there are such, else the headline ones."""
    name = set_name if isinstance(set_name, str) else set_name[0]
    systems = {s.approach: s for s in results.headline(name)}
    same = {s.approach: s for s in results.from_one_start(name)}
    return systems | same if len(same) > 1 else systems


def embolden(table: Table, systems: dict[str, System], approaches: Sequence[str], sets: SetName, keys: dict[Metric, str]) -> None:
    """Mark the best of each column where the intervals support it."""
    shown = [a for a in approaches if a in systems]
    for metric, key in keys.items():
        scores = shared_scores([systems[a] for a in shown], sets, (metric,))[metric]
        best = best_of(metric, scores)
        if best is not None and np.sum(scores[best].denominator):
            table.bold.add((list(approaches).index(shown[best]), key))


def detectable(systems: dict[str, System], baseline: str, approaches: Sequence[str], sets: SetName) -> list[str]:
    """Which difference in WER from the baseline the table could have found."""
    if baseline not in systems:
        return []
    others = [systems[name] for name in approaches if name in systems and name != baseline]
    return detectable_note((compare(system, systems[baseline], sets) for system in others), baseline)


def start_notes(results: Results, systems: Sequence[System]) -> list[str]:
    """Say where the rows are those of the comparison from one start."""
    starts = {start for s in systems if s.seeds and (start := results.init_run(s))}
    return [f"Approaches are those that began with the front end `{start}`." for start in sorted(starts)]


def _source(form: PaperForm, number: int) -> str:
    where = f"table {number} of the paper"
    if form.measured_on:
        other = f"on {form.measured_on}, with another recogniser and other noises"
        return f"Published: {where}, {other}: orders may be compared, levels may not."
    return f"Published: {where}; its doubtful figures are named in `conf/reference/paper.yaml`."
