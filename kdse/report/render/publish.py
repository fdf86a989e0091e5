"""`kdse report --publish`: the rows that a run wrote become the committed ones, and the committed report is rendered from them."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import atomic_path
from kdse.core.progress import say
from kdse.report.place import Place
from kdse.report.read import COSTS
from kdse.runs.costs import read_costs, write_cost
from kdse.scoring.row import read_rows


def publish_rows(source: Place, target: Place) -> list[Place]:
    """Copy rows, YAMLs and costs of every backend from `exp/results` to the committed `results`; return the places that changed.

    A run's files replace those of the same run; rows of other runs stay.

    Raises: UserError where the committed rows are of another corpus, or a YAML is missing.
    """
    _check_corpus(source, target)
    changed = []
    for place in source.every_backend():
        to = target.of(place.backend)
        pairs = [(path, to.folder / path.name) for path in _files(place)]
        for path, copy in pairs:
            with atomic_path(copy) as part:
                shutil.copyfile(path, part)
        for line in read_costs(place.folder / COSTS):
            write_cost(to.folder / COSTS, line)
        say(f"publish: {len(pairs) // 2} runs from {place.folder} to {to.folder}")
        changed.append(to)
    return changed


def _files(place: Place) -> Iterable[Path]:
    """Rows and YAML of each run.

    Raises: UserError where a YAML is missing.
    """
    for rows in sorted(place.folder.glob("*.jsonl.gz")):
        config = rows.with_name(rows.name.removesuffix(".jsonl.gz") + ".yaml")
        if not config.is_file():
            raise UserError(f"{config} is missing; score the run again (stage 9)")
        yield rows
        yield config


def _check_corpus(source: Place, target: Place) -> None:
    corpora = {place.folder: _corpus(place) for place in (*source.every_backend(), *target.every_backend())}
    if len(set(corpora.values())) > 1:
        said = ", ".join(f"{folder} has rows of {corpus}" for folder, corpus in corpora.items())
        raise UserError(f"nothing was published: {said}; each corpus has its own recipe")


def _corpus(place: Place) -> str:
    """The corpus of its first row; all rows of a place have one (see `read_results`)."""
    first = min(place.folder.glob("*.jsonl.gz"))
    return next(row["corpus"] for row in read_rows(first))
