"""The results of one recipe: its systems, and which of them a table or a plot shows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from kdse.approaches import registry
from kdse.data.corpora.registry import CorpusInfo, describe
from kdse.report.facts import RunFacts
from kdse.report.systems import SetName, System, find
from kdse.runs.costs import Cost
from kdse.scoring.row import PackedRow


@dataclass(frozen=True)
class Results:
    """All score rows of one folder: those of a recipe's home backend, or of the backend `name`.

    Attributes:
        configs: {run: its YAML}.
        facts: {run: what is known of its training}.
        costs: what was measured of runs.
        backends: {name: results} of the other backends.
        links: leads from RESULTS.md to the tables and plots, "results/" or "".
    """

    corpus: str
    systems: list[System]
    configs: dict[str, dict]
    facts: dict[str, RunFacts]
    costs: list[Cost] = field(default_factory=list)
    name: str = ""
    backends: dict[str, "Results"] = field(default_factory=dict)
    links: str = "results/"

    @cached_property
    def info(self) -> CorpusInfo:
        """What the registry says of the corpus: names of its sets among it."""
        return describe(self.corpus)

    def on(self, set_name: SetName) -> list[System]:
        """The systems scored on a set, in table order, without observation adding."""
        return [s for s in self.systems if not s.omega and s.sets_of(set_name)]

    def sets_of(self, set_name: SetName) -> list[str]:
        """The sets that a name stands for; [] where none was scored."""
        return sorted({scored for s in self.systems for scored in s.sets_of(set_name)})

    def snrs(self, set_name: SetName) -> list[float]:
        """The SNRs in dB of a set's mixtures, from low to high."""
        return sorted({row["snr"] for s in self.systems for row in s.rows_on(set_name) if row["snr"] is not None})

    def without_front_end(self, set_name: SetName) -> System | None:
        """The recogniser alone, ω = 1."""
        return find(self.on(set_name), registry.NO_FRONT_END)

    def named(self, set_name: SetName, *roles: str) -> tuple[str, ...]:
        """The approaches of these roles, or of any, that tables of a set name: the paper's, run or not; in a recipe of another kind
        those that were run."""
        if self.info.paper:
            return registry.headline(*roles)
        there = {system.approach for system in self.on(set_name)}
        return tuple(name for name, info in registry.SYSTEMS.items() if name in there and (not roles or info.role in roles))

    def headline(self, set_name: SetName) -> list[System]:
        """`on`, with one system of each approach, so that a plot can be read: the one with the most seeds, of equals the first.

        Those of `from_one_start` have tables and plots of their own.
        """
        best: dict[str, System] = {}
        for system in self.cold_started(set_name):
            other = best.setdefault(system.approach, system)
            if len(system.seeds_on(set_name)) > len(other.seeds_on(set_name)):
                best[system.approach] = system
        return [s for s in self.cold_started(set_name) if best[s.approach] is s]

    def cold_started(self, set_name: SetName) -> list[System]:
        """`on` without the systems of `from_one_start`."""
        compared = self.from_one_start(set_name)
        return [s for s in self.on(set_name) if s not in compared]

    def init_run(self, system: System) -> str | None:
        """The run whose front end the system's training began with, or None."""
        return self.facts[system.first_run].init_run

    def from_one_start(self, set_name: SetName) -> list[System]:
        """Of the systems on a set those of one student that began with the same run's weights: the largest such group.

        A run with a tag of its own is none of them.
        """
        groups: dict[tuple, list[System]] = {}
        for system in self.on(set_name):
            start = self.init_run(system)
            if start and system.family == f"{system.approach}_{system.student}":
                groups.setdefault((system.student, start, system.decode), []).append(system)
        return max(groups.values(), key=len, default=[])

    def with_every_omega(self, system: System) -> list[System]:
        """The system with every ω that was decoded, in their order."""
        return [s for s in self.systems if (s.family, s.decode) == (system.family, system.decode)]

    def rows(self, keep: Callable[[PackedRow], bool] = lambda _row: True) -> list[PackedRow]:
        """All rows that `keep` accepts."""
        return [row for system in self.systems for row in system.rows if keep(row)]

    def label(self, system: System) -> str:
        """A short name that tells the system from all others; an approach has its label of the registry."""
        name = approach_label(system.approach) + (f" ({system.student})" if system.student else "")
        alike = [s for s in self.systems if (s.approach, s.student) == (system.approach, system.student)]
        if len({s.family for s in alike}) > 1:
            name = system.family
        if len({s.decode for s in self.systems}) > 1:
            name += f", {system.decode}"
        return name + (f", ω = {system.omega:g}" if system.omega else "")


def approach_label(approach: str) -> str:
    """The registry's label of an approach, else its name."""
    return registry.describe(approach).label or approach


def show_seeds(seeds: tuple[int, ...]) -> str | None:
    """Seeds in order for a table: "0–2", "0, 3", or None where there are none."""
    if not seeds:
        return None
    in_a_row = len(seeds) > 2 and seeds == tuple(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}–{seeds[-1]}" if in_a_row else ", ".join(map(str, seeds))
