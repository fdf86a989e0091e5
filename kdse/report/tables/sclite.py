"""Counts of errors in the form in which ESPnet shows sclite's: `|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|`."""

from collections.abc import Sequence
from typing import Any

from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.scoring.metrics import Metric

RATES = ("Corr", "Sub", "Del", "Ins", "Err", "S.Err")


def sclite_table(results: Results, metric: Metric, sets: Sequence[str]) -> Table:
    """One row for each headline run and set: sentences, reference words (or characters), and rates in per cent of them.

    Args:
        metric: a rate of errors; its `counts` name the column of [n_ref, sub, del, ins].
        sets: in order; a name may stand for several, each of which has a row.
    """
    columns = [Column("dataset", "dataset"), *(Column(name, name, thousands=False) for name in ("Snt", "Wrd"))]
    columns += [Column(name, name) for name in RATES]
    title = f"{metric.name.upper()} of the headline runs, {results.corpus}"
    table = Table(f"sclite_{metric.name}", title, columns, [], compact=True)
    for system in results.headline(results.info.test):
        if system.approach not in results.named(results.info.test):
            continue
        for run in dict.fromkeys(row["run"] for row in system.rows):
            for scored in (part for name in sets for part in sorted(system.sets_of(name))):
                rows = [row for row in system.by_set[scored] if row["run"] == run]
                if rows:
                    dataset = f"{run}/{system.decode}/{scored}"
                    table.rows.append({"dataset": dataset, **rates([row[metric.counts] for row in rows])})
    return table


def rates(counts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """What sclite's summary says of sentences with these counts [n_ref, sub, del, ins].

    >>> rates([[4, 1, 0, 0], [6, 0, 1, 1], [10, 0, 0, 0]])["Err"]
    15.0
    """
    n_ref, sub, deleted, ins = (sum(column) for column in zip(*counts, strict=True))
    wrong = sum(any(of_sentence[1:]) for of_sentence in counts)
    per_cent = 100 / n_ref if n_ref else 0.0
    return {
        "Snt": len(counts),
        "Wrd": n_ref,
        "Corr": per_cent * (n_ref - sub - deleted),
        "Sub": per_cent * sub,
        "Del": per_cent * deleted,
        "Ins": per_cent * ins,
        "Err": per_cent * (sub + deleted + ins),
        "S.Err": 100 * wrong / len(counts),
    }
