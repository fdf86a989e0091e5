"""What front ends cost to run, from `results/cost.jsonl`, and the claims of a recipe in one place."""

from typing import Any

from kdse.core.errors import UserError
from kdse.report.omega import chosen, without_front_end
from kdse.report.rows import Results, System, compare
from kdse.report.tables import Column, Table
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
        raise UserError(f"results/cost.jsonl: {line['run']} has {sizes}; run 'kdse bench cost' again")
    return line


def cost_table(results: Results, set_name: str) -> Table | None:
    """One row for each network among the front ends of a set, measured or not; None where nothing was measured.

    Raises: UserError as `cost_of`.
    """
    columns = [Column("student", "network"), Column("params", "parameters"), Column("bytes", "file kB", 0)]
    columns += [Column("macs", "MMAC per s", 1), Column("rtf", "real-time factor", 4), Column("rtf_p99", "its p99", 4)]
    columns += [Column("step", "step, ms", 2), Column("step_p99", "its p99", 2), Column("latency", "algorithmic latency, ms", 1)]
    columns += [Column("adds", "memory, MB", 0), Column("peak", "of process, MB", 0), Column("energy", "core-s per hour", 0)]
    if not results.costs:
        return None
    table = Table("cost", f"Cost of the front ends, {results.corpus}", columns, [])
    compared = results.from_one_start(set_name)
    systems = {s.student: s for s in results.on(set_name) if s.student and s.params and s not in compared}
    measured = []
    for system in sorted(systems.values(), key=lambda s: (s.params, s.student)):
        line = cost_of(results, system)
        row: dict[str, Any] = {"student": system.student, "params": system.params}
        if line is None:
            table.rows.append(row | {"rtf": "not run"})
            continue
        measured.append(line)
        row |= {
            "bytes": line["bytes"] / 1e3,
            "macs": line["macs_per_s"] / 1e6,
            "rtf": line["rtf_median"],
            "rtf_p99": line["rtf_p99"],
        }
        row |= {"step": line["step_ms_median"], "step_p99": line["step_ms_p99"]}
        row |= {"latency": WHOLE if line["latency_ms"] is None else line["latency_ms"], "adds": line["enhancing_mb"]}
        table.rows.append(row | {"peak": line["peak_mb"], "energy": line["core_s_per_hour"]})
    table.notes = [*_how(measured), LATENCY, *_counters(measured)]
    return table


def claims(results: Results, set_name: str) -> list[str]:
    """One sentence for each claim about the headline student: its errors with intervals, its size, time and latency."""
    student = next((s for s in results.headline(set_name) if s.approach == "kd"), None)
    if student is None:
        return ["kd was not run."]
    lines = []
    rivals = [next((s for s in results.on(set_name) if (s.approach, s.student) == ("standalone_se", student.student)), None)]
    for rival, name in zip([*rivals, without_front_end(results, set_name)], ("standalone_se", "no front end"), strict=True):
        lines.append(_errors(results, student, rival, name, set_name))
        if rival:
            mixed = [chosen(results, s, set_name) for s in (student, rival)]
            if any(s.omega for s in mixed):
                lines.append(_errors(results, *mixed, name, set_name))
    teacher = next((s for s in results.on(set_name) if s.approach == "se_teacher"), None)
    who = f"{results.label(student)} against {results.label(teacher) if teacher else 'se_teacher'}"
    if teacher is None:
        return [*lines, f"Size, time and latency of {who}: not run."]
    lines.append(f"Size of {who}: parameters {_less(student.params, teacher.params, ',')}.")
    own, others = cost_of(results, student), cost_of(results, teacher)
    if own is None or others is None:
        return [*lines, f"Operations, time and latency of {who}: not run (`kdse bench cost`)."]
    million = [line["macs_per_s"] / 1e6 for line in (own, others)]
    lines.append(f"Operations of {who}: million MACs for a second of audio {_less(*million, '.1f')}.")
    times = f"real-time factor on one core {_less(own['rtf_median'], others['rtf_median'], '.4f')}"
    if busy(own) or busy(others):
        shown = "; not shown, because a core was shared with other work: measure both again on a quiet machine"
    elif own["rtf_p99"] >= others["rtf_median"]:
        shown = "; not shown, because the student's 99th percentile is not below the other's median"
    else:
        shown = ""
    lines.append(f"Time of {who}: {times} (99th percentiles {own['rtf_p99']:.4f} and {others['rtf_p99']:.4f}){shown}.")
    waits = [_wait_ms(line) for line in (own, others)]
    total = "" if None in waits else f": {_less(*waits, ',.1f')}"
    return [*lines, f"Latency in ms of {who}{total} ({_latency(own)}; {_latency(others)})."]


def _errors(results: Results, student: System, rival: System | None, name: str, set_name: str) -> str:
    d = rival and compare(student, rival, set_name)
    what = f"WER of {results.label(student)} against {results.label(rival) if rival and rival.student else name} on {set_name}"
    if not d or d.relative is None:
        return f"{what}: not run."
    interval = "no interval" if d.low is None else f"95 % interval {d.low:+.2f} to {d.high:+.2f}"
    shown = "" if d.excludes_zero else "; not shown, because the interval contains 0" if d.low is not None else "; not shown"
    change = f"{abs(100 * d.relative):.1f} % {'lower' if d.value < 0 else 'higher'}, relative"
    return f"{what}: {change} ({d.baseline + d.value:.1f} % and {d.baseline:.1f} %: {d.value:+.2f} points, {interval}){shown}."


def _less(a: float, b: float, form: str) -> str:
    """'1 against 4, 75.0 % less'."""
    change = 100 * (1 - a / b)
    return f"{a:{form}} against {b:{form}}, {abs(change):.1f} % {'less' if change >= 0 else 'more'}"


def _wait_ms(line: Cost) -> float | None:
    """Algorithmic latency and processing: of a step, or of the utterance of the measurement; None where neither applies."""
    if line["latency_ms"] is None:
        return 1000 * line["audio_s"] * (1 + line["rtf_median"])
    return None if line["step_ms_median"] is None else line["latency_ms"] + line["step_ms_median"]


def _latency(line: Cost) -> str:
    """What `_wait_ms` is made of."""
    if line["latency_ms"] is None:
        return f"the {WHOLE}, here of {line['audio_s']:g} s, and {1000 * line['audio_s'] * line['rtf_median']:,.0f} ms for it"
    wait = f"algorithmic {line['latency_ms']:.1f}"
    if line["step_ms_median"] is None:
        return f"{wait}, no step because {line['step_missing']}"
    return (
        f"{wait}, a step {line['step_ms_median']:.2f}, its 99th percentile {line['step_ms_p99']:.2f}, every {line['hop_ms']:g} ms"
    )


def _how(lines: list[Cost]) -> list[str]:
    """On what it was measured, and how often."""
    if not lines:
        return []
    told = {
        name: ", ".join(sorted({str(line[name]) for line in lines})) for name in ("cpu", "torch", "threads", "repeats", "audio_s")
    }
    empty = max(line["torch_mb"] for line in lines)
    return [
        f"Measured by `kdse bench cost` on {told['cpu']}, torch {told['torch']}, {told['threads']} thread, {told['repeats']} times "
        f"{told['audio_s']} s of audio; see `results/cost.jsonl`. Times are of wall clock, medians and 99th percentiles, "
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
