"""The files of a report: what the rows alone render, which is committed, and what is drawn beside it."""

from pathlib import Path

from kdse.core.files import read_text, write_text
from kdse.core.progress import say
from kdse.report.place import Place, committed
from kdse.report.plots.draw import draw_losses, draw_plots
from kdse.report.read import read_results
from kdse.report.render.page import render_page
from kdse.report.render.results_md import render
from kdse.report.render.sections import Section, sections
from kdse.report.render.table import Table, latex, to_csv
from kdse.report.results import Results
from kdse.report.worst import WORST, worst_page

PAGE = "report.html"


def write_report(place: Place, results: Results, expdir: Path, title: str | None = None) -> Table:
    """Write RESULTS.md, tables, plots and the page of a place; return the main table.

    The loss curves of each run are drawn beside the experiments alone: nobody looks at them in git.

    Args:
        expdir: experiments, for plots that need their logs or tokens.
        title: heading of RESULTS.md; by default the one it has.
    """
    title = title or title_of(place, results)
    parts = sections(results)
    for path, text in render_files(place, results, title, parts).items():
        write_text(path, text)
    folder = place.folder / "plots"
    plots = draw_plots(results, expdir, folder)
    curves = [] if place.committed else draw_losses(results, expdir, folder)
    write_text(place.folder / PAGE, render_page(title, results, parts, plots, curves))
    runs = f"{len(results.rows())} rows of {len(results.configs)} runs"
    say(f"report: {runs}, {len(plots)} plots" + ("" if place.committed else f", {len(curves)} loss curves"))
    return main_table_of(parts)


def main_table_of(parts: list[Section]) -> Table:
    """The table that the terminal shows."""
    return next(part.table for part in parts if part.table and part.table.name == "main")


def render_files(place: Place, results: Results, title: str, parts: list[Section]) -> dict[Path, str]:
    """{path: text} of all that score rows alone render: RESULTS.md, tables, alignments."""
    texts = {place.readme: render(title, results, parts)}
    for part in parts:
        if part.table:
            texts[place.folder / "tables" / f"{part.table.name}.csv"] = to_csv(part.table)
            texts[place.folder / "tables" / f"{part.table.name}.tex"] = latex(part.table)
    worst = worst_page(results, results.info.test)
    if worst:
        texts[place.folder / WORST] = worst
    return texts


def stale_files(recipe: Path | str) -> list[str]:
    """The committed files that differ from what the committed rows render, those of every backend too; [] where all are current.

    A recipe without rows must not have a RESULTS.md.
    """
    home, stale = committed(recipe), []
    for place in home.every_backend():
        results = read_results(place)
        texts = render_files(place, results, title_of(place, results), sections(results))
        stale += [str(path.relative_to(recipe)) for path, text in texts.items() if _text(path) != text]
    return stale if home.has_rows() or not home.readme.exists() else [*stale, home.readme.name]


def title_of(place: Place, results: Results) -> str:
    """The heading RESULTS.md has, so that rendering it again keeps it; a default where there is none."""
    first = _text(place.readme).partition("\n")[0]
    by = f", recognised by {results.name}" if results.name else ""
    return first.removeprefix("# ") if first.startswith("# ") else f"Results on {results.corpus}{by}"


def _text(path: Path) -> str:
    return read_text(path) if path.exists() else ""
