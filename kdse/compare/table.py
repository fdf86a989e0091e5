"""The tables of a comparison, from its rows and its facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kdse.compare.recordings import CLEAN, NOISY
from kdse.compare.rows import NO_RECOGNISER, SET
from kdse.report.paired import matched_pairs_test
from kdse.report.render.table import Column, Table
from kdse.report.systems import System, compare, shared_scores
from kdse.scoring.metrics import METRICS, WER, Metric
from kdse.scoring.row import PackedRow, Row
from kdse.scoring.significance import Difference
from kdse.scoring.spoken import SPOKEN
from kdse.scoring.words import NORMALISATION

SIGNAL = ("pesq_wb", "stoi", "si_sdr", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl")
"""Metrics that are shown."""
BAK, SI_SDR = METRICS["dnsmos_bak"], METRICS["si_sdr"]
APART = 0.5
"""Milliseconds by which the delays of one front end may differ without a word."""
REMOVED = {BAK: "DNSMOS BAK, change to noisy", SI_SDR: "SI-SDR in dB, change to noisy"}
"""What tells how much noise was removed: {metric: axis of the plot}."""


@dataclass(frozen=True)
class Comparison:
    """A comparison that was made.

    Attributes:
        facts: what `compare.json` holds.
        systems: {recogniser: {system's name: its rows}}, in the order of tables; NO_RECOGNISER where there are no words.
    """

    facts: dict[str, Any]
    systems: dict[str, dict[str, System]]

    @classmethod
    def of(cls, facts: dict[str, Any], rows: Iterable[Row]) -> "Comparison":
        """Rows by recogniser and system."""
        shared: dict = {}
        by: dict[tuple[str, str], list[PackedRow]] = {}
        for row in rows:
            by.setdefault((row["backend"], row["run"]), []).append(PackedRow(row, shared))
        listeners = [name for name in facts["recognisers"] if any(name == backend for backend, _ in by)] or [NO_RECOGNISER]
        systems: dict[str, dict[str, System]] = {}
        for listener in listeners:
            systems[listener] = {}
            for system in facts["systems"]:
                rows_of = by.get((listener, system["name"]))
                if rows_of:
                    first = rows_of[0]
                    made = System(first["run"], first["approach"], None, first["params"], first["decode"], 0.0, tuple(rows_of))
                    systems[listener][system["name"]] = made
        return cls(facts, systems)

    @property
    def any(self) -> dict[str, System]:
        """{name: system}, as any recogniser has them: for scores that need no words."""
        return next(iter(self.systems.values()))

    def change(self, listener: str, name: str, metric: Metric = WER) -> Difference | None:
        """What a system changes, against noisy, on the recordings that both have."""
        systems = self.systems[listener]
        return None if name == NOISY else compare(systems[name], systems[NOISY], SET, metric)

    def has(self, metric: Metric) -> bool:
        """Whether the noisy recordings have a score."""
        return bool(self.any[NOISY].scores(SET, metric).present())


def words_table(comparison: Comparison, full: bool = False) -> Table:
    """WER of each recogniser, and its change to noisy.

    Args:
        full: with the relative change and p of the matched-pairs test.
    """
    columns, rows, bold = [Column("system", "front end")], [{"system": name} for name in comparison.any], set()
    for listener, systems in comparison.systems.items():
        wer, change = f"wer_{listener}", f"change_{listener}"
        columns += [Column(wer, f"WER %, {listener}", interval=False), Column(change, "to noisy", sign=True)]
        if full:
            columns += [Column(f"relative_{listener}", "relative %"), Column(f"p_{listener}", "p")]
        for number, row in enumerate(rows):
            name = row["system"]
            found = comparison.change(listener, name)
            row |= {wer: systems[name].scores(SET, WER).estimate(), change: found}
            if found and full:
                test = matched_pairs_test(systems[name], systems[NOISY], SET)
                row |= {f"relative_{listener}": 100 * found.relative if found.relative is not None else None}
                row |= {f"p_{listener}": test.p if test else None}
            if found and found.below_zero and name != CLEAN:
                bold.add((number, change))
    notes = [
        "to noisy: points of WER, with the 95 % interval of the paired bootstrap by utterance; bold where all of it is below 0",
        f"errors are counted in {NORMALISATION}",
    ]
    if not all(comparison.facts["recognisers"][name]["trained_on_transcripts"] for name in comparison.systems):
        notes.append(f"{SPOKEN}; so are transcripts")
    return Table("words", "Words", columns, rows, bold, notes)


def signal_table(comparison: Comparison) -> Table:
    """Scores that need no words, processor time and delay."""
    metrics = [metric for metric in map(METRICS.get, SIGNAL) if comparison.has(metric)]
    columns = [Column("system", "front end"), *(Column(m.name, m.label, m.digits, interval=False) for m in metrics)]
    columns += [Column("rtf", "RTF", 4), Column("delay_ms", "delay ms", 1)]
    compared = [system for name, system in comparison.any.items() if name != CLEAN]
    scores = shared_scores(compared, SET, metrics)
    rows: list[dict[str, Any]] = [{"system": system.first_run} for system in compared]
    for metric in metrics:
        for row, of_system in zip(rows, scores[metric], strict=True):
            row[metric.name] = of_system.estimate()
    if CLEAN in comparison.any:
        clean = comparison.any[CLEAN]
        of_clean = [clean.scores(SET, metric) for metric in metrics]
        rows.append({"system": CLEAN} | {scores.metric.name: scores.only(scores.present()).estimate() for scores in of_clean})
    facts = {system["name"]: system for system in comparison.facts["systems"]}
    for row in rows:
        row |= {"rtf": facts[row["system"]]["rtf"], "delay_ms": facts[row["system"]]["delay_ms"]}
    notes = [
        "RTF: seconds of processor time for a second of audio, on one thread; loading and resampling do not count, a command's "
        "start does",
        "delay: measured by cross-correlation with the input, and taken back to the sample before anything was scored",
    ]
    varied = [f"{f['name']} {f['delay_apart_ms']:.1f} ms" for f in facts.values() if f["delay_apart_ms"] > APART]
    if varied:
        notes.append(f"delays that differed between recordings, by at most: {', '.join(varied)}; the median was taken")
    clipped = [f"{f['name']} {f['clipped']:,}" for f in facts.values() if f["clipped"]]
    if clipped:
        notes.append(f"samples clipped at full scale: {', '.join(clipped)}")
    return Table("signal", "Signals", columns, rows, set(), notes)


def all_columns(comparison: Comparison) -> Table:
    """Both tables side by side, with all that is known of each system: what compare.csv holds."""
    tables = [signal_table(comparison)]
    if NO_RECOGNISER not in comparison.systems:
        tables.insert(0, words_table(comparison, full=True))
    facts = {system["name"]: system for system in comparison.facts["systems"]}
    columns, rows = list(tables[0].columns), {row["system"]: dict(row) for row in tables[0].rows}
    for table in tables[1:]:
        columns += table.columns[1:]
        for row in table.rows:
            rows[row["system"]] |= row
    more = [Column(key, key) for key in ("kind", "version", "licence", "rate", "parameters")]
    for name, row in rows.items():
        row |= {column.key: facts[name][column.key] for column in more}
    return Table("compare", "Comparison", [*columns, *more], list(rows.values()))


def tables_of(comparison: Comparison) -> list[Table]:
    """What is shown."""
    tables = [signal_table(comparison)]
    return tables if NO_RECOGNISER in comparison.systems else [words_table(comparison), *tables]


def about(facts: dict[str, Any]) -> str:
    """One line on what was compared.

    >>> about({"folder": "mine", "recordings": 20, "seconds": 150.0, "utterances": 20, "date": "2026-11-28", "commit": None,
    ...        "kdse": "0.1.0", "processor": None})
    '20 recordings of mine, 2.5 min; 2026-11-28, kdse 0.1.0'
    """
    many = f", of {facts['utterances']} utterances" if facts["utterances"] != facts["recordings"] else ""
    where = f"; {facts['processor']}, one thread" if facts["processor"] else ""
    code = f"kdse {facts['kdse']}" + (f" ({facts['commit']})" if facts["commit"] else "")
    long = f"{facts['seconds'] / 60:.1f} min"
    return f"{facts['recordings']} recordings of {facts['folder']}{many}, {long}; {facts['date']}, {code}{where}"


def versions_note(facts: dict[str, Any]) -> str:
    """One line on the peers' versions, licences and rates; '' without any."""
    told: Sequence[dict[str, Any]] = [system for system in facts["systems"] if system["licence"]]
    return "; ".join(f"{s['name']}: version {s['version']}, {s['licence']}, {s['rate'] / 1000:g} kHz" for s in told)
