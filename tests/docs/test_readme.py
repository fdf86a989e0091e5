"""README's numbers are those of the rendered results, and its Python runs."""

import re
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "egs/an4_noisy/kd1/RESULTS.md").read_text(encoding="utf-8")
COMPARED = (ROOT / "egs/general/kd1/results/compare/librispeech/compare.md").read_text(encoding="utf-8")
# README's words for a front end -> its name in the comparison
SYSTEMS = {
    "none": "noisy",
    "`general`, the packaged student": "general",
    "– without observation adding": "general, mix 0",
    "DeepFilterNet 3 with 40 % of the noisy signal": "DeepFilterNet3, mix 0.4",
    "GTCRN, likewise": "GTCRN, mix 0.4",
    "DeepFilterNet 3": "DeepFilterNet3",
    "no noise (ceiling)": "clean",
}


def tables(text: str) -> list[list[dict[str, str]]]:
    """All tables of a document: a dict a row, by the names of the columns, without bold marks."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = block.replace("**", "").splitlines()
        names, _, *rows = ([cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines)
        names = [name if names.count(name) == 1 else f"{names[i - 1]}, {name}" for i, name in enumerate(names)]
        found.append([dict(zip(names, row, strict=True)) for row in rows])
    return found


def test_table_beside_others_is_that_of_the_comparison():
    words, signals = ({row["front end"]: row for row in of} for of in tables(COMPARED))
    (shown, *_) = tables(README)
    left_out = {"WebRTC NS", "noisereduce", "logmmse"}  # no networks
    assert {SYSTEMS.get(row["front end"], row["front end"]) for row in shown} == words.keys() - left_out
    for row in shown:
        name = SYSTEMS.get(row["front end"], row["front end"])
        of_words, of_signal = list(words[name].values()), signals[name]
        assert list(row.values())[1:5] == of_words[1:5]
        assert [row["SI-SDR dB"], row["RTF"]] == [of_signal["SI-SDR dB"], of_signal["RTF"]]


def test_errors_on_an4_are_those_of_its_results():
    rendered = {row["system"]: row["WER %"] for row in next(of for of in tables(RESULTS) if "front-end parameters" in of[0])}
    words = re.sub(r"\s+", " ", README)
    for system, phrase in (
        ("no front end (mct_noisy)", "{} % of words are wrong without a front end"),
        ("standalone_se (bandcrn-m)", "{} % behind `standalone_se`"),
        ("kd (bandcrn-m)", "{} % behind `kd`"),
    ):
        assert phrase.format(rendered[system].split()[0]) in words


def test_differences_of_an4_are_those_of_its_results():
    paired = next(of for of in tables(RESULTS) if "difference" in of[0])
    rendered = {row["difference"]: row["WER points, by utterance"] for row in paired}
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
