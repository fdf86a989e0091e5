"""Two systems on the same items: their rows side by side, the matched-pairs test, and what a difference must be to be found."""

from collections.abc import Iterable
from statistics import median

from kdse.report.systems import Item, System
from kdse.scoring.matched_pairs import MatchedPairs, matched_pairs, segments
from kdse.scoring.row import PackedRow
from kdse.scoring.significance import LEVEL, POWER, Difference


def rows_by_item(system: System, set_name: str, seed: int) -> dict[Item, PackedRow]:
    """{item: row} of one run on a set; a run without a seed counts as 0."""
    return {row.item: row for row in system.rows_on(set_name) if (row["seed"] or 0) == seed}


def matched_pairs_test(a: System, b: System, set_name: str) -> MatchedPairs | None:
    """The matched-pairs test of a against b over the items and seeds that `compare` takes.

    None where one side's hypotheses would have to stand for several seeds of the other, whose segments are then no pairs.
    """
    seeds_a, seeds_b = a.seeds_on(set_name), b.seeds_on(set_name)
    seeds = set(seeds_a) & set(seeds_b)
    if not seeds or (seeds_a != seeds_b and not (a.params and b.params)):
        return None
    pairs = []
    for seed in sorted(seeds):
        rows_a, rows_b = rows_by_item(a, set_name, seed), rows_by_item(b, set_name, seed)
        for item in rows_a.keys() & rows_b.keys():
            pairs += segments(rows_a[item]["ref"], rows_a[item]["hyp"], rows_b[item]["hyp"])
    return matched_pairs(pairs)


def show_p(test: MatchedPairs | None) -> str | None:
    """Two digits of p; None where there is none."""
    return None if test is None or test.p is None else f"{test.p:.2g}"


def detectable_note(differences: Iterable[Difference | None], baseline: str) -> list[str]:
    """One sentence on the smallest true WER difference from `baseline` that the differences of a table could have shown."""
    smallest = [d.detectable for d in differences if d and d.detectable is not None]
    if not smallest:
        return []
    how = f"at {100 * (1 - LEVEL):.0f} % with {100 * POWER:.0f} % power, paired, by utterance"
    many = f" in the median of {len(smallest)}, {max(smallest):.2f} at most" if len(smallest) > 1 else ""
    return [f"Smallest detectable WER difference from {baseline}: {median(smallest):.2f} points{many} ({how})."]
