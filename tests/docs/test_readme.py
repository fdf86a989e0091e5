"""README's numbers are those of the rendered results, and its Python runs."""

import re
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "egs/an4_noisy/kd1/RESULTS.md").read_text(encoding="utf-8")
# README's words for a system -> the system in the main table of RESULTS.md
SYSTEMS = {
    "none (": "no front end (mct_noisy)",
    "`standalone_se`": "standalone_se (bandcrn-m)",
    "`kd`": "kd (bandcrn-m)",
    "none, and no noise": "clean input, no front end (ceiling)",
}


def table(text: str, heading: str) -> list[dict[str, str]]:
    """The first table under a heading: a dict a row, by the names of the columns, without bold marks."""
    lines = text[text.index(f"\n{heading}\n") :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    end = next(i for i, line in enumerate(lines) if i > start and not line.startswith("|"))
    names, _, *rows = ([cell.strip() for cell in line.replace("**", "").strip("| ").split(" | ")] for line in lines[start:end])
    return [dict(zip(names, row)) for row in rows]


def test_table_of_an4_is_that_of_its_results():
    rendered = {row["system"]: row for row in table(RESULTS, "## Noisy test speech")}
    rows = table(README, "## What it brings")
    assert len(rows) == len(SYSTEMS)
    for row, (words, system) in zip(rows, SYSTEMS.items()):
        assert row["front end"].startswith(words)
        expected = rendered[system]
        assert row["parameters"] == expected["front-end parameters"]
        assert row["seeds"] == expected["seeds"]
        assert row["word errors % [95 % interval]"] == expected["WER %"]


def test_differences_of_an4_are_those_of_its_results():
    rendered = {row["difference"]: row["WER points, by utterance"] for row in table(RESULTS, "## Paired differences")}
    words = re.sub(r"\s+", " ", README)
    for other, phrase in (
        ("standalone_se (bandcrn-m)", "{} points fewer errors than `standalone_se` (95 % interval {} to {})"),
        ("no front end (mct_noisy)", "{} fewer than no front end ({} to {})"),
    ):
        value, low, high = re.findall(r"[-+]([\d.]+)", rendered[f"kd (bandcrn-m) − {other}"])
        assert phrase.format(value, high, low) in words


def test_python_of_the_readme_enhances_a_recording(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("noisy.wav", 0.1 * np.random.default_rng(0).standard_normal((44100, 2)), 44100)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(code, names)
    assert names["clean"].shape == (44100, 2) and np.isfinite(names["clean"]).all()


def test_espnet_runs_a_run_as_it_is(standalone, noisy_set, tmp_path, monkeypatch):
    """The code of docs/packing.md runs as it stands, but for the folder of the run."""
    packing = (ROOT / "docs/packing.md").read_text(encoding="utf-8").partition("## A run as it is")[2]
    (code,) = re.findall(r"```python\n(.*?)```", packing, re.DOTALL)
    run = re.search(r'^run = "(.+)"$', code, re.MULTILINE)[1]
    wav = Path((noisy_set / "wav.scp").read_text(encoding="utf-8").split()[1])
    monkeypatch.chdir(tmp_path)
    Path("noisy.wav").write_bytes(wav.read_bytes())
    exec(code.replace(run, str(standalone[0] / "enh")), {})
    noisy, enhanced = (soundfile.info(name) for name in ("noisy.wav", "clean.wav"))
    assert enhanced.frames == noisy.frames and enhanced.samplerate == 16000 and run.endswith("_seed0/enh")
