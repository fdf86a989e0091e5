"""Systems: runs that differ in the seed alone, their scores over the items of a set, and paired differences of two of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kdse.approaches import registry
from kdse.core.errors import UserError
from kdse.data.corpora import registry as corpora
from kdse.scoring.metrics import WER, Metric
from kdse.scoring.row import PackedRow
from kdse.scoring.significance import Difference, Estimate, difference, estimate, ratio

Item = tuple[str, str, float | None]
"""(utterance, noise, SNR): what two systems share."""
SetName = str | tuple[str, ...]
"""A set, or several that are counted together."""


@dataclass(frozen=True)
class System:
    """All runs that differ in nothing but the seed, decoded one way. `family` is the run's name without its seed."""

    family: str
    approach: str
    student: str | None
    params: int | None
    decode: str
    omega: float
    rows: tuple[PackedRow, ...]

    @property
    def role(self) -> str:
        """Its approach's role in the registry, "" for an approach that is not registered."""
        return registry.describe(self.approach).role

    @property
    def first_run(self) -> str:
        """The run that stands for all seeds where one is enough."""
        return self.rows[0]["run"]

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of its runs."""
        return tuple(sorted({row["seed"] for row in self.rows if row["seed"] is not None}))

    @cached_property
    def by_set(self) -> dict[str, list[PackedRow]]:
        """Its rows of each set."""
        rows_of: dict[str, list[PackedRow]] = {}
        for row in self.rows:
            rows_of.setdefault(row["set"], []).append(row)
        return rows_of

    @cached_property
    def _corpus(self) -> corpora.CorpusInfo:
        return corpora.describe(self.rows[0]["corpus"])

    @cached_property
    def _scores(self) -> dict[tuple, "Scores"]:
        """Cache of `scores`: tables ask for the same again and again."""
        return {}

    @cached_property
    def _matched(self) -> dict[tuple, tuple]:
        """Cache of `_match`, for each set and choice of seeds."""
        return {}

    def sets_of(self, set_name: SetName) -> list[str]:
        """Its sets that a name stands for (see `CorpusInfo.stands_for`)."""
        return [scored for scored in self.by_set if self._corpus.stands_for(set_name, scored)]

    def rows_on(self, set_name: SetName) -> list[PackedRow]:
        """Its rows of the sets that a name stands for."""
        return [row for scored in self.sets_of(set_name) for row in self.by_set[scored]]

    def seeds_on(self, set_name: SetName) -> tuple[int, ...]:
        """Seeds of the runs that were scored on a set; a run without a seed counts as 0."""
        return tuple(sorted({row["seed"] or 0 for row in self.rows_on(set_name)}))

    def scores(self, set_name: SetName, metric: Metric, seeds: Iterable[int] | None = None) -> "Scores":
        """The metric for each item of a set, averaged over the runs (of the seeds given).

        Raises: UserError where two runs were scored on different items.
        """
        key = set_name, metric, None if seeds is None else frozenset(seeds)
        if key not in self._scores:
            self._scores[key] = self._averaged(set_name, metric, key[2])
        return self._scores[key]

    def _averaged(self, set_name: SetName, metric: Metric, seeds: frozenset[int] | None) -> "Scores":
        if (set_name, seeds) not in self._matched:
            self._matched[set_name, seeds] = self._match(set_name, seeds)
        items, speakers, runs = self._matched[set_name, seeds]
        parts = np.zeros((2, len(items)))
        for rows in runs:
            parts += np.array([metric.parts(row) for row in rows]).T
        numerator, denominator = parts / max(len(runs), 1)
        return Scores(metric, items, speakers, numerator, denominator)

    def _match(self, set_name: SetName, seeds: frozenset[int] | None) -> tuple[list[Item], list[str], list[list[PackedRow]]]:
        """Sorted items of a set, their speakers, and their rows in each run."""
        by_run: dict[str, dict[Item, PackedRow]] = {}
        for row in self.rows_on(set_name):
            if seeds is None or (row["seed"] or 0) in seeds:
                rows_of = by_run.setdefault(row["run"], {})
                if row.item in rows_of:
                    sets = f"{rows_of[row.item]['set']} and {row['set']}"
                    raise UserError(f"{row['run']}: {sets} share utterance {row['utt']}, so they cannot be counted together")
                rows_of[row.item] = row
        if not by_run:
            return [], [], []
        (first_run, first), *others = by_run.items()
        for run, rows_of in others:
            if rows_of.keys() != first.keys():
                raise UserError(f"{run} and {first_run} were scored on different items of {set_name}; score both again")
        items = sorted(first, key=_order)
        return items, [first[item]["speaker"] for item in items], [[rows_of[item] for item in items] for rows_of in by_run.values()]


def _order(item: Item) -> tuple[str, str, float]:
    utt, noise, snr = item
    return utt, noise, np.inf if snr is None else snr


@dataclass(frozen=True)
class Scores:
    """One metric of one system over the items of a set.

    Args:
        numerator, denominator: (I,) as in `kdse.scoring.significance`, NaN where the score is missing in any run.
    """

    metric: Metric
    items: list[Item]
    speakers: list[str]
    numerator: np.ndarray
    denominator: np.ndarray

    def present(self) -> set[Item]:
        """Items whose score is there."""
        return {item for item, value in zip(self.items, self.numerator, strict=True) if not np.isnan(value)}

    def only(self, keep: set[Item]) -> "Scores":
        """The same over the items in `keep`."""
        index = [i for i, item in enumerate(self.items) if item in keep]
        items, speakers = ([values[i] for i in index] for values in (self.items, self.speakers))
        return Scores(self.metric, items, speakers, self.numerator[index], self.denominator[index])

    def at_snr(self, snr: float) -> "Scores":
        """The same over the items at one SNR."""
        return self.only({item for item in self.items if item[2] == snr})

    def in_noise(self, noise: str) -> "Scores":
        """The same over the items in one noise."""
        return self.only({item for item in self.items if item[1] == noise})

    @property
    def value(self) -> float | None:
        """The corpus-level value; None without items."""
        return ratio(self.numerator, self.denominator) if np.sum(self.denominator) else None

    def estimate(self) -> Estimate | None:
        """`value` with its interval, resampled by utterance."""
        return self._estimate

    @cached_property
    def _estimate(self) -> Estimate | None:
        if self.value is None:
            return None
        return estimate([utt for utt, _, _ in self.items], self.numerator, self.denominator)

    def minus(self, other: "Scores", by: str = "utt") -> Difference | None:
        """The paired difference over the items both have, resampled by 'utt' or by 'speaker'; None where they share none."""
        shared = self.present() & other.present()
        a, b = self.only(shared), other.only(shared)
        if not np.sum(a.denominator):
            return None
        assert np.array_equal(a.denominator, b.denominator), "two systems with different references for one item"
        groups = a.speakers if by == "speaker" else [utt for utt, _, _ in a.items]
        return difference(groups, a.numerator, b.numerator, a.denominator)


def compare(a: System, b: System, set_name: SetName, metric: Metric = WER, by: str = "utt") -> Difference | None:
    """The paired difference a − b on a set.

    Two trained front ends are compared over the seeds they share, so that they start from the same weights and train on the
    same mixtures; otherwise each side is averaged over all its seeds.
    """
    shared = set(a.seeds_on(set_name)) & set(b.seeds_on(set_name)) if a.params and b.params else set()
    seeds = shared or None
    return a.scores(set_name, metric, seeds).minus(b.scores(set_name, metric, seeds), by)


def shared_scores(systems: list[System], set_name: SetName, metrics: Iterable[Metric]) -> dict[Metric, list[Scores]]:
    """Scores of every system, for each metric over the items that all systems which have it at all share."""
    by_metric = {}
    for metric in metrics:
        scores = [system.scores(set_name, metric) for system in systems]
        present = [s.present() for s in scores]
        common = set.intersection(*(items for items in present if items)) if any(present) else set()
        by_metric[metric] = [s.only(common & items) for s, items in zip(scores, present, strict=True)]
    return by_metric


def find(systems: Iterable[System], approach: str, **wanted) -> System | None:
    """The first system of an approach whose attributes have the wanted values, or None."""
    for system in systems:
        if system.approach == approach and all(getattr(system, name) == value for name, value in wanted.items()):
            return system
    return None
