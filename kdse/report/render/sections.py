"""What RESULTS.md and the page say, section by section: tables, plots and the texts that make their numbers readable."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kdse.approaches.registry import PROPOSED
from kdse.report.claims import claims
from kdse.report.missing import missing_scores
from kdse.report.render.footer import commands, how_to_read
from kdse.report.render.table import Table
from kdse.report.results import Results
from kdse.report.tables.ablation import ablation_table
from kdse.report.tables.approaches import approaches_table
from kdse.report.tables.backends import backends_table
from kdse.report.tables.by_noise import noise_table
from kdse.report.tables.by_snr import snr_table
from kdse.report.tables.cost import cost_table
from kdse.report.tables.differences import difference_table
from kdse.report.tables.environments import environments
from kdse.report.tables.main import main_table
from kdse.report.tables.omega import omega_table, with_several_omegas
from kdse.report.tables.paper import error_tables
from kdse.report.tables.paper import quality_table as paper_quality_table
from kdse.report.tables.quality import quality_table
from kdse.report.tables.sclite import sclite_table
from kdse.report.tables.size import size_table
from kdse.report.worst import WORST, compared_pairs
from kdse.scoring.metrics import CER, WER

NOISE_AND_ARTIFACTS = (
    "Left-over noise and artifacts, each as energy over that of the speech in the estimate, means over items (−SIR, and "
    "1/SDR − 1/SIR). Artifacts are what no mixture of filtered speech and noise explains; observation adding trades them for noise."
)
WEIGHTS = (
    f"{PROPOSED}'s training loss rises because the weight of L_r in it falls from 1 to 0.01; the joint approaches' weights stay."
)
TOKENS = (
    "Each strip is one utterance, each colour an acoustic token; a black mark says that noise, or enhancement, changed it. The "
    "utterance is the one at 0 dB (if any) with the median token error rate without a front end."
)


@dataclass
class Section:
    """One heading, or none where the section before goes on, and what stands below it: a table, paragraphs, a list, an image,
    commands.

    Attributes:
        image: (name of the plot, its caption); see `kdse.report.plots.draw`.
    """

    heading: str
    text: list[str] = field(default_factory=list)
    table: Table | None = None
    bullets: list[str] = field(default_factory=list)
    image: tuple[str, str] | None = None
    code: str | None = None


def sections(results: Results) -> list[Section]:
    """Everything that is rendered from score rows, in order."""
    return [section for build in SECTIONS for section in build(results)]


def _with_table(heading: str, table: Table | None, image: tuple[str, str] | None = None) -> list[Section]:
    """A table with its notes; nothing where there is no table."""
    return [Section(heading, table.notes, table, image=image)] if table else []


def _environments(results: Results) -> list[Section]:
    return [Section("Environments", bullets=environments(results))]


def _sclite(results: Results) -> list[Section]:
    info = results.info
    tables = {metric.name.upper(): sclite_table(results, metric, (info.dev, info.test, info.clean)) for metric in (WER, CER)}
    return [Section(heading, [], table) for heading, table in tables.items() if table.rows]


def _main(results: Results) -> list[Section]:
    return _with_table("Noisy test speech", main_table(results, results.info.test, ceiling=results.info.clean))


def _differences(results: Results) -> list[Section]:
    table = difference_table(results, results.info.test)
    text = list(table.notes)
    if compared_pairs(results, results.info.test):
        text.append(f"The utterances that a front end harmed and mended most are aligned in `{results.links}{WORST}`.")
    return [Section("Paired differences", text, table)]


def _claims(results: Results) -> list[Section]:
    return [Section("Claims", bullets=claims(results, results.info.test))]


def _by_snr(results: Results) -> list[Section]:
    table = snr_table(results, results.info.test, clean=results.info.clean)
    return _with_table("By signal-to-noise ratio", table, ("wer_by_snr", "WER by signal-to-noise ratio"))


def _by_noise(results: Results) -> list[Section]:
    return _with_table("By noise", noise_table(results, results.info.test))


def _quality(results: Results) -> list[Section]:
    table = quality_table(results, results.info.test)
    plot = Section("", [NOISE_AND_ARTIFACTS], image=("errors", "noise error against artifact error"))
    return [*_with_table("Quality and noise reduction", table), plot] if table else []


def _backends(results: Results) -> list[Section]:
    return _with_table("Backends: what transfers", backends_table(results, results.info.test))


def _size(results: Results) -> list[Section]:
    return _with_table("Size of the student", size_table(results, results.info.test), ("size", "WER by size of the student"))


def _cost(results: Results) -> list[Section]:
    return _with_table("Cost of the front ends", cost_table(results, results.info.test))


def _approaches(results: Results) -> list[Section]:
    table = approaches_table(results, results.info.test)
    image = ("training_loss", f"training loss of the joint approaches and of {PROPOSED}")
    panels = Section("", [WEIGHTS], image=("omega_approaches", "their WER by the share of noisy signal"))
    return [*_with_table("Every approach from the same start", table, image), panels] if table else []


def _omega(results: Results) -> list[Section]:
    return _with_table("Observation adding", omega_table(results, results.info.test), ("omega", "WER by the share of noisy signal"))


def _tokens(results: Results) -> list[Section]:
    """Where tokens were compared; the plot needs the experiments."""
    for system in results.systems:
        if any(row["token_error_rate"] is not None for row in system.rows_on(results.info.test)):
            return [Section("Acoustic tokens", [TOKENS], image=("tokens", "acoustic tokens frame by frame"))]
    return []


def _paper(results: Results) -> list[Section]:
    if results.info.paper is None:
        return []
    tables = [*error_tables(results), paper_quality_table(results), ablation_table(results)]
    headings = ["The paper's tables", *[""] * (len(tables) - 1)]
    return [Section(heading, [f"{t.title}.", *t.notes], t) for heading, t in zip(headings, tables, strict=True)]


def _dev(results: Results) -> list[Section]:
    table = main_table(results, results.info.dev, name="dev")
    found = [Section("Development set", ["Tuning and selection look at this set only.", *table.notes], table)]
    tried, tested = (with_several_omegas(results, name) for name in (results.info.dev, results.info.test))
    if len(tried) > len(tested):  # else the table of the test set tells the same of each
        mixed = omega_table(results, results.info.dev, "omega_dev")
        found.append(Section("", [f"{mixed.title}.", *mixed.notes], mixed))
    return found


def _footer(results: Results) -> list[Section]:
    where = f"Each run's whole configuration is in `{results.links}<run>.yaml`."
    return [
        Section("How to read this", bullets=[*how_to_read(results), *missing_scores(results)]),
        Section("Commands", [where], code=commands(results)),
    ]


SECTIONS: tuple[Callable[[Results], list[Section]], ...] = (
    _environments,
    _sclite,
    _main,
    _differences,
    _claims,
    _by_snr,
    _by_noise,
    _quality,
    _backends,
    _size,
    _cost,
    _approaches,
    _omega,
    _tokens,
    _paper,
    _dev,
    _footer,
)
"""The builders of sections, in order; one returns [] where the rows have nothing for it."""
