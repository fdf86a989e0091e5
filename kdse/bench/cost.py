"""`kdse bench cost`: what a trained front end costs to run: size, operations, time and memory on one core, and latency."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.data.audio import RATE
from kdse.runs.costs import Cost, busy, read_costs, write_cost
from kdse.runs.record import command, read_run

AUDIO = 10
"""Seconds of the utterance that is enhanced; an attention's MACs for a second depend on it."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def add_arguments(kinds) -> None:
    """Arguments of `kdse bench cost`."""
    sub = kinds.add_parser("cost", help="size, MACs, time, memory and latency of front ends, on one core", description=__doc__)
    sub.add_argument("--run", type=Path, nargs="+", required=True, help="trained front ends: runs of stages 4 and 6")
    sub.add_argument("--out", type=Path, default=Path("results/cost.jsonl"), help="a run's line is replaced (default: %(default)s)")
    sub.add_argument("--repeats", type=int, default=100, help="timed enhancements of the utterance (default: %(default)s)")
    sub.add_argument("--case", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    """Measure every run in a process of its own with one thread, one after another, and print the table."""
    if args.repeats < 1:
        raise UserError(f"--repeats must be 1 or more, not {args.repeats}")
    if args.case:
        import torch

        torch.set_num_threads(1)
        print(json.dumps(measure(Path(args.case), args.repeats)))
        return
    for folder in args.run:
        read_run(folder)
        for name in ("config.yaml", "model.pth"):
            if not (folder / "enh" / name).is_file():
                raise UserError(f"{folder} holds no front end: there is no {folder / 'enh' / name}; train one (stages 4 and 6)")
    read_costs(args.out)
    found = []
    for folder in args.run:
        words = ["bench", "cost", "--run", folder, "--repeats", args.repeats, "--case", folder]
        done = subprocess.run(
            [sys.executable, "-m", "kdse.cli", *map(str, words)],
            capture_output=True,
            text=True,
            env=os.environ | dict.fromkeys(THREADS, "1"),
        )
        if done.returncode:
            last = (done.stderr.strip() or f"its process ended with {done.returncode}").splitlines()[-1]
            raise UserError(f"{folder.name}: {last.removeprefix('kdse bench: ')}")
        found.append(json.loads(done.stdout.splitlines()[-1]) | {"command": command()})
        write_cost(args.out, found[-1])
        say(f"{folder.name}: {found[-1]['repeats']} times {AUDIO} s of audio")
    print(table(found))


def table(found: list[Cost]) -> str:
    """The lines side by side."""
    heads = ("run", "parameters", "file kB", "MMAC/s", "RTF median", "RTF p99", "step ms", "p99", "hop ms", "latency ms")
    rows = [(*heads, "peak MB", "torch MB", "adds MB", "core s/h")]
    for c in found:
        step = [f"{c[name]:.2f}" if c[name] is not None else "-" for name in ("step_ms_median", "step_ms_p99")]
        latency = "utterance" if c["latency_ms"] is None else f"{c['latency_ms']:.1f}"
        row = [c["run"], f"{c['params']:,}", f"{c['bytes'] / 1e3:.0f}", f"{c['macs_per_s'] / 1e6:.1f}"]
        row += [f"{c['rtf_median']:.4f}", f"{c['rtf_p99']:.4f}", *step, f"{c['hop_ms']:.1f}", latency]
        row += [*(f"{c[name]:.0f}" for name in ("peak_mb", "torch_mb", "enhancing_mb")), f"{c['core_s_per_hour']:.0f}"]
        rows.append(tuple(row))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first, *others = widths
    lines = [
        " ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))]) for row in rows
    ]
    lines += [f"{c['run']}: no step, because {c['step_missing']}" for c in found if c["step_missing"]]
    lines += [f"{c['run']}: {c['macs_cause']}" for c in found if c["macs_cause"]]
    lines += [sentence for c in found if (sentence := busy(c))]
    return "\n".join(lines)


def measure(folder: Path, repeats: int) -> Cost:
    """Measure the front end of one run in this process.

    Raises: UserError where the model has another number of parameters than the run's score rows say.
    """
    import torch

    from kdse.bench.macs import by_layers, by_operations, disagreement
    from kdse.core.provenance import commit
    from kdse.plugin.load import load_front_end

    record = read_run(folder)
    model, _ = load_front_end(folder)
    params = sum(p.numel() for p in model.parameters())
    if params != record["params"]:
        raise UserError(f"{folder / 'enh'} has {params:,} parameters, its run.yaml says {record['params']:,}; train the run again")
    front_end = whole(model)
    noisy = 0.1 * torch.randn(1, AUDIO * RATE, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        loading, loaded = _memory("VmHWM"), _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        walls, cores = timed(lambda: front_end(noisy), repeats)
        enhancing = _memory("VmHWM")
        steps, why = step_times(model, noisy)
    operations, layers = by_operations(front_end, noisy), by_layers(front_end, noisy)
    latency = algorithmic_latency(front_end)
    return {
        **{name: record[name] for name in ("run", "approach", "student")},
        "params": params,
        "bytes": (folder / "enh" / "model.pth").stat().st_size,
        "macs_per_s": round(operations[""] / AUDIO),
        "macs_per_s_by_layer": round(layers[""] / AUDIO),
        "macs_cause": disagreement(operations, layers),
        **_spread("rtf", [wall / AUDIO for wall in walls]),
        "core_s_per_hour": round(3600 * sum(cores) / len(cores) / AUDIO, 2),
        "hop_ms": 1000 * model.encoder.hop_length / RATE,
        **_spread("step_ms", steps and [1000 * step for step in steps]),
        "step_missing": why,
        "latency_ms": None if latency is None else 1000 * latency / RATE,
        "peak_mb": round(max(loading, enhancing), 1),
        "torch_mb": round(_torch_alone(), 1),
        "enhancing_mb": round(enhancing - loaded, 1),
        "audio_s": AUDIO,
        "repeats": repeats,
        "threads": torch.get_num_threads(),
        "cpu": _processor(),
        "torch": torch.__version__,
        "commit": commit(),
        "command": command(),
    }


def whole(model):
    """The front end as one network from (B, N) noisy to (B, N) enhanced waveforms of equal length."""
    import torch

    from kdse.plugin.model import enhance

    class FrontEnd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, noisy):
            return enhance(self.model, noisy, torch.full((len(noisy),), noisy.shape[1]))

    return FrontEnd().eval()


def timed(work: Callable[[], Any], repeats: int, warm_up: int = 3) -> tuple[list[float], list[float]]:
    """Seconds of wall clock and of processor time of each repetition, after a few that are not timed."""
    walls, cores = [], []
    for number in range(-warm_up, repeats):
        wall, core = time.perf_counter(), time.process_time()
        work()
        if number >= 0:
            walls.append(time.perf_counter() - wall)
            cores.append(time.process_time() - core)
    return walls, cores


def step_times(model, noisy, warm_up: int = 50) -> tuple[list[float] | None, str | None]:
    """Seconds for each frame of a waveform (1, N), from windowed samples to overlap-add; or None, and why."""
    import torch

    if model.normalize_variance:
        return None, "the level of the whole utterance is normalised first"
    frames, hop, state = model.encoder.streaming_frame(noisy), model.encoder.hop_length, None
    tail, seconds = torch.zeros(1, model.encoder.win_length), []
    for frame in frames:
        start = time.perf_counter()
        try:
            (enhanced,), state, _ = model.separator.forward_streaming(model.encoder.forward_streaming(frame), state)
        except (NotImplementedError, UserError):
            return None, f"{type(model.separator).__name__} enhances whole utterances only"
        tail = torch.cat([tail[:, hop:], tail.new_zeros(1, hop)], 1) + model.decoder.forward_streaming(enhanced)
        seconds.append(time.perf_counter() - start)
    return seconds[warm_up:], None


def algorithmic_latency(process: Callable, seconds: int = 3, positions: int = 4, seed: int = 0) -> int | None:
    """Samples that an output sample waits for, itself included, in the worst case; None where that is the whole utterance.

    From sample n0 on the input is NaN, so whatever depends on it, however little, is NaN. Where the first output that changes is
    m, m cannot be known before n0 has come: n0 − m + 1 samples, 1 without any look-ahead, less where the output comes later
    than its input. m stays the same while n0 moves through a frame, so from each random n0 the last one with that m is found.
    Where the output changes from its beginning wherever n0 is, it depends on the whole utterance.

    Args:
        process: (1, N) noisy -> (1, N) enhanced.
        seconds: of noise at 16 kHz; a look-ahead longer than a third of it passes for the whole utterance.
    """
    import torch

    random = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(1, seconds * RATE, generator=random)
    third = noise.shape[1] // 3

    def first_change(n0: int) -> int:
        changed = noise.clone()
        changed[:, n0:] = torch.nan
        with torch.inference_mode():
            differs = (process(changed) != base)[0]
        assert differs.any(), "the output does not depend on the input"
        return int(differs.int().argmax())

    with torch.inference_mode():
        base = process(noise)
    starts = [third, *(third + torch.randint(third, (positions,), generator=random)).tolist()]
    firsts = [first_change(n0) for n0 in starts]
    if max(firsts) < third // 2:
        return None
    worst = []
    for n0, m in zip(starts, firsts, strict=True):
        low, high = n0, n0 + third  # m is that of low, and not that of high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if first_change(middle) == m else (low, middle)
        worst.append(low - m + 1)
    return max(worst)


def _spread(name: str, values: list[float] | None) -> dict[str, float | None]:
    import numpy as np

    if values is None:
        return {f"{name}_median": None, f"{name}_p99": None}
    return {f"{name}_median": round(float(np.median(values)), 5), f"{name}_p99": round(float(np.percentile(values, 99)), 5)}


def _memory(kind: str) -> float:
    """MB of this process now (VmRSS), or at its peak (VmHWM; getrusage would count a parent's)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{kind}:"))) / 1024


def _torch_alone() -> float:
    """Peak MB of a process that imports torch and does nothing."""
    code = "import torch; from kdse.bench.cost import _memory; print(_memory('VmHWM'))"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def _processor() -> str | None:
    """The processor's name, where the system gives one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
