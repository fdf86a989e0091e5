"""The score rows of a recipe, grouped into systems, and the estimates that tables and plots show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.runs.costs import Cost
from kdse.scoring.row import PackedRow
from kdse.scoring.significance import Difference, Estimate, difference, estimate, ratio

ORDER = (
    "mct_noisy", "spectral_subtraction", "log_mmse", "wiener", "oracle_irm", "standalone_se", "se_teacher",
    "kd", "kd_re", "kd_rd", "kd_full", "kd_q", "kd_t",
    "mct_all", "joint_straight", "joint_aso", "joint_aso_aux", "joint_grad", "pcgrad", "d4am", "clso", "gclb", "srpr",
    "mimic", "paap",
)  # fmt: skip
"""Approaches as tables list them; others follow by name."""


@dataclass(frozen=True)
class Metric:
    """How one score is read from rows and shown. `scale` turns the ratio into what is printed (100 for per cent)."""

    name: str
    label: str
    digits: int
    lower_is_better: bool = False
    scale: float = 1.0
    counts: str | None = None

    def parts(self, row: PackedRow) -> tuple[float, float]:
        """(numerator, denominator) of one row; NaN where the score is missing."""
        if self.counts:
            n_ref, *errors = row[self.counts]
            return self.scale * sum(errors), n_ref
        value = row[self.name]
        return (np.nan, np.nan) if value is None else (self.scale * value, 1.0)


WER = Metric("wer", "WER %", 1, True, 100.0, "word")
CER = Metric("cer", "CER %", 1, True, 100.0, "char")
PESQ, STOI, SI_SDR = Metric("pesq_wb", "PESQ-WB", 2), Metric("stoi", "STOI", 3), Metric("si_sdr", "SI-SDR dB", 1)
QUALITY = (PESQ, STOI, SI_SDR, Metric("token_error_rate", "token errors %", 1, True, 100.0))
PAPER_QUALITY = (
    PESQ,
    STOI,
    Metric("csig", "CSIG", 2),
    Metric("cbak", "CBAK", 2),
    Metric("covl", "COVL", 2),
    Metric("sdr", "SDR dB", 1),
    Metric("sir", "SIR dB", 1),
    Metric("sar", "SAR dB", 1),
    Metric("ssnr", "SSNR dB", 1),
    Metric("snr_out", "SNR dB", 1),
)
"""As in the paper's tables 5 and 6, in their order."""
EVERY_QUALITY = (
    *PAPER_QUALITY,
    Metric("pesq_nb", "PESQ-NB", 2),
    Metric("estoi", "ESTOI", 3),
    SI_SDR,
    Metric("wada_snr", "WADA-SNR dB", 1),
    Metric("dnsmos_sig", "DNSMOS SIG", 2),
    Metric("dnsmos_bak", "DNSMOS BAK", 2),
    Metric("dnsmos_ovrl", "DNSMOS OVRL", 2),
    Metric("dnsmos_p808", "DNSMOS P.808", 2),
)

Item = tuple[str, str, float | None]
"""(utt, noise, snr): what two systems share."""


OFFICIAL = {
    "dev_noisy": ("dt05_simu", "dt05_real"),
    "test_noisy": ("et05_simu", "et05_real"),
    "test_clean": ("et05_bth",),
}
"""CHiME-4's own sets, which no rule would tell from their names."""


def within(scored: str, set_name: str | tuple[str, ...]) -> bool:
    """Whether a set that was scored counts for a name, or for one of several. Of a corpus that is scored in parts `test_noisy`
    stands for all of them together:

    >>> names = ("test_noisy", "test-clean_noisy", "et05_real", "test-clean_clean", "dev-clean_noisy")
    >>> [within(name, "test_noisy") for name in names]
    [True, True, True, False, False]
    """
    if isinstance(set_name, tuple):
        return any(within(scored, name) for name in set_name)
    split, _, kind = set_name.partition("_")
    part = scored.startswith(f"{split}-") and scored.endswith(f"_{kind}")
    return part or scored == set_name or scored in OFFICIAL.get(set_name, ())


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

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of its runs."""
        return tuple(sorted({row["seed"] for row in self.rows if row["seed"] is not None}))

    @cached_property
    def by_set(self) -> dict[str, list[PackedRow]]:
        """Its rows of each set."""
        found: dict[str, list[PackedRow]] = {}
        for row in self.rows:
            found.setdefault(row["set"], []).append(row)
        return found

    @cached_property
    def _scores(self) -> dict[tuple, "Scores"]:
        """What `scores` returned before: tables ask for the same again and again."""
        return {}

    @cached_property
    def _matched(self) -> dict[tuple, tuple]:
        """What `_match` returned before, for each set and choice of seeds."""
        return {}

    def rows_on(self, set_name: str | tuple[str, ...]) -> list[PackedRow]:
        """Its rows of what a name stands for (see `within`)."""
        return [row for scored, rows in self.by_set.items() if within(scored, set_name) for row in rows]

    def seeds_on(self, set_name: str | tuple[str, ...]) -> tuple[int, ...]:
        """Seeds of the runs that were scored on a set; a run without a seed counts as 0."""
        return tuple(sorted({row["seed"] or 0 for row in self.rows_on(set_name)}))

    def scores(self, set_name: str | tuple[str, ...], metric: Metric, seeds: Iterable[int] | None = None) -> "Scores":
        """The metric for each item of a set, averaged over the runs (of the seeds given).

        Raises: UserError where two runs were scored on different items.
        """
        key = set_name, metric, None if seeds is None else frozenset(seeds)
        if key not in self._scores:
            self._scores[key] = self._averaged(set_name, metric, key[2])
        return self._scores[key]

    def _averaged(self, set_name: str | tuple[str, ...], metric: Metric, seeds: frozenset[int] | None) -> "Scores":
        if (set_name, seeds) not in self._matched:
            self._matched[set_name, seeds] = self._match(set_name, seeds)
        items, speakers, runs = self._matched[set_name, seeds]
        parts = np.zeros((2, len(items)))
        for rows in runs:
            parts += np.array([metric.parts(row) for row in rows]).T
        return Scores(metric, items, speakers, *(parts / max(len(runs), 1)))

    def _match(
        self, set_name: str | tuple[str, ...], seeds: frozenset[int] | None
    ) -> tuple[list[Item], list[str], list[list[PackedRow]]]:
        """Sorted items of a set, their speakers, and their rows in each run."""
        by_run: dict[str, dict[Item, PackedRow]] = {}
        for row in self.rows_on(set_name):
            if seeds is None or (row["seed"] or 0) in seeds:
                items = by_run.setdefault(row["run"], {})
                if row.item in items:
                    sets = f"{items[row.item]['set']} and {row['set']}"
                    raise UserError(f"{row['run']}: {sets} share utterance {row['utt']}, so they cannot be counted together")
                items[row.item] = row
        runs = list(by_run.items())
        for run, items in runs[1:]:
            if items.keys() != runs[0][1].keys():
                raise UserError(f"{run} and {runs[0][0]} were scored on different items of {set_name}; score both again")
        items = sorted(runs[0][1], key=lambda item: (item[0], item[1], item[2] if item[2] is not None else np.inf)) if runs else []
        return items, [runs[0][1][item]["speaker"] for item in items], [[rows[item] for item in items] for _, rows in runs]


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


def compare(a: System, b: System, set_name: str | tuple[str, ...], metric: Metric = WER, by: str = "utt") -> Difference | None:
    """The paired difference a − b on a set.

    Two trained front ends are compared over the seeds they share, so that they start from the same weights and hear the same
    mixtures; otherwise each side is averaged over all its seeds.
    """
    shared = set(a.seeds_on(set_name)) & set(b.seeds_on(set_name)) if a.params and b.params else set()
    seeds = shared or None
    return a.scores(set_name, metric, seeds).minus(b.scores(set_name, metric, seeds), by)


def shared_scores(systems: list[System], set_name: str | tuple[str, ...], metrics: Iterable[Metric]) -> dict[Metric, list[Scores]]:
    """Scores of every system, for each metric over the items that all systems which have it at all share."""
    found = {}
    for metric in metrics:
        scores = [system.scores(set_name, metric) for system in systems]
        have = [s.present() for s in scores]
        common = set.intersection(*(items for items in have if items)) if any(have) else set()
        found[metric] = [s.only(common & items) for s, items in zip(scores, have, strict=True)]
    return found


@dataclass(frozen=True)
class Results:
    """Everything committed under `results/` of one recipe: what its home backend heard, or what the backend `name` did.

    `configs` holds each run's YAML, `costs` what was measured of runs, `backends` the results of the other backends by their names.
    """

    corpus: str
    systems: list[System]
    configs: dict[str, dict]
    costs: list[Cost] = field(default_factory=list)
    name: str = ""
    backends: dict[str, "Results"] = field(default_factory=dict)

    def on(self, set_name: str) -> list[System]:
        """The systems scored on a set, in table order, without observation adding."""
        return [s for s in self.systems if not s.omega and any(within(scored, set_name) for scored in s.by_set)]

    def parts(self, set_name: str) -> list[str]:
        """The sets that a name stands for (see `within`); [] where none was scored."""
        return sorted({scored for s in self.systems for scored in s.by_set if within(scored, set_name)})

    def headline(self, set_name: str) -> list[System]:
        """`on`, with one system of each approach, so that a plot can be read: the one with the most seeds, of equals the first.

        Those of `from_one_start` have tables and plots of their own.
        """
        compared = self.from_one_start(set_name)
        systems = [s for s in self.on(set_name) if s not in compared]
        best = {
            a: max((s for s in systems if s.approach == a), key=lambda s: len(s.seeds_on(set_name)))
            for a in {s.approach for s in systems}
        }
        return [s for s in systems if best[s.approach] is s]

    def start(self, system: System) -> str | None:
        """The run whose front end the system's training began with, or None."""
        config = (self.configs.get(system.rows[0]["run"]) or {}).get("config") or {}
        path = (config.get("kdse_conf") or {}).get("init")
        return Path(path).parts[-3] if path else None  # RUN/enh/model.pth

    def from_one_start(self, set_name: str) -> list[System]:
        """Of the systems on a set those of one student that began with the same run's weights: the largest such group.

        A run with a tag of its own is none of them.
        """
        groups: dict[tuple, list[System]] = {}
        for s in self.on(set_name):
            if self.start(s) and s.family == f"{s.approach}_{s.student}":
                groups.setdefault((s.student, self.start(s), s.decode), []).append(s)
        return max(groups.values(), key=len, default=[])

    def mixed(self, system: System) -> list[System]:
        """The system with every ω that was tried, in their order."""
        return [s for s in self.systems if (s.family, s.decode) == (system.family, system.decode)]

    def rows(self, keep: Callable[[PackedRow], bool] = lambda _row: True) -> list[PackedRow]:
        """All rows that `keep` accepts."""
        return [row for system in self.systems for row in system.rows if keep(row)]

    def label(self, system: System) -> str:
        """A short name that tells the system from all others."""
        name = f"{system.approach} ({system.student})" if system.student else system.approach
        alike = [s for s in self.systems if (s.approach, s.student) == (system.approach, system.student)]
        if len({s.family for s in alike}) > 1:
            name = system.family
        if len({s.decode for s in self.systems}) > 1:
            name += f", {system.decode}"
        return name + (f", ω = {system.omega:g}" if system.omega else "")


def show_seeds(seeds: tuple[int, ...]) -> str | None:
    """Seeds in order for a table: "0–2", "0, 3", or None where there are none."""
    if not seeds:
        return None
    run = len(seeds) > 2 and seeds == tuple(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}–{seeds[-1]}" if run else ", ".join(map(str, seeds))
