"""Reads the score rows of a recipe, of its home backend or of another, into systems."""

import re
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.report.rows import ORDER, Results, System
from kdse.runs.costs import read_costs
from kdse.scoring.row import PackedRow, read_rows, unique


def read_results(recipe: Path | str, backend: str = "") -> Results:
    """Read `results/*.jsonl.gz` and the YAML beside each, `results/cost.jsonl` where there is one, and the other backends' rows.

    Args:
        backend: read its rows, `results/backends/<backend>/*.jsonl.gz`, and nothing else.
    Raises: UserError where there are none, a YAML is missing, a key occurs twice or the rows are of several corpora.
    """
    folder = results_folder(recipe, backend)
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        raise UserError(f"there are no score rows in {folder}; score a run first (stage 9)")
    rows, configs, shared, again = [], {}, {}, set()
    for path in files:
        config = path.with_name(path.name.removesuffix(".jsonl.gz") + ".yaml")
        for row in read_rows(path):
            rows.append(PackedRow(row, shared))
            if configs.setdefault(row["run"], config) != config:
                again.add(row["run"])
    for _ in unique((row for row in rows if row["run"] in again), str(folder)):
        pass
    corpora = sorted({row["corpus"] for row in rows})
    if len(corpora) > 1:
        raise UserError(f"{folder} mixes rows of {' and '.join(corpora)}; each corpus has its own recipe")
    if not rows:
        raise UserError(f"the score rows in {folder} are empty; score the runs again (stage 9)")
    found = {run: _read_config(path) for run, path in sorted(configs.items())}
    others = {} if backend else {name: read_results(recipe, name) for name in other_backends(recipe)}
    strange = next((name for name, other in others.items() if other.corpus != corpora[0]), None)
    if strange:
        raise UserError(f"{results_folder(recipe, strange)} has rows of {others[strange].corpus}, and {folder} of {corpora[0]}")
    return Results(corpora[0], _systems(rows), found, read_costs(folder / "cost.jsonl"), backend, others)


def results_folder(recipe: Path | str, backend: str = "") -> Path:
    """Where the rows of a backend stand; '' is the recipe's home backend."""
    folder = Path(recipe) / "results"
    return folder / "backends" / backend if backend else folder


def other_backends(recipe: Path | str) -> list[str]:
    """The backends but for the home one that have rows in a recipe."""
    return sorted({path.parent.name for path in Path(recipe).glob("results/backends/*/*.jsonl.gz")})


def _read_config(path: Path) -> dict:
    """The YAML beside the rows of a run.

    Raises: UserError where its section `scoring` is not what stage 9 writes.
    """
    config = read_yaml(path)
    scoring = config.get("scoring") or {}
    values = {"scoring": (scoring, dict)}
    if isinstance(scoring, dict):
        values |= {f"scoring, {name}": (scoring.get(name), kind) for name, kind in (("versions", dict), ("normalisation", str))}
    for name, (value, kind) in values.items():
        if value is not None and not isinstance(value, kind):
            what = "text" if kind is str else "'key: value' pairs"
            raise UserError(f"{path}: {name} must hold {what}, not {value!r}; score the run again (stage 9)")
    return config


def _systems(rows: list[PackedRow]) -> list[System]:
    groups: dict[tuple, list[PackedRow]] = {}
    for row in rows:
        groups.setdefault((re.sub(r"_seed\d+", "", row["run"]), row["decode"], row["omega"]), []).append(row)
    systems = []
    for (family, decode, omega), group in groups.items():
        first = group[0]
        for name in ("approach", "student", "params"):
            other = next((row for row in group if row[name] != first[name]), None)
            if other:
                runs = f"{first['run']} and {other['run']}"
                raise UserError(f"{runs} differ in '{name}', not only in the seed; give one another name")
        systems.append(System(family, first["approach"], first["student"], first["params"], decode, omega, tuple(group)))
    rank = {name: number for number, name in enumerate(ORDER)}
    return sorted(systems, key=lambda s: (rank.get(s.approach, len(ORDER)), s.approach, s.family, s.omega, s.decode))
