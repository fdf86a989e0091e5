"""`kdse compare` as a user calls it: tables from rows, nothing done twice, and what fails is said while the rest goes on."""

import csv
import json
import sys
import time
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import soundfile
import yaml

from kdse.cli import main
from kdse.core.atomic import locked
from kdse.core.errors import UserError
from kdse.scoring.metrics import FROM_AUDIO
from kdse.scoring.missing import NO_REFERENCE
from kdse.scoring.row import read_rows

HALF = """import sys, soundfile
x, rate = soundfile.read(sys.argv[1])
soundfile.write(sys.argv[2], float(sys.argv[3]) * x, rate)
"""
LISTEN = """import sys, soundfile
print("heard", file=open({calls!r}, "a"))
words = {{1.0: "one 2", 1.5: "three", 2.0: "four five six"}}
for path in open(sys.argv[1]).read().split():
    x, rate = soundfile.read(path)
    loud = x.std() > 0.02
    print(path, words[len(x) / rate] if loud else "four")
"""
"""Right where speech is as loud as it was; two of six words wrong or missing where it is half as loud, and more."""


@pytest.fixture
def call(mine, tmp_path, monkeypatch, capsys):
    """Runs kdse compare on `mine` with a command and a recogniser of ours; returns exit code and standard output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text(HALF)
    (tmp_path / "listen.py").write_text(LISTEN.format(calls=str(tmp_path / "calls")))
    config = {"recogniser": "command", "command": [sys.executable, "listen.py"]}
    (tmp_path / "ears.yaml").write_text(yaml.safe_dump(config))

    def run(*more: str, half: str = "0.5") -> tuple[int, str]:
        command = f"half={sys.executable} half.py {{in}} {{out}} {half}"
        code = main(["compare", "mine", "--enhancers", "--command", command, *more])
        done = capsys.readouterr()
        return code, done.out + done.err

    return run


@pytest.fixture
def cheap(monkeypatch):
    """Scores in no time, for tests of what is done when."""

    def score(work):
        known = [name for name in FROM_AUDIO if work.clean or name.startswith("dnsmos")]
        missing = {name: NO_REFERENCE for name in FROM_AUDIO if name not in known}
        return dict.fromkeys(FROM_AUDIO) | dict.fromkeys(known, 2.5), missing

    monkeypatch.setattr("kdse.compare.quality._score", score)


@pytest.fixture
def rows():
    return lambda out: list(read_rows(Path(out) / "rows.jsonl.gz"))


def test_a_comparison(call, rows, tmp_path):
    code, said = call("--recognisers", "ears.yaml")
    out = Path("compare/mine")
    assert code == 0, said
    by = {row["run"]: [r for r in rows(out) if r["run"] == row["run"]] for row in rows(out)}
    assert by.keys() == {"noisy", "clean", "general", "half"} and all(len(of) == 3 for of in by.values())
    errors = {run: sum(sum(row["word"][1:]) for row in of) for run, of in by.items()}
    assert errors["noisy"] == 0 and errors["half"] == 5  # FOUR for ONE TWO, THREE and FOUR FIVE SIX: 2 + 1 + 2
    assert {row["ref"] for row in by["noisy"]} == {"ONE TWO", "THREE", "FOUR FIVE SIX"}
    one = by["half"][0]
    assert one["dnsmos_bak"] > 1 and one["stoi"] > 0.3 and one["backend"] == "ears" and one["approach"] == "command"
    # scale-invariant, so it is that of the noisy signal
    noisy = {row["utt"]: row["si_sdr"] for row in by["noisy"]}
    assert all(row["si_sdr"] == pytest.approx(noisy[row["utt"]], abs=0.02) for row in by["half"])
    table = {row["system"]: row for row in csv.DictReader((out / "compare.csv").open())}
    assert list(table) == ["noisy", "general", "half", "clean"]
    assert float(table["half"]["wer_ears"]) == pytest.approx(100 * 5 / 6, abs=1e-3)
    assert float(table["half"]["change_ears"]) == pytest.approx(100 * 5 / 6, abs=1e-3)
    assert table["noisy"]["change_ears"] == "" and float(table["general"]["delay_ms"]) == 0
    assert float(table["half"]["change_ears_low"]) > 0
    assert "| half | 83.3 | +83.3 [" in (out / "compare.md").read_text()
    assert (out / "compare.png").read_bytes()[:4] == b"\x89PNG"
    assert "WER %, ears" in said and "3 recordings of mine, 0.1 min" in said


def test_observation_adding_of_others_comes_after_alignment(call, cheap):
    """With mix 1 nothing but the input is left, at a rate and a delay of its own, too; with a half, the mean of both."""
    code, said = call("--enhancers", *(f"log-mmse (kdse){mix}" for mix in (",mix=1", ",mix=0.5", "")), "--recognisers", "ears.yaml")
    assert code == 0, said
    names = ("noisy", "log-MMSE_kdse", "log-MMSE_kdse_mix_1", "log-MMSE_kdse_mix_0.5")
    noisy, bare, input_alone, half = (soundfile.read(f"compare/mine/audio/{name}/a.flac")[0] for name in names)
    np.testing.assert_array_equal(input_alone, noisy)
    np.testing.assert_allclose(half, (noisy + bare) / 2, rtol=0, atol=1 / 32768)
    assert np.abs(noisy - bare).max() > 0.01
    assert "log-MMSE (kdse), mix 0.5" in Path("compare/mine/compare.md").read_text()


def test_nothing_is_done_twice_and_all_is_rendered_from_rows(call, tmp_path, capsys, cheap):
    call("--recognisers", "ears.yaml")
    out, calls = Path("compare/mine"), tmp_path / "calls"
    files = {name: (out / name).read_bytes() for name in ("compare.csv", "compare.png", "rows.jsonl.gz")}
    heard = len(calls.read_text().splitlines())
    code, said = call("--recognisers", "ears.yaml")
    assert code == 0 and said.count("done before, skipped") == 4 + 2 and said.count("scored before, skipped") == 4
    assert len(calls.read_text().splitlines()) == heard
    for name in ("compare.csv", "compare.md", "compare.png"):
        (out / name).unlink()
    for folder in ("audio", "work", "words"):
        (out / folder).rename(tmp_path / folder)
    assert main(["compare", "--render", str(out)]) == 0
    assert {name: (out / name).read_bytes() for name in files} == files


def test_another_command_is_heard_and_scored_again_and_nothing_else(call, rows, tmp_path, cheap):
    call("--recognisers", "ears.yaml")
    heard = len((tmp_path / "calls").read_text().splitlines())
    code, said = call("--recognisers", "ears.yaml", half="1")
    assert code == 0 and "half: done again, because command changed" in said
    assert len((tmp_path / "calls").read_text().splitlines()) == heard + 1
    assert {tuple(row["word"][1:]) for row in rows("compare/mine") if row["run"] == "half"} == {(0, 0, 0)}


def test_dnsmos_can_be_left_out_and_had_later(call, rows):
    code, said = call("--no_dnsmos")
    first = [row for row in rows("compare/mine") if row["run"] != "clean"]
    assert code == 0 and "STOI" in said and "BAK" not in said
    assert all(row["stoi"] and row["dnsmos_bak"] is None and row["missing"]["dnsmos_bak"] for row in first)
    code, said = call()
    assert code == 0 and "BAK" in said and all(row["dnsmos_bak"] > 1 for row in rows("compare/mine"))


def test_without_a_text_and_clean_speech(call, rows, mine, cheap):
    """DNSMOS, time and delay are left."""
    (mine / "text").unlink()
    for path in (mine / "clean").iterdir():
        path.unlink()
    (mine / "clean").rmdir()
    code, said = call()
    assert code == 0 and "WER" not in said and "DNSMOS BAK" in said and "PESQ" not in said
    found = rows("compare/mine")
    assert {row["backend"] for row in found} == {"none"} and all(row["missing"]["stoi"] for row in found)
    assert not Path("compare/mine/compare.png").exists()
    code, said = call("--recognisers", "ears.yaml")
    assert code == 2 and "mine has no text, so there are no words to compare with: add mine/text" in said


def test_what_fails_is_left_out_and_said(call, rows, cheap):
    code, said = call("--command", f"bad={sys.executable} -c exit(3) {{in}} {{out}}", "--recognisers", "ears.yaml")
    assert code == 2 and said.count("bad is left out: bad, mine/noisy/") == 2 and "exit code 3" in said
    assert {row["run"] for row in rows("compare/mine")} == {"noisy", "clean", "general", "half"}
    assert any("bad is left out" in note for note in json.loads(Path("compare/mine/compare.json").read_text())["notes"])


def test_a_recogniser_that_cannot_listen_is_known_before_the_work(call):
    Path("listen.py").write_text("raise SystemExit('no model')")
    code, said = call("--recognisers", "ears.yaml")
    assert code == 2 and "no model" in said
    assert not Path("compare/mine/audio/kd").exists()


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "name a folder of recordings"),
        (["mine", "--render", "x"], "name a folder of recordings"),
        (["--render", "nowhere"], "nowhere holds no comparison"),
        (["nowhere"], "there is no folder nowhere"),
        (["mine", "--model", "kd3"], "there is no model 'kd3'"),
        (["mine", "--floor", "3"], "the floor is a gain in dB, 0 or less, not 3"),
        (["mine", "--command", "x"], "--command is 'NAME="),
        (["mine", "--enhancers", "x"], "there is no enhancer 'x'"),
        (["mine", "--recognisers", "x"], "there is no recogniser 'x'"),
    ],
)
def test_mistakes_are_one_sentence(mine, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("kdse compare: ") and message in said and said.count("\n") == 1
    assert not (tmp_path / "compare").exists()


def test_a_place_where_nothing_can_be_written(call, cheap):
    Path("taken").touch()
    code, said = call("--out", "taken")
    assert code == 2 and said.splitlines()[-1] == "kdse compare: cannot write to taken: File exists"


def test_two_at_once_do_not_spoil_each_other(call, cheap, monkeypatch):
    """The second one waits until the first one has left the folder."""
    order, holds = [], Event()

    def work(*_):
        order.append("second at work")
        raise UserError("enough")

    def first():
        with locked("compare/mine"):
            holds.set()
            time.sleep(1)
            order.append("first left")

    monkeypatch.setattr("kdse.compare.compare.enhance", work)
    Path("compare/mine").mkdir(parents=True)
    thread = Thread(target=first)
    thread.start()
    holds.wait()
    assert call()[0] == 2
    thread.join()
    assert order == ["first left", "second at work"]
