"""Which value of a column may be printed bold."""

from collections.abc import Collection

from kdse.report.systems import Scores, System
from kdse.scoring.metrics import Metric


def best_of(metric: Metric, scores: list[Scores], ceilings: Collection[int] = ()) -> int | None:
    """The system whose value beats every other's by a paired difference whose interval excludes 0; None where none does.

    Ceilings, which know the clean signal, do not compete, and a metric may have no best value.
    """
    values = {i: s.value for i, s in enumerate(scores) if s.value is not None and i not in ceilings}
    if len(values) < 2 or not metric.bold:
        return None
    best = (min if metric.lower_is_better else max)(values, key=values.__getitem__)
    differences = (scores[best].minus(scores[i]) for i in values if i != best)
    return best if all(d is not None and d.excludes_zero for d in differences) else None


def ceilings_among(systems: list[System]) -> set[int]:
    """Places of the systems that know the clean signal."""
    return {i for i, system in enumerate(systems) if system.role == "ceiling"}
