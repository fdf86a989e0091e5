"""`kdse bench score`: our scoring beside ESPnet's enh_scoring, on the same audio with the same number of processes."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError

SHARED = {"pesq_wb": "PESQ_WB", "stoi": "STOI", "estoi": "ESTOI", "si_sdr": "SI_SNR", "sdr": "SDR"}
"""Metrics that both compute: name in our rows, name in ESPnet's files (STOI and ESTOI in per cent there)."""
CASES = {
    "ESPnet": ("ESPnet's enh_scoring", "PESQ-WB, STOI, ESTOI, SI-SNR, SDR"),
    "shared": ("kdse, the same", "PESQ-WB, STOI, ESTOI, SI-SDR, SDR"),
    "every": ("kdse score", "those and PESQ-NB, CSIG, CBAK, COVL, SSNR, SNR, SIR, SAR, WADA-SNR"),
}
ESPNET = """
import sys, time
from espnet2.bin.enh_scoring import main
words = sys.argv[1:]
started = time.perf_counter()
main(words)
print(time.perf_counter() - started)
"""
"""Run in a process of its own; what it takes to import ESPnet is not counted."""


def add_arguments(kinds) -> None:
    """Arguments of `kdse bench score`."""
    sub = kinds.add_parser("score", help="items a second of scoring, beside ESPnet's", description=__doc__)
    sub.add_argument("--set", type=Path, default=Path("dump/test_noisy"), metavar="DIR", help="of stage 2 (default: %(default)s)")
    sub.add_argument(
        "--run", type=Path, default=Path("exp/kd_bandcrn-m_seed0"), metavar="DIR", help="enhanced by stage 7 (default: %(default)s)"
    )
    sub.add_argument("--items", type=int, default=520, help="items to score (default: %(default)s)")
    sub.add_argument("--seconds", type=float, default=4.0, help="length of each, repeated or cut (default: %(default)s)")
    sub.add_argument("--nj", type=int, default=2, help="processes, one thread each (default: %(default)s)")
    sub.add_argument("--case", help=argparse.SUPPRESS)
    sub.add_argument("--part", type=Path, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    """Time the three in turn, print their table and how far their values differ."""
    if args.case:
        print(time_part(args.part, args.case))
        return
    for name in ("items", "nj"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name} must be 1 or more, not {getattr(args, name)}")
    if args.seconds < 0.5:
        raise UserError(f"--seconds must be 0.5 or more, not {args.seconds:g}: PESQ and STOI need speech")
    with tempfile.TemporaryDirectory() as folder:
        parts = write_parts(Path(folder), args)
        seconds = {case: _together(parts, case) for case in CASES}
        gaps = differences(parts)
    print(table(seconds, args))
    print("largest difference: " + ", ".join(f"{name} {gap:.2g}" for name, gap in gaps.items()))


def table(seconds: dict[str, float], args: argparse.Namespace) -> str:
    """Seconds, items a second, and the ratio to ESPnet's."""
    lines = [f"{args.items} items of {args.seconds:g} s, {args.nj} process(es) of one thread each, start-up not counted"]
    lines.append(f"{'':22} {'s':>7} {'items/s':>8} {'ratio':>6}  metrics")
    for case, (label, metrics) in CASES.items():
        took = seconds[case]
        lines.append(f"{label:22} {took:7.1f} {args.items / took:8.1f} {seconds['ESPnet'] / took:6.2f}  {metrics}")
    return "\n".join(lines)


def write_parts(folder: Path, args: argparse.Namespace) -> list[Path]:
    """One folder for each process with keys, and lists of clean, enhanced and noisy WAVs of the wanted length."""
    import soundfile

    from kdse.data.audio import RATE, read_audio
    from kdse.data.datadir import read_table

    paths = {
        "clean": args.set / "spk1.scp",
        "enhanced": args.run / "enhanced" / args.set.name / "wav.scp",
        "noisy": args.set / "wav.scp",
    }
    for path in paths.values():
        if not path.exists():
            raise UserError(f"there is no {path}; run the recipe's stages 2 to 7 first, then this in the recipe's folder")
    tables = {name: read_table(path) for name, path in paths.items()}
    keys = list(tables["clean"])
    parts = [folder / str(number) for number in range(args.nj)]
    lines: dict[Path, dict[str, list[str]]] = {part: {name: [] for name in ("keys", *tables)} for part in parts}
    for part in parts:
        part.mkdir()
    for number in range(args.items):
        key, part = f"{number:05d}", parts[number % args.nj]
        lines[part]["keys"].append(key)
        for name, found in tables.items():
            samples = np.resize(read_audio(found[keys[number % len(keys)]], key), int(args.seconds * RATE))
            soundfile.write(part / f"{name}_{key}.wav", samples, RATE)
            lines[part][name].append(f"{key} {part / f'{name}_{key}.wav'}")
    for part, files in lines.items():
        for name, of_file in files.items():
            (part / name).write_text("".join(f"{line}\n" for line in of_file))
    return parts


def time_part(part: Path, case: str) -> float:
    """Score a part as 'shared' or 'every', write the values beside it, and return the seconds it took."""
    import time

    import torch

    from kdse.data.audio import read_audio
    from kdse.data.datadir import read_table
    from kdse.scoring.quality import no_denormals, quality

    torch.set_num_threads(1)
    shared = case == "shared"
    tables = [read_table(part / name) for name in ("clean", "enhanced", *(() if shared else ("noisy",)))]
    score = _shared if shared else (lambda clean, enhanced, noisy: quality(clean, enhanced, "", noisy)[0][0])
    score(*np.random.default_rng(0).standard_normal((len(tables), 16000)))  # packages are imported at the first call
    started, found = time.perf_counter(), {}
    with no_denormals():
        for key in tables[0]:
            found[key] = score(*(read_audio(table[key], key) / 32768 for table in tables))
    took = time.perf_counter() - started
    (part / f"{case}.json").write_text(json.dumps(found))
    return took


def _shared(clean: np.ndarray, enhanced: np.ndarray) -> dict[str, float]:
    """What ESPnet computes of one speaker: SDR has one reference there."""
    from kdse.scoring import intelligibility, quality, separation

    stoi, estoi = intelligibility.stoi_and_estoi(clean, enhanced)
    [(ratios, _)] = separation.separation(clean, clean, [enhanced])
    found = {"pesq_wb": quality.pesq(clean, enhanced), "stoi": stoi, "estoi": estoi, "si_sdr": quality.si_sdr(clean, enhanced)}
    return found | {"sdr": ratios["sdr"]}


def _together(parts: list[Path], case: str) -> float:
    """Seconds of the slowest of the processes that score the parts at the same time."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if case == "ESPnet":
        commands = [[sys.executable, "-c", ESPNET, *_espnet_words(part)] for part in parts]
    else:
        commands = [[sys.executable, "-m", "kdse.cli", "bench", "score", "--case", case, "--part", str(part)] for part in parts]
    running = [subprocess.Popen(c, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
    ended = [(process.communicate(), process.returncode) for process in running]
    for (_, error), code in ended:
        if code:
            raise UserError(f"{CASES[case][0]}: {error.strip().splitlines()[-1]}")
    return max(float(out.split()[-1]) for (out, _), _ in ended)


def _espnet_words(part: Path) -> list[str]:
    words = [
        "--output_dir",
        part / "espnet",
        "--key_file",
        part / "keys",
        "--ref_scp",
        part / "clean",
        "--inf_scp",
        part / "enhanced",
    ]
    return [str(word) for word in (*words, "--use_pesq", "true", "--dtype", "float64")]


def differences(parts: list[Path]) -> dict[str, float]:
    """The largest difference between ESPnet's values and those of kdse score, for each metric that both have."""
    from kdse.data.datadir import read_table

    gaps = dict.fromkeys(SHARED, 0.0)
    for part in parts:
        ours = json.loads((part / "every.json").read_text())
        for name, theirs in SHARED.items():
            scale = 0.01 if name.endswith("stoi") else 1.0
            for key, value in read_table(part / "espnet" / f"{theirs}_spk1").items():
                if ours[key][name] is not None:
                    gaps[name] = max(gaps[name], abs(scale * float(value) - ours[key][name]))
    return gaps
