"""Stage 10: what is rendered from which rows, where it goes, and what the terminal says of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kdse.core.progress import say
from kdse.report.claims import check_claim
from kdse.report.place import Place, committed, of_experiments
from kdse.report.read import COSTS, read_results
from kdse.report.render.files import PAGE, title_of, write_report
from kdse.report.render.publish import publish_rows
from kdse.report.render.table import Table, plain
from kdse.report.results import Results


def make_report(
    recipe: Path,
    expdir: Path,
    *,
    backends: Sequence[str] = ("",),
    claims: Sequence[str] = (),
    title: str | None = None,
    publish: bool = False,
) -> int:
    """Write the reports, print the main tables, check the claims; return the exit code: 1 where a claim does not hold.

    The rows are those of `expdir/results`, or the committed ones where there are none. What is rendered goes to `expdir/results`.

    Args:
        backends: whose rows; "" is the recipe's home backend.
        publish: also copy the rows of the experiments to the committed ones, and render these in their place.
    """
    root = _root(recipe, expdir)
    out = root if publish else of_experiments(expdir)
    names = list(backends)
    if publish and root.committed and names == [""]:  # all that is committed is rendered again
        names = [place.backend for place in root.every_backend()] or names
    places = [root.of(name) for name in names]
    every = [_read(place, recipe) for place in places]
    # A claim that cannot be checked is found before anything is written.
    checked = [check_claim(text, results) for results in every for text in claims]
    for place, results in zip(places, every, strict=True):
        _show(write_report(out.of(place.backend), results, expdir, title or title_of(place, results)))
    for claim in checked:
        print(claim.sentence)
    if "" not in names and root.has_rows():  # its matrix has what is new
        home = _read(root, recipe)
        write_report(out.of(""), home, expdir, title_of(root, home))
    for place in (out.of(name) for name in names):
        print(f"Results: {place.readme} and {place.folder / PAGE}")
    if publish and not root.committed:
        _publish(root, committed(recipe), expdir, title)
    return 0 if all(claim.holds for claim in checked) else 1


def _root(recipe: Path, expdir: Path) -> Place:
    """The rows of the experiments where there are any, else the committed ones."""
    written, kept = of_experiments(expdir), committed(recipe)
    if written.every_backend() or not kept.every_backend():
        return written
    say(f"there are no score rows in {written.folder}: the committed ones are taken")
    return kept


def _publish(source: Place, target: Place, expdir: Path, title: str | None) -> None:
    """Copy the rows, and render every report that has to do with them; the home one last, whose matrix shows all."""
    changed = publish_rows(source, target)
    others = [place for place in changed if place.backend]
    for place in [*others, *([target] if target.has_rows() else [])]:
        write_report(place, read_results(place), expdir, None if place.backend else title)
        print(f"Published: {place.readme}")


def _read(place: Place, recipe: Path) -> Results:
    """The results of a place; those beside the experiments take the committed costs of runs that were not measured again."""
    committed_costs = committed(recipe).of(place.backend).folder / COSTS
    return read_results(place, costs_too=None if place.committed else committed_costs)


def _show(main: Table) -> None:
    """Print the main table with the interval of WER alone."""
    columns = [replace(column, interval=column.key == "wer") for column in main.columns]
    print(f"\n{main.title}, 95 % interval of WER by utterance\n\n{plain(replace(main, columns=columns))}\n")
