"""`kdse bench cost`: what a trained front end costs to run: size, operations, time and memory on one core, and latency."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kdse.bench.harness import Case, check_positive, measure, memory_mb, repeated
from kdse.bench.latency import algorithmic_latency, step_times
from kdse.bench.macs import by_layers, by_operations, disagreement
from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.core.provenance import commit, processor
from kdse.data.audio import RATE
from kdse.plugin.load import load_front_end
from kdse.plugin.model import enhance
from kdse.runs.costs import Cost, busy, read_costs, write_cost
from kdse.runs.record import command, read_run

AUDIO = 10
"""Seconds of the utterance that is enhanced; an attention's MACs for a second depend on it."""


def run(*, folders: list[Path], out: Path, repeats: int) -> None:
    """Measure every run in a process of its own with one thread, one after another, and print the table.

    Args:
        folders: runs with a trained front end.
        out: JSON lines of costs, where a run's line is replaced.
        repeats: timed enhancements of the utterance.
    """
    check_positive(repeats=repeats)
    for folder in folders:
        read_run(folder)
        for name in ("config.yaml", "model.pth"):
            if not (folder / "enh" / name).is_file():
                raise UserError(f"{folder} holds no front end: there is no {folder / 'enh' / name}; train one (stages 4 and 6)")
    read_costs(out)
    costs = []
    for folder in folders:
        case = Case.of(folder.name, "kdse.bench.cost:measure_front_end", folder=folder, repeats=repeats)
        cost = measure(case, one_thread=True) | {"command": command()}
        write_cost(out, cost)
        say(f"{folder.name}: {repeats} times {AUDIO} s of audio")
        costs.append(cost)
    print(table(costs))


COLUMNS = (
    "run", "parameters", "file kB", "MMAC/s", "RTF median", "RTF p99", "step ms", "p99", "hop ms", "latency ms",
    "peak MB", "torch MB", "adds MB", "core s/h",
)  # fmt: skip


def table(costs: list[Cost]) -> str:
    """The lines side by side, and below them what a reader should know of each."""
    rows = [COLUMNS, *(_cells(cost) for cost in costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *numbers in rows:
        cells = [name.ljust(widths[0])]
        cells += [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
        lines.append(" ".join(cells))
    lines += [f"{cost['run']}: no step, because {cost['step_missing']}" for cost in costs if cost["step_missing"]]
    lines += [f"{cost['run']}: {cost['macs_cause']}" for cost in costs if cost["macs_cause"]]
    lines += [sentence for cost in costs if (sentence := busy(cost))]
    return "\n".join(lines)


def _cells(cost: Cost) -> tuple[str, ...]:
    """One line of the table, a text for each of `COLUMNS`."""
    steps = ["-" if cost[name] is None else f"{cost[name]:.2f}" for name in ("step_ms_median", "step_ms_p99")]
    return (
        cost["run"],
        f"{cost['params']:,}",
        f"{cost['bytes'] / 1e3:.0f}",
        f"{cost['macs_per_s'] / 1e6:.1f}",
        f"{cost['rtf_median']:.4f}",
        f"{cost['rtf_p99']:.4f}",
        *steps,
        f"{cost['hop_ms']:.1f}",
        "utterance" if cost["latency_ms"] is None else f"{cost['latency_ms']:.1f}",
        f"{cost['peak_mb']:.0f}",
        f"{cost['torch_mb']:.0f}",
        f"{cost['enhancing_mb']:.0f}",
        f"{cost['core_s_per_hour']:.0f}",
    )


def measure_front_end(folder: Path | str, repeats: int) -> Cost:
    """Measure the front end of one run in this process, with one thread.

    Raises: UserError where the model has another number of parameters than the run's score rows say.
    """
    torch.set_num_threads(1)
    folder = Path(folder)
    record = read_run(folder)
    model, _ = load_front_end(folder)
    params = sum(p.numel() for p in model.parameters())
    if params != record["params"]:
        raise UserError(f"{folder / 'enh'} has {params:,} parameters, its run.yaml says {record['params']:,}; train the run again")
    front_end = whole(model)
    noisy = 0.1 * torch.randn(1, AUDIO * RATE, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        loading, loaded = memory_mb("VmHWM"), memory_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        times = repeated(lambda: front_end(noisy), repeats)
        enhancing = memory_mb("VmHWM")
        steps, step_missing = step_times(model, noisy)
    operations, layers = by_operations(front_end, noisy), by_layers(front_end, noisy)
    latency = algorithmic_latency(front_end)
    return {
        **{name: record[name] for name in ("run", "approach", "student")},
        "params": params,
        "bytes": (folder / "enh" / "model.pth").stat().st_size,
        "macs_per_s": round(operations[""] / AUDIO),
        "macs_per_s_by_layer": round(layers[""] / AUDIO),
        "macs_cause": disagreement(operations, layers),
        **_spread("rtf", [spent.wall / AUDIO for spent in times]),
        "core_s_per_hour": round(3600 * sum(spent.cpu for spent in times) / len(times) / AUDIO, 2),
        "hop_ms": 1000 * model.encoder.hop_length / RATE,
        **_spread("step_ms", steps and [1000 * step for step in steps]),
        "step_missing": step_missing,
        "latency_ms": None if latency is None else 1000 * latency / RATE,
        "peak_mb": round(max(loading, enhancing), 1),
        "torch_mb": round(_torch_alone(), 1),
        "enhancing_mb": round(enhancing - loaded, 1),
        "audio_s": AUDIO,
        "repeats": repeats,
        "threads": torch.get_num_threads(),
        "cpu": processor(),
        "torch": torch.__version__,
        "commit": commit(),
        "command": command(),
    }


class FrontEnd(nn.Module):
    """A front end as one network from (B, N) noisy to (B, N) enhanced waveforms of equal length."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, noisy: Tensor) -> Tensor:
        return enhance(self.model, noisy, torch.full((len(noisy),), noisy.shape[1]))


def whole(model: nn.Module) -> nn.Module:
    """ESPnet's enhancement model as a `FrontEnd` in eval mode."""
    return FrontEnd(model).eval()


def _spread(name: str, values: list[float] | None) -> dict[str, float | None]:
    """The median and the 99th percentile, as two columns."""
    if values is None:
        return {f"{name}_median": None, f"{name}_p99": None}
    return {f"{name}_median": round(float(np.median(values)), 5), f"{name}_p99": round(float(np.percentile(values, 99)), 5)}


def _torch_alone() -> float:
    """Peak MB of a process that imports torch and does nothing."""
    code = "import torch; from kdse.bench.harness import memory_mb; print(memory_mb('VmHWM'))"
    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
