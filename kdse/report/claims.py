"""The claims of a recipe: one sentence each about its headline student, and the check of a claim that a user makes."""

import re
from dataclasses import dataclass

from kdse.approaches.registry import BASELINE, SE_TEACHER
from kdse.core.errors import UserError, did_you_mean
from kdse.report.results import Results
from kdse.report.systems import System, compare, find
from kdse.report.tables.cost import WHOLE, cost_of
from kdse.report.tables.omega import at_chosen_omega
from kdse.runs.costs import Cost, busy

CLAIM = re.compile(r"\s*(\S+)\s*<\s*(\S+)\s+on\s+(\S+)\s*")


def claims(results: Results, set_name: str) -> list[str]:
    """One sentence for each claim about the headline student: its errors with intervals, its size, time and latency."""
    proposed, every = results.info.proposed, results.info.paper is not None
    student = find(results.headline(set_name), proposed)
    if student is None:
        return [f"{proposed} was not run."]
    baseline = find(results.on(set_name), BASELINE, student=student.student)
    sentences = _errors_against(results, student, baseline, BASELINE, set_name) if baseline or every else []
    sentences += _errors_against(results, student, results.without_front_end(set_name), "no front end", set_name)
    teacher = find(results.on(set_name), SE_TEACHER)
    return sentences + (_cost_against(results, student, teacher) if teacher or every else [])


def _errors_against(results: Results, student: System, rival: System | None, name: str, set_name: str) -> list[str]:
    """Word errors against a rival, then both with the ω that dev chooses, where that is not 0."""
    sentences = [_errors(results, student, rival, name, set_name)]
    if rival:
        chosen = [at_chosen_omega(results, system, set_name) for system in (student, rival)]
        if any(system.omega for system in chosen):
            sentences.append(_errors(results, *chosen, name, set_name))
    return sentences


def _errors(results: Results, student: System, rival: System | None, name: str, set_name: str) -> str:
    d = rival and compare(student, rival, set_name)
    what = f"WER of {results.label(student)} against {results.label(rival) if rival and rival.student else name} on {set_name}"
    if not d or d.relative is None:
        return f"{what}: not run."
    interval = "no interval" if d.low is None else f"95 % interval {d.low:+.2f} to {d.high:+.2f}"
    shown = "" if d.excludes_zero else "; not shown, because the interval contains 0" if d.low is not None else "; not shown"
    change = f"{abs(100 * d.relative):.1f} % {'lower' if d.value < 0 else 'higher'}, relative"
    return f"{what}: {change} ({d.baseline + d.value:.1f} % and {d.baseline:.1f} %: {d.value:+.2f} points, {interval}){shown}."


def _cost_against(results: Results, student: System, teacher: System | None) -> list[str]:
    """Size, operations, time and latency against the SE teacher."""
    who = f"{results.label(student)} against {results.label(teacher) if teacher else SE_TEACHER}"
    if teacher is None:
        return [f"Size, time and latency of {who}: not run."]
    size = f"Size of {who}: parameters {_less(student.params, teacher.params, ',')}."
    own, others = cost_of(results, student), cost_of(results, teacher)
    if own is None or others is None:
        return [size, f"Operations, time and latency of {who}: not run (`kdse bench cost`)."]
    million = [line["macs_per_s"] / 1e6 for line in (own, others)]
    waits = [_wait_ms(line) for line in (own, others)]
    total = "" if None in waits else f": {_less(*waits, ',.1f')}"
    return [
        size,
        f"Operations of {who}: million MACs for a second of audio {_less(*million, '.1f')}.",
        f"Time of {who}: {_time(own, others)}.",
        f"Latency in ms of {who}{total} ({_latency(own)}; {_latency(others)}).",
    ]


def _time(own: Cost, others: Cost) -> str:
    """Real-time factors, and why they show nothing where they do not."""
    if busy(own) or busy(others):
        shown = "; not shown, because a core was shared with other work: measure both again on a quiet machine"
    elif own["rtf_p99"] >= others["rtf_median"]:
        shown = "; not shown, because the student's 99th percentile is not below the other's median"
    else:
        shown = ""
    factors = f"real-time factor on one core {_less(own['rtf_median'], others['rtf_median'], '.4f')}"
    return f"{factors} (99th percentiles {own['rtf_p99']:.4f} and {others['rtf_p99']:.4f}){shown}"


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
    step = f"a step {line['step_ms_median']:.2f}, its 99th percentile {line['step_ms_p99']:.2f}, every {line['hop_ms']:g} ms"
    return f"{wait}, {step}"


@dataclass(frozen=True)
class Claim:
    """Whether a claim holds, and the sentence that says so with its numbers."""

    holds: bool
    sentence: str


def check_claim(text: str, results: Results) -> Claim:
    """Check 'A < B on SET': the 95 % interval of the paired WER difference A − B, by utterance, lies below 0.

    Raises: UserError where the claim cannot be read, or A or B was not scored on SET.
    """
    match = CLAIM.fullmatch(text)
    if not match:
        raise UserError(f"cannot read the claim '{text}'; write it as 'kd < standalone_se on test_noisy'")
    first, second, set_name = match.groups()
    a, b = (_named(name, set_name, results) for name in (first, second))
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


def _named(name: str, set_name: str, results: Results) -> System:
    """The one system of this name: a run without its seed, else an approach; ω = 0.

    Raises: UserError where there is none, or there are several.
    """
    systems = results.on(set_name)
    matches = [s for s in systems if s.family == name] or [s for s in systems if s.approach == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choice = ", ".join(sorted({s.family for s in matches}))
        raise UserError(f"there are several systems '{name}' on {set_name}; name one of {choice}")
    names = sorted({s.approach for s in systems} | {s.family for s in systems})
    hint = f"{did_you_mean(name, names)}; there are: {', '.join(names) or 'none'}"
    raise UserError(f"no run of '{name}' was scored on {set_name}{hint}")
