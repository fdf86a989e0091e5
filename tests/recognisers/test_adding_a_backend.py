"""The recogniser in docs/adding_a_backend.md is run as it stands there, from decoding to the matrix, so that it stays true."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import yaml

from kdse.cli import main
from kdse.core.step import Step
from kdse.data.audio import write_ark
from kdse.recognisers.registry import RECOGNISERS
from kdse.runs.record import write_run
from kdse.scoring.items import read_hypotheses
from kdse.scoring.row import read_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding_a_backend.md"
KEYS = {"u1__hum__0dB": "SPEECH 2", "u2__hum__0dB": "NOTHING"}


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    """The page's recogniser, registered as the page says; a set of a loud and a silent item, and a front end that halves."""
    text = PAGE.read_text(encoding="utf-8")
    code, line = re.findall(r"```python\n(.*?)```", text, re.S)
    name, target = re.fullmatch(r'\s*"(\w+)": "([\w.:]+)",\s*', line).groups()
    made = types.ModuleType(target.partition(":")[0])
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(code, str(PAGE), "exec"), made.__dict__)
    monkeypatch.setitem(RECOGNISERS, name, target)
    monkeypatch.chdir(tmp_path)
    (yaml_text,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    for config in ("loudness", "deaf"):
        Path(f"{config}.yaml").write_text(yaml_text.replace("-35", "-35" if config == "loudness" else "-1"))
    rng = np.random.default_rng(0)
    noisy = {key: rng.integers(-9000, 9000, 8000, dtype=np.int16) // (1 + 999 * i) for i, key in enumerate(KEYS)}
    clean = {key: rng.integers(-9000, 9000, 8000, dtype=np.int16) for key in KEYS}
    for folder, signals in (("dump/test_noisy", noisy), ("exp/standalone_se_half_seed0/enhanced/test_noisy", noisy)):
        Path(folder).mkdir(parents=True)
        halved = [(key, x // 2 if "half" in folder else x) for key, x in signals.items()]
        table(f"{folder}/wav.scp", write_ark(Path(folder) / "wav.ark", halved))
        Step(folder, {}, "made here").finish()
    table("dump/test_noisy/spk1.scp", write_ark(Path("dump/test_noisy/clean.ark"), clean.items()))
    for file, values in {
        "text": KEYS, "utt2spk": dict.fromkeys(KEYS, "s"), "utt2orig": {key: key[:2] for key in KEYS},
        "utt2noise": dict.fromkeys(KEYS, "hum"), "utt2snr": dict.fromkeys(KEYS, "0"),
    }.items():  # fmt: skip
        table(f"dump/test_noisy/{file}", values)
    about = {"corpus": "tiny", "approach": "standalone_se", "seed": 0, "student": "half", "params": 5, "backend": "asr_home"}
    write_run("exp/standalone_se_half_seed0", {}, **about)
    return tmp_path


def table(path: str, values: dict) -> None:
    Path(path).write_text("".join(f"{key} {value}\n" for key, value in values.items()))


RUNS = ("exp/mct_noisy_seed0", "exp/standalone_se_half_seed0")
SETS = ("--dump", "dump", "--sets", "test_noisy")


def decode(config: str) -> int:
    return main(["decode", "--run", *RUNS, "--config", f"{config}.yaml", "--corpus", "tiny", *SETS])


def score(backend: str, out: str) -> int:
    return main(["score", "--run", *RUNS, "--backend", backend, "--out", out, *SETS])


def test_two_backends_have_rows_in_two_places_and_stand_in_the_matrix(recipe, capsys):
    """Quality, which does not depend on who listens, is computed once."""
    assert decode("deaf") == decode("loudness") == decode("loudness") == 0
    assert capsys.readouterr().out.count("done before, skipped") == len(RUNS)
    for run in RUNS:
        heard = Path(run) / "decode" / "loudness" / "test_noisy"
        assert (heard / "text").read_text().splitlines() == ["u1__hum__0dB SPEECH", "u2__hum__0dB "]
        about = yaml.safe_load((heard / "decode.yaml").read_text())
        assert (about["backend"], about["recogniser"], about["options"]["threshold"]) == ("loudness", "loudness", -35)
    assert score("deaf", "results") == 0
    assert "done before, skipped" not in capsys.readouterr().out
    assert score("loudness", "results/backends/loudness") == 0
    said = capsys.readouterr().out
    assert said.count("test_noisy: done before, skipped") == len(RUNS) and "quality of" in said and "runs again" not in said
    for folder, backend, errors in (("results", "deaf", [2, 1]), ("results/backends/loudness", "loudness", [1, 1])):
        rows = list(read_rows(f"{folder}/standalone_se_half_seed0.jsonl.gz"))
        assert {(row["backend"], row["decode"]) for row in rows} == {(backend, "threshold")}
        assert [sum(row["word"][1:]) for row in rows] == errors
    assert "digit by digit" in yaml.safe_load(Path("results/mct_noisy_seed0.yaml").read_text())["scoring"]["normalisation"]
    assert main(["report", "--publish", "--backend", "loudness"]) == 0
    home, other = Path("RESULTS.md").read_text(), Path("results/backends/loudness/RESULTS.md").read_text()
    assert "## Backends: what transfers" in home and "| deaf: WER % | to no front end | loudness: WER % |" in home
    assert "## Backends" not in other and other.startswith("# Results on tiny, recognised by loudness\n")
    assert (
        "100.0" in home.partition("## Backends")[2].splitlines()[4] and "66.7" in home.partition("## Backends")[2].splitlines()[4]
    )


def test_words_are_compared_as_spoken(recipe):
    """The reference has a 2, as this recogniser might; it is read as TWO in hypotheses of recognisers from elsewhere alone."""
    assert decode("loudness") == 0
    heard = Path("exp/mct_noisy_seed0/decode/loudness/test_noisy")
    (heard / "text").write_text("u1__hum__0dB Speech, 2!\nu2__hum__0dB\n")
    assert read_hypotheses(heard) == {"u1__hum__0dB": "SPEECH TWO", "u2__hum__0dB": ""}
    for other, words in (("YES", "SPCH TWO"), ("yes", "S P C H TWO")):  # capitals mean something where there are others
        (heard / "text").write_text(f"u1__hum__0dB SPCH 2\nu2__hum__0dB {other}\n")
        assert read_hypotheses(heard)["u1__hum__0dB"] == words
    (heard / "text").write_text("u1__hum__0dB Speech, 2!\nu2__hum__0dB\n")
    about = yaml.safe_load((heard / "decode.yaml").read_text())
    (heard / "decode.yaml").write_text(yaml.safe_dump({k: v for k, v in about.items() if k != "recogniser"}))
    assert read_hypotheses(heard)["u1__hum__0dB"] == "SPEECH 2"


def test_a_mistake_in_its_yaml_is_one_sentence(recipe, capsys):
    Path("loudness.yaml").write_text("recogniser: loudness\nthreshold: 3\n")
    assert decode("loudness") == 2
    assert capsys.readouterr().err == "kdse decode: loudness.yaml: threshold is 0 dB or less, not 3\n"
