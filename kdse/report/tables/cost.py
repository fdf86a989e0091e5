"""What front ends cost to run, from `cost.jsonl` beside the score rows."""

from typing import Any

from kdse.core.errors import UserError
from kdse.report.render.table import Column, Table
from kdse.report.results import Results
from kdse.report.systems import System
from kdse.runs.costs import Cost, busy

WHOLE = "whole utterance"
LATENCY = (
    "Algorithmic latency is what an output sample waits for, measured by a change of the input: the window of the STFT and the "
    "network's look-ahead. To it comes the time of a step, which is one frame with its STFT and back; where there are no steps, "
    "that of the utterance."
)


def cost_of(results: Results, system: System) -> Cost | None:
    """The line of the system's network, which no seed and no approach changes; None where it was not measured.

    Raises: UserError where the line is of a network of another size.
    """
    line = next((line for line in results.costs if line["student"] == system.student), None)
    if line and line["params"] != system.params:
        sizes = f"{line['params']:,} parameters, {system.student} in the score rows {system.params:,}"
        raise UserError(f"{results.links}cost.jsonl: {line['run']} has {sizes}; run 'kdse bench cost' again")
    return line


def cost_table(results: Results, set_name: str) -> Table | None:
    """One row for each network among the front ends of a set, measured or not; None where nothing was measured.

    Raises: UserError as `cost_of`.
    """
    if not results.costs:
        return None
    table = Table("cost", f"Cost of the front ends, {results.corpus}", _columns(), [])
    systems = {s.student: s for s in results.cold_started(set_name) if s.student and s.params}
    measured = []
    for system in sorted(systems.values(), key=lambda s: (s.params, s.student)):
        line = cost_of(results, system)
        row: dict[str, Any] = {"student": system.student, "params": system.params}
        if line is None:
            table.rows.append(row | {"rtf": "not run"})
        else:
            measured.append(line)
            table.rows.append(row | _measured(line))
    table.notes = [*_how_measured(measured, results.links), LATENCY, *_counters(measured)]
    return table


def _columns() -> list[Column]:
    return [
        Column("student", "network"),
        Column("params", "parameters"),
        Column("bytes", "file kB", 0),
        Column("macs", "MMAC per s", 1),
        Column("rtf", "real-time factor", 4),
        Column("rtf_p99", "its p99", 4),
        Column("step", "step, ms", 2),
        Column("step_p99", "its p99", 2),
        Column("latency", "algorithmic latency, ms", 1),
        Column("adds", "memory, MB", 0),
        Column("peak", "of process, MB", 0),
        Column("energy", "core-s per hour", 0),
    ]


def _measured(line: Cost) -> dict[str, Any]:
    return {
        "bytes": line["bytes"] / 1e3,
        "macs": line["macs_per_s"] / 1e6,
        "rtf": line["rtf_median"],
        "rtf_p99": line["rtf_p99"],
        "step": line["step_ms_median"],
        "step_p99": line["step_ms_p99"],
        "latency": WHOLE if line["latency_ms"] is None else line["latency_ms"],
        "adds": line["enhancing_mb"],
        "peak": line["peak_mb"],
        "energy": line["core_s_per_hour"],
    }


def _how_measured(lines: list[Cost], links: str) -> list[str]:
    """On what it was measured, and how often."""
    if not lines:
        return []
    names = ("cpu", "torch", "threads", "repeats", "audio_s")
    said = {name: ", ".join(sorted({str(line[name]) for line in lines})) for name in names}
    empty = max(line["torch_mb"] for line in lines)
    return [
        f"Measured by `kdse bench cost` on {said['cpu']}, torch {said['torch']}, {said['threads']} thread, {said['repeats']} times "
        f"{said['audio_s']} s of audio; see `{links}cost.jsonl`. Times are of wall clock, medians and 99th percentiles, "
        "core-seconds are of processor time for an hour of audio and stand for energy. Memory is what enhancing added to the "
        f"process, which had imported ESPnet and loaded the model; a process that only imports torch takes {empty:.0f} MB.",
        *(f"{sentence}." for line in lines if (sentence := busy(line))),
    ]


def _counters(lines: list[Cost]) -> list[str]:
    """How far the two counts of operations agree."""
    if not lines:
        return []
    gap = max(abs(line["macs_per_s_by_layer"] / line["macs_per_s"] - 1) for line in lines)
    causes = [f"{line['run']}: {line['macs_cause']}." for line in lines if line["macs_cause"]]
    return [
        "MMAC are millions of multiply-accumulates, those of recurrent layers, FFT and complex products among them, counted by "
        f"operations; a count by layers differs by {100 * gap:.2g} % at most.",
        *causes,
    ]
