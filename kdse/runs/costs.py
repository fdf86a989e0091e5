"""The measured costs of front ends, `cost.jsonl` beside the score rows: one JSON line for each run, by `kdse bench cost`."""

import json
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import read_text, write_text

FIELDS = {
    "run": "",
    "approach": "",
    "student": "",
    "params": "of the front end",
    "bytes": "of its model file",
    "macs_per_s": "multiply-accumulates for a second of audio, counted by operations",
    "macs_per_s_by_layer": "the same, counted by layers",
    "macs_cause": "null, or why the two differ by more than 5 %",
    "rtf_median": "seconds of wall clock for a second of audio, whole utterances",
    "rtf_p99": "99th percentile over the repetitions",
    "core_s_per_hour": "seconds of processor time for an hour of audio: stands for energy",
    "hop_ms": "of a frame",
    "step_ms_median": "wall clock of one frame, STFT and back; null where frames cannot be taken one by one",
    "step_ms_p99": "",
    "step_missing": "null, or why there is no step",
    "latency_ms": "algorithmic: what an output sample waits for, measured; null where that is the whole utterance",
    "peak_mb": "of the process",
    "torch_mb": "of a process that only imported torch",
    "enhancing_mb": "what enhancing added to the loaded process",
    "audio_s": "length of the utterance",
    "repeats": "",
    "threads": "",
    "cpu": "name of the processor",
    "torch": "version",
    "commit": "",
    "command": "",
}
"""What a line says; MB are 2^20 bytes."""

Cost = dict[str, Any]


def busy(cost: Cost) -> str | None:
    """None, or a sentence where the wall clock ran a tenth longer than the processor worked, so that times are too long."""
    ratio = 3600 * cost["rtf_median"] / cost["core_s_per_hour"]
    if ratio < 1.1:
        return None
    return f"{cost['run']} shared its core with other work (wall clock {ratio:.1f} times processor time): its times are too long"


def read_costs(path: Path | str) -> list[Cost]:
    """The lines of a cost file, by run; [] where there is no file.

    Raises: UserError for a line that `kdse bench cost` did not write, and for a run with two.
    """
    path = Path(path)
    if not path.exists():
        return []
    costs: dict[str, Cost] = {}
    for number, text in enumerate(read_text(path).splitlines(), 1):
        try:
            line = json.loads(text)
        except json.JSONDecodeError as e:
            raise UserError(f"{path}, line {number} is not JSON ({e.msg}); measure its run again with 'kdse bench cost'") from e
        if not isinstance(line, dict) or line.keys() != FIELDS.keys():
            raise UserError(f"{path}, line {number} is not what this version measures; delete it and run 'kdse bench cost' again")
        if line["run"] in costs:
            raise UserError(f"{path}, line {number}: {line['run']} has two lines; delete one")
        costs[line["run"]] = line
    return [costs[run] for run in sorted(costs)]


def write_cost(path: Path | str, cost: Cost) -> None:
    """Write a run's line, in the place of an older one; the other lines stay."""
    assert cost.keys() == FIELDS.keys(), cost.keys() ^ FIELDS.keys()
    lines = {line["run"]: line for line in read_costs(path)} | {cost["run"]: cost}
    write_text(path, "".join(json.dumps({name: lines[run][name] for name in FIELDS}) + "\n" for run in sorted(lines)))
