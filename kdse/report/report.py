"""`kdse report` (stage 10): RESULTS.md, tables, plots and the page from committed score rows, and the check of a claim."""

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path

from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import write_text
from kdse.core.progress import say

PAGE = "results/report.html"
HERE = re.compile(r"(?<![\w./-])results/(?!backends/)")
CLAIM = re.compile(r"\s*(\S+)\s*<\s*(\S+)\s+on\s+(\S+)\s*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse report`."""
    parser.add_argument("--recipe", default=".", metavar="DIR", help="recipe folder with results/ (default: %(default)s)")
    what = (
        "render the rows of other backends than the home one, results/backends/NAME, into their folders; then those of the home one"
    )
    parser.add_argument("--backend", nargs="+", default=[""], metavar="NAME", help=what)
    parser.add_argument("--expdir", metavar="DIR", help="experiments, for loss curves from their logs (default: exp in the recipe)")
    parser.add_argument("--title", help="heading of RESULTS.md (default: the one it has, else 'Results on <corpus>')")
    what = "check that A's WER is lower than B's: exit code 1 unless the interval of the paired difference is below 0; "
    what += "A and B are approaches, or runs without their seed"
    parser.add_argument("--claim", action="append", default=[], metavar="'A < B on SET'", help=what)


def run(args) -> int:
    """Write everything, print the main table, check the claims."""
    from kdse.report.read import read_results, results_folder
    from kdse.report.tables import plain

    recipe = Path(args.recipe)
    found = [read_results(recipe, name) for name in args.backend]
    # A claim that cannot be checked is found before anything is written.
    claims = [check_claim(text, results) for results in found for text in args.claim]
    expdir = Path(args.expdir) if args.expdir else recipe / "exp"
    for results in found:
        main = write_report(recipe, results, expdir, args.title)
        short = replace(main, columns=[replace(column, interval=column.key == "wer") for column in main.columns])
        print(f"\n{main.title}, 95 % interval of WER by utterance\n\n{plain(short)}\n")
    for claim in claims:
        print(claim.sentence)
    if any(args.backend) and any(results_folder(recipe).glob("*.jsonl.gz")):  # its matrix has what is new
        write_report(recipe, read_results(recipe), expdir)
    for results in found:
        print(f"Results: {place(recipe, results, 'RESULTS.md')} and {place(recipe, results, PAGE)}")
    return 0 if all(claim.holds for claim in claims) else 1


def write_report(recipe: Path, results, expdir: Path, title: str | None = None):
    """Write RESULTS.md, tables, plots and report.html of a recipe, or of one backend (see `place`); return the main table."""
    from kdse.report.curves import plot_omega, plot_omega_panels, plot_size
    from kdse.report.errors import plot_errors
    from kdse.report.page import render_page
    from kdse.report.plots import plot_all_losses, plot_tokens, plot_training, plot_wer_by_snr
    from kdse.report.sections import (
        PLOT_BY_SNR,
        PLOT_ERRORS,
        PLOT_OMEGA,
        PLOT_OMEGA_ALL,
        PLOT_SIZE,
        PLOT_TOKENS,
        PLOT_TRAINING,
        sections,
    )

    title = title or title_of(recipe, results)
    parts = sections(results)
    for path, text in render_files(title, results, parts).items():
        write_text(place(recipe, results, path), text)

    def to(plot: str) -> Path:
        return place(recipe, results, plot)

    drawn = {
        PLOT_BY_SNR: plot_wer_by_snr(results, "test_noisy", "test_clean", to(PLOT_BY_SNR)),
        PLOT_ERRORS: plot_errors(results, "test_noisy", to(PLOT_ERRORS)),
        PLOT_SIZE: plot_size(results, "test_noisy", "test_clean", to(PLOT_SIZE)),
        PLOT_TRAINING: plot_training(results, expdir, to(PLOT_TRAINING)),
        PLOT_OMEGA: plot_omega(results, "test_noisy", to(PLOT_OMEGA)),
        PLOT_OMEGA_ALL: plot_omega_panels(results, "test_noisy", to(PLOT_OMEGA_ALL)),
        PLOT_TOKENS: any(plot_tokens(results, expdir, part, to(PLOT_TOKENS)) for part in results.parts("test_noisy")[:1]),
    }
    plots = {name: to(name) for name, done in drawn.items() if done}
    curves = plot_all_losses(to(PLOT_BY_SNR).parent, expdir, results)
    write_text(to(PAGE), _from_there(results, render_page(title, results.corpus, parts, plots, curves)))
    say(f"report: {len(results.rows())} rows of {len(results.configs)} runs, {len(curves)} loss curves")
    return next(part.table for part in parts if part.table)


def place(recipe: Path, results, path: str) -> Path:
    """Where a file of a report goes: into the recipe, or, of another backend, beside that backend's rows.

    >>> place(Path("kd1"), argparse.Namespace(name="rnn"), "results/plots/size.png").as_posix()
    'kd1/results/backends/rnn/plots/size.png'
    """
    from kdse.report.read import results_folder

    return results_folder(recipe, results.name) / path.removeprefix("results/") if results.name else recipe / path


def _from_there(results, text: str) -> str:
    """A text whose paths lead from the recipe, so that they lead from where it stands."""
    return HERE.sub("", text) if results.name else text


def render_files(title: str, results, parts) -> dict[str, str]:
    """{path in the recipe (see `place`): text} of all that committed rows alone render: RESULTS.md, tables, alignments."""
    from kdse.report.sections import render
    from kdse.report.tables import latex, to_csv
    from kdse.report.worst import WORST, worst_page

    files = {"RESULTS.md": _from_there(results, render(title, results, parts))}
    for part in parts:
        if part.table:
            files[f"results/tables/{part.table.name}.csv"] = to_csv(part.table)
            files[f"results/tables/{part.table.name}.tex"] = latex(part.table)
    worst = _from_there(results, worst_page(results, "test_noisy") or "")
    return files | ({WORST: worst} if worst else {})


def stale_files(recipe: Path | str) -> list[str]:
    """The committed files that differ from what the rows render (see `render_files`), those of every backend too; [] where all are
    current.

    A recipe without rows must not have a RESULTS.md.
    """
    from kdse.report.read import other_backends, read_results
    from kdse.report.sections import sections

    recipe, stale = Path(recipe), []
    home = any((recipe / "results").glob("*.jsonl.gz"))
    for backend in ([""] if home else []) + other_backends(recipe):
        results = read_results(recipe, backend)
        files = render_files(title_of(recipe, results), results, sections(results))
        found = {place(recipe, results, path): text for path, text in files.items()}
        stale += [str(path.relative_to(recipe)) for path, text in found.items() if _text(path) != text]
    return stale if home or not (recipe / "RESULTS.md").exists() else [*stale, "RESULTS.md"]


def title_of(recipe: Path, results) -> str:
    """The heading RESULTS.md has, so that rendering it again keeps it; a default where there is none."""
    first = _text(place(recipe, results, "RESULTS.md")).partition("\n")[0]
    heard = f", heard by {results.name}" if results.name else ""
    return first.removeprefix("# ") if first.startswith("# ") else f"Results on {results.corpus}{heard}"


@dataclass(frozen=True)
class Claim:
    """Whether a claim holds, and the sentence that says so with its numbers."""

    holds: bool
    sentence: str


def check_claim(text: str, results) -> Claim:
    """Check 'A < B on SET': the 95 % interval of the paired WER difference A − B, by utterance, lies below 0.

    Raises: UserError where the claim cannot be read, or A or B was not scored on SET.
    """
    from kdse.report.rows import compare

    match = CLAIM.fullmatch(text)
    if not match:
        raise UserError(f"cannot read the claim '{text}'; write it as 'kd < standalone_se on test_noisy'")
    first, second, set_name = match.groups()
    a, b = (_system(name, set_name, results) for name in (first, second))
    d = compare(a, b, set_name)
    if d is None:
        raise UserError(f"the claim '{text}' cannot be checked: {first} and {second} share no scored item of {set_name}")
    relative = "" if d.relative is None else f", {100 * d.relative:+.1f} % relative"
    interval = "no interval from a single utterance" if d.low is None else f"95 % interval {d.low:+.2f} to {d.high:+.2f}"
    numbers = f"WER {d.baseline + d.value:.1f} % against {d.baseline:.1f} %: {d.value:+.2f} points{relative}, {interval}"
    numbers += f", {d.items:,} items of {d.groups:,} utterances"
    if d.below_zero:
        return Claim(True, f"The claim '{text}' holds: {numbers}.")
    why = "the interval is not below 0" if d.low is not None else "it takes two utterances at least"
    return Claim(False, f"The claim '{text}' does NOT hold, because {why}: {numbers}.")


def _system(name: str, set_name: str, results):
    """The one system of this name: a run without its seed, else an approach; ω = 0."""
    systems = results.on(set_name)
    found = [s for s in systems if s.family == name] or [s for s in systems if s.approach == name]
    if len(found) == 1:
        return found[0]
    if found:
        choice = ", ".join(sorted({s.family for s in found}))
        raise UserError(f"there are several systems '{name}' on {set_name}; name one of {choice}")
    known = sorted({s.approach for s in systems} | {s.family for s in systems})
    hint = f"{did_you_mean(name, known)}; there are: {', '.join(known) or 'none'}"
    raise UserError(f"no run of '{name}' was scored on {set_name}{hint}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
