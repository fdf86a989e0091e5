"""What RESULTS.md and the page say: the tables of a recipe and the footer that makes their numbers readable."""

from dataclasses import dataclass, field
from typing import Any

from kdse.report.approaches import approaches_table
from kdse.report.backends import backends_table
from kdse.report.best import best_of
from kdse.report.cost import claims, cost_table
from kdse.report.footer import NAMES, commands, footer, shown_as
from kdse.report.omega import chosen, omega_table, without_front_end
from kdse.report.paired import detectable_note, matched_pairs_test, show_p
from kdse.report.paper import paper_tables
from kdse.report.quality import noise_table, quality_table
from kdse.report.rows import CER, QUALITY, WER, Metric, Results, Scores, System, compare, shared_scores, show_seeds, within
from kdse.report.size import size_table
from kdse.report.tables import Column, Table, markdown
from kdse.report.worst import WORST, compared_pairs
from kdse.scoring.significance import LEVEL, POWER

EXPECTED = ("mct_noisy", ("spectral_subtraction", "log_mmse"), "standalone_se", "se_teacher", "kd")
"""Approaches every table names, run or not; of a tuple one is enough."""
ORACLE = "oracle_irm"
DIFFERENCES = (("kd", "standalone_se"), ("kd", "mct_noisy"))
PLOT_BY_SNR, PLOT_TOKENS = "results/plots/wer_by_snr.png", "results/plots/tokens.png"
PLOT_ERRORS = "results/plots/errors.png"
PLOT_OMEGA, PLOT_SIZE = "results/plots/omega.png", "results/plots/size.png"
PLOT_TRAINING, PLOT_OMEGA_ALL = "results/plots/training_loss.png", "results/plots/omega_approaches.png"
SYNTHETIC = (
    "This corpus is speech synthesised by text-to-speech voices with synthesised noise. **Synthetic speech shows the machinery; "
    "real corpora show the science.** Read these numbers as a check that every stage works, not as results about people speaking."
)


@dataclass
class Section:
    """One heading, or none where the section before goes on, and what stands below it: a table, paragraphs, a list, an image,
    commands."""

    heading: str
    text: list[str]
    table: Table | None = None
    bullets: list[str] = field(default_factory=list)
    image: tuple[str, str] | None = None
    code: str | None = None


def sections(results: Results) -> list[Section]:
    """Everything that is rendered from committed rows, in order."""
    main, paired = main_table(results, "test_noisy", ceiling="test_clean"), difference_table(results, "test_noisy")
    found = [Section("Noisy test speech", main.notes, main), Section("Paired differences", paired.notes, paired)]
    if compared_pairs(results, "test_noisy"):
        found[-1].text = [*paired.notes, f"The utterances that a front end harmed and mended most are aligned in `{WORST}`."]
    found.append(Section("Claims", [], bullets=claims(results, "test_noisy")))
    by_snr = snr_table(results, "test_noisy", clean="test_clean")
    if by_snr:
        image = (PLOT_BY_SNR, "WER by signal-to-noise ratio")
        found.append(Section("By signal-to-noise ratio", by_snr.notes, by_snr, image=image))
    by_noise = noise_table(results, "test_noisy")
    if by_noise:
        found.append(Section("By noise", by_noise.notes, by_noise))
    heard = quality_table(results, "test_noisy")
    if heard:
        found.append(Section("Quality and noise reduction", heard.notes, heard))
        what = (
            "Left-over noise and artifacts, each as energy over that of the speech in the estimate, means over items (−SIR, and "
            "1/SDR − 1/SIR). Artifacts are what no mixture of filtered speech and noise explains; observation adding trades them "
            "for noise."
        )
        found.append(Section("", [what], image=(PLOT_ERRORS, "noise error against artifact error")))
    matrix = backends_table(results, "test_noisy")
    if matrix:
        found.append(Section("Backends: what transfers", matrix.notes, matrix))
    scale = size_table(results, "test_noisy")
    if scale:
        found.append(Section("Size of the student", scale.notes, scale, image=(PLOT_SIZE, "WER by size of the student")))
    cost = cost_table(results, "test_noisy")
    if cost:
        found.append(Section("Cost of the front ends", cost.notes, cost))
    every = approaches_table(results, "test_noisy")
    if every:
        image = (PLOT_TRAINING, "training loss of the joint approaches and of kd")
        found.append(Section("Every approach from the same start", every.notes, every, image=image))
        what = "kd's training loss rises because the weight of L_r in it falls from 1 to 0.01; the joint approaches' weights stay."
        found.append(Section("", [what], image=(PLOT_OMEGA_ALL, "their WER by the share of noisy signal")))
    adding = omega_table(results, "test_noisy")
    if adding:
        found.append(Section("Observation adding", adding.notes, adding, image=(PLOT_OMEGA, "WER by the share of noisy signal")))
    if results.rows(lambda row: within(row["set"], "test_noisy") and row["token_error_rate"] is not None):
        what = (
            "Each strip is one utterance, each colour an acoustic token; a black mark says that noise, or enhancement, changed it. "
        )
        what += "The utterance is the one at 0 dB (if any) with the median token error rate without a front end."
        found.append(Section("What the recogniser hears", [what], image=(PLOT_TOKENS, "acoustic tokens frame by frame")))
    for number, table in enumerate(paper_tables(results)):
        found.append(Section("" if number else "The paper's tables", [f"{table.title}.", *table.notes], table))
    dev = main_table(results, "dev_noisy", name="dev")
    found.append(Section("Development set", ["Tuning and selection look at this set only.", *dev.notes], dev))
    found.append(Section("How to read this", [], bullets=footer(results)))
    found.append(Section("Commands", ["Each run's whole configuration is in `results/<run>.yaml`."], code=commands(results)))
    return found


def render(title: str, results: Results, parts: list[Section]) -> str:
    """RESULTS.md."""
    text = [f"# {title}", "<!-- Rendered by `kdse report` from results/*.jsonl.gz; edits are lost. -->"]
    if results.corpus == "mini":
        text.append(SYNTHETIC)
    for part in parts:
        text += [f"## {part.heading}"] if part.heading else []
        if part.table:
            text.append(markdown(part.table).rstrip("\n"))
        text += part.text
        if part.bullets:
            text.append("\n".join(f"- {line}" for line in part.bullets))
        if part.image:
            text.append(f"![{part.image[1]}]({part.image[0]})")
        if part.code:
            text.append(f"```sh\n{part.code}\n```")
    return "\n\n".join(text) + "\n"


def main_table(results: Results, set_name: str, ceiling: str | None = None, name: str = "main") -> Table:
    """One row for each system of a set: parameters, WER, CER and quality with intervals.

    Quality means are taken over the items where every system has the score, so that they are comparable.
    """
    columns = [Column("system", "system"), Column("params", "front-end parameters"), Column("seeds", "seeds")]
    columns += [*(Column(m.name, m.label, m.digits) for m in (WER, CER, *QUALITY)), Column("items", "items")]
    table = Table(name, f"{set_name}, {results.corpus}", columns, [])
    if ceiling:
        for system in results.on(ceiling):
            if system.approach == "mct_noisy":
                table.rows.append(
                    _row("clean input, no front end (ceiling)", system, shared_scores([system], ceiling, (WER, CER)), 0)
                )
    compared = results.from_one_start(set_name) if ceiling else []
    systems = [s for s in results.on(set_name) if s not in compared]
    scores = shared_scores(systems, set_name, (WER, CER, *QUALITY))
    shown: dict[int, int] = {}
    for expected in EXPECTED:
        names = expected if isinstance(expected, tuple) else (expected,)
        alike = [i for i, system in enumerate(systems) if system.approach in names]
        for i in alike:
            shown[i] = len(table.rows)
            table.rows.append(_row(shown_as(results, systems[i]), systems[i], scores, i))
        if not alike:
            table.rows.append({"system": " / ".join(NAMES.get(n, n) for n in names), "wer": "not run"})
    for i, system in enumerate(systems):
        if i not in shown:
            shown[i] = len(table.rows)
            table.rows.append(_row(shown_as(results, system), system, scores, i))
    ceilings = {i for i, system in enumerate(systems) if system.approach == ORACLE}
    for metric, per_system in scores.items():
        best = best_of(metric, per_system, ceilings)
        if best is not None:
            table.bold.add((shown[best], metric.name))
    parts = results.parts(set_name)
    together = [f"{set_name}: {', '.join(parts[:-1])} and {parts[-1]} together."] if len(parts) > 1 else []
    bare = without_front_end(results, set_name)
    others = [s for s in systems if bare and s is not bare and s.approach != ORACLE]
    table.notes = [*together, *_coverage(scores), *detectable_note((compare(s, bare, set_name) for s in others), "no front end")]
    return table


def difference_table(results: Results, set_name: str) -> Table:
    """The headline comparisons: paired WER differences with intervals by utterance and by speaker."""
    columns = [Column("pair", "difference"), Column("wer", "WER points, by utterance", 2, sign=True)]
    columns += [Column("by_speaker", "by speaker", 2, sign=True), Column("relative", "relative %", 1, sign=True)]
    columns += [Column("detectable", "smallest detectable", 2), Column("p", "matched pairs p"), Column("items", "items")]
    columns += [Column("utts", "utterances"), Column("speakers", "speakers"), Column("verdict", "shown")]
    table = Table("differences", f"Paired WER differences on {set_name}, {results.corpus}", columns, [])
    for approach, baseline in DIFFERENCES:
        pairs = [(a, b) for a in results.on(set_name) if a.approach == approach for b in partners(results, a, baseline, set_name)]
        adding = [(chosen(results, a, set_name), chosen(results, b, set_name)) for a, b in pairs]
        pairs += [(a, b) for a, b in adding if a.omega or b.omega]
        for a, b in pairs:
            d, by_speaker = compare(a, b, set_name), compare(a, b, set_name, by="speaker")
            row: dict[str, Any] = {"pair": f"{shown_as(results, a)} − {shown_as(results, b)}"}
            if d and by_speaker:
                row |= {"wer": d, "by_speaker": by_speaker, "relative": None if d.relative is None else 100 * d.relative}
                row |= {"detectable": d.detectable, "items": d.items, "utts": d.groups, "speakers": by_speaker.groups}
                row["p"] = show_p(matched_pairs_test(a, b, set_name))
                row["verdict"] = "nothing" if not d.excludes_zero else "lower WER" if d.below_zero else "higher WER"
            table.rows.append(row)
        if not pairs:
            table.rows.append({"pair": f"{approach} − {NAMES.get(baseline, baseline)}", "wer": "not run"})
    table.notes = [
        "Negative means fewer errors. The smallest detectable difference is the true difference, in points of WER, that a test at "
        f"{100 * (1 - LEVEL):.0f} % finds with {100 * POWER:.0f} % power. 'Shown' says what the interval by utterance supports.",
        "Matched pairs is the sentence-segment word error test (Gillick and Cox, ICASSP 1989; NIST's segments), two-sided. "
        "It takes the SNRs and seeds of an utterance for independent, which the interval does not: read its p as a lower bound. "
        "There is none where the two sides have different seeds.",
    ]
    return table


def snr_table(results: Results, set_name: str, clean: str) -> Table | None:
    """WER for each SNR, and on clean speech; None where no row has an SNR."""
    snrs = sorted({row["snr"] for row in results.rows(lambda row: within(row["set"], set_name)) if row["snr"] is not None})
    if not snrs:
        return None
    columns = [Column("system", "WER %"), *(Column(f"snr_{snr:g}", f"{snr:g} dB", interval=False) for snr in snrs)]
    columns.append(Column("clean", "clean", interval=False))
    table = Table("wer_by_snr", f"WER by SNR on {set_name}, {results.corpus}", columns, [])
    compared = results.from_one_start(set_name)
    for system in (s for s in results.on(set_name) if s not in compared):
        scores = system.scores(set_name, WER)
        row: dict[str, Any] = {"system": shown_as(results, system)}
        row |= {f"snr_{snr:g}": scores.only({item for item in scores.items if item[2] == snr}).estimate() for snr in snrs}
        table.rows.append(row | {"clean": system.scores(clean, WER).estimate()})
    table.notes = ["Intervals are in `results/tables/wer_by_snr.csv`."]
    bare = without_front_end(results, set_name)
    others = [s for s in results.on(set_name) if bare and s is not bare and s not in compared and s.approach != ORACLE]
    scores = [(s.scores(set_name, WER), bare.scores(set_name, WER)) for s in others]
    for snr in snrs:
        differences = (a.only({i for i in a.items if i[2] == snr}).minus(b) for a, b in scores)
        table.notes += detectable_note(differences, f"no front end at {snr:g} dB")
    return table


def partners(results: Results, system: System, approach: str, set_name: str) -> list[System]:
    """The systems of `approach` that `system` is compared with: decoded alike, of the same student or without one, ω = 0."""
    same = [s for s in results.on(set_name) if s.approach == approach and s.decode == system.decode]
    return [s for s in same if s.student in (None, system.student)]


def _row(label: str, system: System, scores: dict[Metric, list[Scores]], index: int) -> dict[str, Any]:
    row: dict[str, Any] = {"system": label, "params": system.params, "seeds": show_seeds(system.seeds)}
    row |= {metric.name: per_system[index].estimate() for metric, per_system in scores.items()}
    return row | {"items": len(scores[WER][index].items)}


def _coverage(scores: dict[Metric, list[Scores]]) -> list[str]:
    """Say where a column rests on fewer items than the set has."""
    total = max((len(s.items) for s in scores.get(WER, [])), default=0)
    counts = {metric.label: max((len(s.items) for s in per_system), default=0) for metric, per_system in scores.items()}
    few = [f"{label} over {n:,} of {total:,} items" for label, n in counts.items() if 0 < n < total]
    return [f"{'; '.join(few)}: those where every system has the score (the missing ones are named below)."] if few else []
