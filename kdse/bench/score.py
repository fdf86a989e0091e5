"""`kdse bench score`: our scoring beside ESPnet's enh_scoring, on the same audio with the same number of processes."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

from kdse.bench.harness import Case, Spent, check_positive, clock, measure_together
from kdse.core.errors import UserError
from kdse.data.audio import FULL_SCALE, RATE, read_audio
from kdse.data.datadir import read_table
from kdse.scoring import intelligibility, separation
from kdse.scoring.perceptual import no_denormals, pesq
from kdse.scoring.quality import quality
from kdse.scoring.ratios import si_sdr

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
"""ESPnet's program in a process of its own, without kdse; what it takes to import ESPnet is not counted."""


def run(*, data: Path, folder: Path, items: int, seconds: float, nj: int) -> None:
    """Time the three in turn, print their table and how far their values differ.

    Args:
        data: a fixed set.
        folder: the run that enhanced it.
        items: to score, from the set's first on, and again from there where it has fewer.
        seconds: length of each.
        nj: processes.
    """
    check_positive(items=items, nj=nj)
    if seconds < 0.5:
        raise UserError(f"--seconds must be 0.5 or more, not {seconds:g}: PESQ and STOI need speech")
    with tempfile.TemporaryDirectory() as scratch:
        parts = write_parts(Path(scratch), data=data, run=folder, items=items, seconds=seconds, nj=nj)
        took = {name: max(measure_together([_case(part, name) for part in parts])) for name in CASES}
        gaps = differences(parts)
    print(table(took, items=items, seconds=seconds, nj=nj))
    print("largest difference: " + ", ".join(f"{name} {gap:.2g}" for name, gap in gaps.items()))


def _case(part: Path, name: str) -> Case:
    """The scoring of one part in one of the ways; its result is the seconds it took."""
    label = CASES[name][0]
    if name != "ESPnet":
        return Case.of(label, "kdse.bench.score:time_part", part=part, name=name)
    files = {"--output_dir": "espnet", "--key_file": "keys", "--ref_scp": "clean", "--inf_scp": "enhanced"}
    words = [word for option, file in files.items() for word in (option, str(part / file))]
    return Case(label, (sys.executable, "-c", ESPNET, *words, "--use_pesq", "true", "--dtype", "float64"))


def table(took: dict[str, float], *, items: int, seconds: float, nj: int) -> str:
    """Seconds, items a second, and the ratio to ESPnet's.

    Args:
        took: seconds of each of `CASES`; the others as in `run`.
    """
    lines = [f"{items} items of {seconds:g} s, {nj} process(es) of one thread each, start-up not counted"]
    lines.append(f"{'':22} {'s':>7} {'items/s':>8} {'ratio':>6}  metrics")
    for name, (label, metrics) in CASES.items():
        lines.append(f"{label:22} {took[name]:7.1f} {items / took[name]:8.1f} {took['ESPnet'] / took[name]:6.2f}  {metrics}")
    return "\n".join(lines)


def write_parts(folder: Path, *, data: Path, run: Path, items: int, seconds: float, nj: int) -> list[Path]:
    """Write a folder for each process, with keys and lists of clean, enhanced and noisy WAV files of the wanted length."""
    lists = {"clean": data / "spk1.scp", "enhanced": run / "enhanced" / data.name / "wav.scp", "noisy": data / "wav.scp"}
    for path in lists.values():
        if not path.exists():
            raise UserError(f"there is no {path}; run the recipe's stages 2 to 7 first, then this in the recipe's folder")
    tables = {name: read_table(path) for name, path in lists.items()}
    utterances = list(tables["clean"])
    parts = [folder / str(number) for number in range(nj)]
    lines: dict[Path, dict[str, list[str]]] = {part: {name: [] for name in ("keys", *tables)} for part in parts}
    for part in parts:
        part.mkdir()
    for number in range(items):
        key, part, utt = f"{number:05d}", parts[number % nj], utterances[number % len(utterances)]
        lines[part]["keys"].append(key)
        for name, sources in tables.items():
            wav = part / f"{name}_{key}.wav"
            soundfile.write(wav, np.resize(read_audio(sources[utt], key), int(seconds * RATE)), RATE)
            lines[part][name].append(f"{key} {wav}")
    for part, files in lines.items():
        for name, of_file in files.items():
            (part / name).write_text("".join(f"{line}\n" for line in of_file))
    return parts


def time_part(part: Path | str, name: str) -> float:
    """Score a part as "shared" or "every", write the values beside it, and return the seconds it took."""
    torch.set_num_threads(1)
    part, score = Path(part), {"shared": _shared, "every": _every}[name]
    signals = ("clean", "enhanced", "noisy") if name == "every" else ("clean", "enhanced")
    tables = [read_table(part / signal) for signal in signals]
    score(*np.random.default_rng(0).standard_normal((len(tables), RATE)))  # packages are imported at the first call
    spent, values = Spent(), {}
    with clock(spent), no_denormals():
        for key in tables[0]:
            values[key] = score(*(read_audio(table[key], key) / FULL_SCALE for table in tables))
    (part / f"{name}.json").write_text(json.dumps(values))
    return spent.wall


def _every(clean: np.ndarray, enhanced: np.ndarray, noisy: np.ndarray) -> dict[str, float | None]:
    """What `kdse score` computes."""
    return quality(clean, enhanced, "", noisy)[0][0]


def _shared(clean: np.ndarray, enhanced: np.ndarray) -> dict[str, float]:
    """What ESPnet computes of one speaker: SDR has one reference there."""
    stoi, estoi = intelligibility.stoi_and_estoi(clean, enhanced)
    [(ratios, _)] = separation.separation(clean, clean, [enhanced])
    return {
        "pesq_wb": pesq(clean, enhanced),
        "stoi": stoi,
        "estoi": estoi,
        "si_sdr": si_sdr(clean, enhanced),
        "sdr": ratios["sdr"],
    }


def differences(parts: list[Path]) -> dict[str, float]:
    """The largest difference between ESPnet's values and those of kdse score, for each metric that both have."""
    gaps = dict.fromkeys(SHARED, 0.0)
    for part in parts:
        ours = json.loads((part / "every.json").read_text())
        for name, theirs in SHARED.items():
            scale = 0.01 if name.endswith("stoi") else 1.0
            for key, value in read_table(part / "espnet" / f"{theirs}_spk1").items():
                if ours[key][name] is not None:
                    gaps[name] = max(gaps[name], abs(scale * float(value) - ours[key][name]))
    return gaps
