"""Reads the score rows of a recipe, of its home backend or of another, into systems."""

from pathlib import Path
from typing import Any

from kdse.approaches import registry
from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.report.facts import RunFacts, run_facts
from kdse.report.place import Place
from kdse.report.results import Results
from kdse.report.systems import System
from kdse.runs.costs import Cost, read_costs
from kdse.scoring.row import PackedRow, read_rows, unique

COSTS = "cost.jsonl"


def read_results(place: Place, costs_too: Path | None = None) -> Results:
    """Read the rows of a place, the YAML beside each, its costs, and beside a home backend's rows those of other backends.

    Args:
        costs_too: a cost file whose lines stand in for those of runs that were not measured here.
    Raises: UserError where there are no rows, a YAML is missing, a key occurs twice or the rows are of several corpora.
    """
    files = sorted(place.folder.glob("*.jsonl.gz"))
    if not files:
        raise UserError(f"there are no score rows in {place.folder}; score a run first (stage 9)")
    rows, yamls = _read_files(files, place.folder)
    corpora = sorted({row["corpus"] for row in rows})
    if len(corpora) > 1:
        raise UserError(f"{place.folder} mixes rows of {' and '.join(corpora)}; each corpus has its own recipe")
    configs = {run: _read_config(path) for run, path in sorted(yamls.items())}
    facts = {row["run"]: run_facts(row["run"], row["teacher"], configs[row["run"]]) for row in _first_of_each_run(rows)}
    systems = _systems(rows, facts)
    costs = _costs(place.folder / COSTS, costs_too, systems)
    backends = {} if place.backend else _read_others(place, corpora[0])
    return Results(corpora[0], systems, configs, facts, costs, place.backend, backends, place.links)


def _read_files(files: list[Path], folder: Path) -> tuple[list[PackedRow], dict[str, Path]]:
    """All rows, and the YAML of each run.

    Raises: UserError where a file holds none, or two files the same row.
    """
    rows, yamls, shared, in_two_files = [], {}, {}, set()
    for path in files:
        config = path.with_name(path.name.removesuffix(".jsonl.gz") + ".yaml")
        before = len(rows)
        for row in read_rows(path):
            rows.append(PackedRow(row, shared))
            if yamls.setdefault(row["run"], config) != config:
                in_two_files.add(row["run"])
        if len(rows) == before:
            raise UserError(f"{path} holds no score rows; score the run again (stage 9)")
    for _ in unique((row for row in rows if row["run"] in in_two_files), str(folder)):
        pass
    return rows, yamls


def _read_others(place: Place, corpus: str) -> dict[str, Results]:
    """{name: results} of the other backends beside the home one.

    Raises: UserError where one is of another corpus.
    """
    others = {name: read_results(place.of(name)) for name in place.other_backends()}
    for name, other in others.items():
        if other.corpus != corpus:
            raise UserError(f"{place.of(name).folder} has rows of {other.corpus}, and {place.folder} of {corpus}")
    return others


def _read_config(path: Path) -> dict:
    """The YAML beside the rows of a run.

    Raises: UserError where something in it is not what training and stage 9 write.
    """
    config = read_yaml(path)
    _check_kind(path, "versions", config.get("versions"), dict)
    _check_kind(path, "config", config.get("config"), dict)
    kdse_conf = (config.get("config") or {}).get("kdse_conf")
    _check_kind(path, "config, kdse_conf", kdse_conf, dict)
    _check_kind(path, "config, kdse_conf, init", (kdse_conf or {}).get("init"), str)
    _check_kind(path, "family", config.get("family"), str)
    _check_kind(path, "init_run", config.get("init_run"), str)
    teachers = config.get("teachers")
    if teachers is not None and not (isinstance(teachers, list) and all(isinstance(name, str) for name in teachers)):
        raise UserError(f"{path}: teachers must be a list of names, not {teachers!r}; score the run again (stage 9)")
    scoring = config.get("scoring") or {}
    _check_kind(path, "scoring", scoring, dict)
    _check_kind(path, "scoring, versions", scoring.get("versions"), dict)
    _check_kind(path, "scoring, normalisation", scoring.get("normalisation"), str)
    return config


def _check_kind(path: Path, name: str, value: Any, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        what = "text" if kind is str else "'key: value' pairs"
        raise UserError(f"{path}: {name} must hold {what}, not {value!r}; score the run again (stage 9)")


def _first_of_each_run(rows: list[PackedRow]) -> list[PackedRow]:
    firsts: dict[str, PackedRow] = {}
    for row in rows:
        firsts.setdefault(row["run"], row)
    return list(firsts.values())


def _systems(rows: list[PackedRow], facts: dict[str, RunFacts]) -> list[System]:
    """The rows by system, in the registry's order of approaches; those that it lacks follow by name.

    Raises: UserError where runs of one family differ in more than the seed.
    """
    groups: dict[tuple, list[PackedRow]] = {}
    for row in rows:
        groups.setdefault((facts[row["run"]].family, row["decode"], row["omega"]), []).append(row)
    systems = []
    for (family, decode, omega), group in groups.items():
        first = group[0]
        for name in ("approach", "student", "params"):
            other = next((row for row in group if row[name] != first[name]), None)
            if other:
                runs = f"{first['run']} and {other['run']}"
                raise UserError(f"{runs} differ in '{name}', not only in the seed; give one another name")
        systems.append(System(family, first["approach"], first["student"], first["params"], decode, omega, tuple(group)))
    rank = {name: number for number, name in enumerate(registry.SYSTEMS)}
    return sorted(systems, key=lambda s: (rank.get(s.approach, len(rank)), s.approach, s.family, s.omega, s.decode))


def _costs(path: Path, costs_too: Path | None, systems: list[System]) -> list[Cost]:
    """The lines of a cost file; of another file those of runs that the first lacks, where the network is the one of the rows."""
    lines = {line["run"]: line for line in read_costs(path)}
    params = {system.student: system.params for system in systems}
    for line in read_costs(costs_too) if costs_too else []:
        if params.get(line["student"]) == line["params"]:
            lines.setdefault(line["run"], line)
    return [lines[run] for run in sorted(lines)]
