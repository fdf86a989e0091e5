"""`kdse report --publish`: the rows that a run wrote become the committed ones, and the committed report is rendered from them."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.report.place import Place
from kdse.report.read import COSTS, read_results
from kdse.runs.costs import read_costs, write_cost
from kdse.scoring.row import read_rows


def publish_rows(source: Place, target: Place) -> list[Place]:
    """Copy rows, YAMLs and costs of every backend from `exp/results` to the committed `results`; return the places that changed.

    A run's files replace those of the same run; rows of other runs stay. What they are together is read before anything is copied.

    Raises: UserError where the committed rows are of another corpus, a YAML is missing, or the rows do not go together.
    """
    _check_corpus(source, target)
    _check_together(source, target)
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


def _check_together(source: Place, target: Place) -> None:
    """Read the published rows as they will be, from a folder of links."""
    with tempfile.TemporaryDirectory(prefix="kdse-publish-") as scratch:
        root = Path(scratch) / target.root.name
        for place in (*target.every_backend(), *source.every_backend()):
            folder = replace(target, root=root).of(place.backend).folder
            folder.mkdir(parents=True, exist_ok=True)
            for path in _files(place):
                (folder / path.name).unlink(missing_ok=True)
                (folder / path.name).symlink_to(path.resolve())
        home = replace(target, root=root)
        for place in [home] if home.has_rows() else home.every_backend():  # the home one reads the others, too
            try:
                read_results(place)
            except UserError as e:
                folder = target.of(place.backend).folder
                raise UserError(f"nothing was published: {str(e).replace(str(place.folder), str(folder))}") from e


def _check_corpus(source: Place, target: Place) -> None:
    corpora = {place.folder: _corpus(place) for place in (*source.every_backend(), *target.every_backend())}
    if len(set(corpora.values())) > 1:
        said = ", ".join(f"{folder} has rows of {corpus}" for folder, corpus in corpora.items())
        raise UserError(f"nothing was published: {said}; each corpus has its own recipe")


def _corpus(place: Place) -> str:
    """The corpus of its first row; all rows of a place have one (see `read_results`)."""
    first = min(place.folder.glob("*.jsonl.gz"))
    for row in read_rows(first):
        return row["corpus"]
    raise UserError(f"{first} holds no score rows; score the run again (stage 9)")
