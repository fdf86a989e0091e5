"""Which value of a column may be printed bold."""

from collections.abc import Collection

from kdse.report.rows import Metric, Scores


def best_of(metric: Metric, scores: list[Scores], ceilings: Collection[int] = ()) -> int | None:
    """The system whose value beats every other's by a paired difference whose interval excludes 0; None where none does.

    Ceilings, which know the clean signal, do not compete.
    """
    values = {i: s.value for i, s in enumerate(scores) if s.value is not None and i not in ceilings}
    if len(values) < 2:
        return None
    best = (min if metric.lower_is_better else max)(values, key=values.__getitem__)
    surely = (scores[best].minus(scores[i]) for i in values if i != best)
    return best if all(d is not None and d.excludes_zero for d in surely) else None
