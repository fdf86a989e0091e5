"""`kdse score` on a miniature experiment folder: the rows, what is skipped on a rerun, and what a user can get wrong."""

import json
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from kdse import cli
from kdse.core.errors import UserError
from kdse.data.audio import write_ark
from kdse.scoring.row import read_rows
from kdse.scoring.score import score_run

RUN = {
    "run": "kd_dccrn-s_seed0", "approach": "kd", "seed": 0, "student": "dccrn-s", "teacher": "mct_noisy_seed0", "params": 198000,
    "backend": "mct_noisy_seed0", "corpus": "mini", "command": "kdse train kd", "commit": "abc1234", "versions": {},
    "config": {"tau": 1.0},
}  # fmt: skip
ITEMS = [("u1", "hum", -5), ("u1", "hum", 5), ("u2", "babble", 5)]


def signal(seed: int, level: float = 3000) -> np.ndarray:
    t = np.arange(8000) / 16000
    voice = sum(np.sin(2 * np.pi * k * (150 * t + 5 * np.sin(9 * t) + seed)) / k for k in range(1, 20))
    return (level * voice * np.sin(2 * np.pi * 4 * t) ** 2).astype(np.int16)


def table(path, values: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} {value}\n" for key, value in values.items()))


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe folder with dump/test_noisy (3 items), dump/test_clean (2) and an experiment that enhanced and decoded both."""
    monkeypatch.chdir(tmp_path)
    ids = {f"{utt}__{noise}__{snr}dB": (utt, noise, snr) for utt, noise, snr in ITEMS}
    clean = {key: signal(int(utt[1])) for key, (utt, _, _) in ids.items()}
    noise = {key: np.random.default_rng(9).integers(-1500, 1500, 8000, dtype=np.int16) for key in ids}
    noisy = tmp_path / "dump/test_noisy"
    noisy.mkdir(parents=True)
    table(noisy / "wav.scp", write_ark(noisy / "wav.ark", [(k, clean[k] + noise[k]) for k in ids]))
    table(noisy / "spk1.scp", write_ark(noisy / "spk1.ark", clean.items()))
    table(noisy / "text", dict.fromkeys(ids, "enter two, nine"))
    table(noisy / "utt2spk", {k: f"spk{v[0]}" for k, v in ids.items()})
    table(noisy / "utt2orig", {k: v[0] for k, v in ids.items()})
    table(noisy / "utt2noise", {k: v[1] for k, v in ids.items()})
    table(noisy / "utt2snr", {k: v[2] for k, v in ids.items()})
    table(noisy / "utt2category", dict.fromkeys(ids, "machine"))

    plain = tmp_path / "dump/test_clean"
    plain.mkdir()
    scp = write_ark(plain / "wav.ark", [(f"u{i}", signal(i)) for i in (1, 2)])
    for name in ("wav.scp", "spk1.scp"):
        table(plain / name, scp)
    table(plain / "text", {"u1": "YES", "u2": "NO"})
    table(plain / "utt2spk", {"u1": "spku1", "u2": "spku2"})

    run = tmp_path / "exp" / RUN["run"]
    run.mkdir(parents=True)
    (run / "run.yaml").write_text(yaml.safe_dump(RUN))
    for name, samples in (
        ("test_noisy", {k: clean[k] + noise[k] // 4 for k in ids}),
        ("test_clean", {f"u{i}": signal(i) for i in (1, 2)}),
    ):
        folder = run / "enhanced" / name
        folder.mkdir(parents=True)
        table(folder / "wav.scp", write_ark(folder / "wav.ark", samples.items()))
    table(run / "decode/asr/test_noisy/text", dict(zip(ids, ("ENTER TOO NINE", "", "ENTER TWO NINE"), strict=True)))
    (run / "decode/asr/test_noisy/decode.yaml").write_text("decode: ctc_greedy\n")
    table(run / "decode/asr/test_clean/text", {"u1": "YES", "u2": "KNOW"})
    return tmp_path


def run_score(*sets: str, nj: int = 1):
    return list(read_rows(score_run(Path("exp") / RUN["run"], list(sets), Path("dump"), Path("results"), "asr", nj)))


def test_rows_hold_the_item_the_counts_and_the_scores(recipe):
    rows = run_score("test_noisy", "test_clean")
    assert [(r["set"], r["utt"], r["noise"], r["snr"]) for r in rows] == [
        ("test_clean", "u1", None, None), ("test_clean", "u2", None, None),
        ("test_noisy", "u1", "hum", -5.0), ("test_noisy", "u1", "hum", 5.0), ("test_noisy", "u2", "babble", 5.0),
    ]  # fmt: skip
    wrong, empty = rows[2], rows[3]
    assert (wrong["ref"], wrong["hyp"], wrong["word"], wrong["char"]) == (
        "ENTER TWO NINE",
        "ENTER TOO NINE",
        [3, 1, 0, 0],
        [14, 1, 0, 0],
    )
    assert (empty["hyp"], empty["word"], empty["char"]) == ("", [3, 0, 3, 0], [14, 0, 14, 0])
    assert (wrong["speaker"], wrong["category"], wrong["decode"], wrong["omega"]) == ("spku1", "machine", "ctc_greedy", 0.0)
    assert {k: wrong[k] for k in ("run", "approach", "seed", "student", "params", "corpus")} == {
        k: RUN[k] for k in ("run", "approach", "seed", "student", "params", "corpus")
    }
    assert wrong["stoi"] > 0.5 and wrong["sir"] > wrong["snr"]
    assert wrong["missing"]["dnsmos_sig"] == "only for recordings without a clean reference"


def test_the_enhanced_audio_is_scored_and_the_noisy_one_without_a_front_end(recipe):
    enhanced = run_score("test_noisy")
    run = recipe / "exp" / RUN["run"]
    (run / "enhanced").rename(run / "gone")
    with pytest.raises(
        UserError, match=r"enhanced/test_noisy/wav.scp, yet kd_dccrn-s_seed0 has a front end; enhance .* \(stage 7\)"
    ):
        run_score("test_noisy")
    (run / "run.yaml").write_text(yaml.safe_dump(RUN | {"approach": "mct_noisy"}))
    noisy = run_score("test_noisy")
    gain = [a["si_sdr"] - b["si_sdr"] for a, b in zip(enhanced, noisy, strict=True)]
    assert gain == pytest.approx([12.04] * 3, abs=0.1)  # the noise is a quarter: 20·log10(4) dB less


def test_clean_input_without_a_front_end_has_no_si_sdr(recipe):
    rows = run_score("test_clean")
    assert [(r["si_sdr"], r["missing"]["si_sdr"]) for r in rows] == [(None, "estimate equals reference")] * 2
    assert all(r["stoi"] == 1.0 for r in rows)


def test_processes_change_nothing_and_a_rerun_skips(recipe, capsys):
    one = run_score("test_noisy")
    before = (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").stat().st_mtime_ns
    assert run_score("test_noisy") == one
    assert "done before, skipped" in capsys.readouterr().out
    assert (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").stat().st_mtime_ns == before
    (recipe / "exp" / RUN["run"] / "score/test_noisy/.done").unlink()
    assert run_score("test_noisy", nj=2) == one


def test_new_enhanced_audio_is_scored_again_and_new_hypotheses_only_counted_again(recipe, capsys):
    run_score("test_noisy")
    run = recipe / "exp" / RUN["run"]
    hyps = (run / "decode/asr/test_noisy/text").read_text()
    (run / "decode/asr/test_noisy/text").write_text(hyps.replace("TOO", "TWO"))
    assert run_score("test_noisy")[0]["word"] == [3, 0, 0, 0]
    assert "runs again" not in capsys.readouterr().out
    scp = run / "enhanced/test_noisy/wav.scp"
    scp.write_text((recipe / "dump/test_noisy/wav.scp").read_text())
    run_score("test_noisy")
    assert "quality of kd_dccrn-s_seed0 on test_noisy: runs again, because" in capsys.readouterr().out


def test_token_errors_come_from_stage_8_where_it_counted_them(recipe, capsys):
    decoded = recipe / "exp" / RUN["run"] / "decode/asr/test_clean"
    assert [r["missing"]["token_error_rate"] for r in run_score("test_clean")] == ["decoded without acoustic tokens"] * 2
    table(decoded / "token_error_rate", {"u1": "0.2500", "u2": "0.0000"})
    rows = run_score("test_clean")
    assert [r["token_error_rate"] for r in rows] == [0.25, 0.0] and "token_error_rate" not in rows[0]["missing"]
    table(decoded / "token_error_rate", {"u1": "a lot", "u2": "0.0000"})
    assert cli.main(["score", "--backend", "asr", "--run", f"exp/{RUN['run']}", "--sets", "test_clean"]) == 2
    assert "token_error_rate: could not convert string to float: 'a lot'; decode the set again" in capsys.readouterr().err


def test_a_trial_is_one_line_of_the_tuning_log(recipe, capsys):
    """Written again for a run that is tried again; only dev sets count."""
    assert cli.main(["trial", "--backend", "asr", "--run", f"exp/{RUN['run']}", "--set", "test_noisy"]) == 2
    assert "choices are made on dev, not on test_noisy" in capsys.readouterr().err
    (recipe / "dump/test_noisy").rename(recipe / "dump/dev_noisy")
    (recipe / "exp" / RUN["run"] / "decode/asr/test_noisy").rename(recipe / "exp" / RUN["run"] / "decode/asr/dev_noisy")
    for note in ("first", "second"):
        assert cli.main(["trial", "--backend", "asr", "--run", f"exp/{RUN['run']}", "--note", note]) == 0
    (line,) = [json.loads(text) for text in Path("tuning.jsonl").read_text().splitlines()]
    assert (line["run"], line["note"], line["items"], line["wer"]) == (RUN["run"], "second", 3, round(400 / 9, 2))
    assert line["wer_by_snr"] == {"-5 dB": round(100 / 3, 2), "5 dB": 50.0}
    Path("tuning.jsonl").write_text("{}\n")
    assert cli.main(["trial", "--backend", "asr", "--run", f"exp/{RUN['run']}"]) == 2
    assert "tuning.jsonl, line 1, is no line of a tuning log" in capsys.readouterr().err


def test_several_runs_are_scored_one_after_another_each_with_its_own_rows(recipe):
    other = recipe / "exp/kd_dccrn-s_seed1"
    shutil.copytree(recipe / "exp" / RUN["run"], other)
    (other / "run.yaml").write_text(yaml.safe_dump(RUN | {"run": other.name, "seed": 1}))
    assert cli.main(["score", "--backend", "asr", "--run", f"exp/{RUN['run']}", str(other), "--sets", "test_clean"]) == 0
    rows = [list(read_rows(Path("results") / f"{name}.jsonl.gz")) for name in (RUN["run"], other.name)]
    assert [[r["run"] for r in found] for found in rows] == [[RUN["run"]] * 2, [other.name] * 2]
    assert yaml.safe_load(Path(f"results/{other.name}.yaml").read_text())["scoring"]["command"].startswith(
        f"kdse score --run {other} "
    )


def test_the_config_beside_the_rows_says_how_to_make_them_again(recipe):
    assert cli.main(["score", "--backend", "asr", "--run", "exp/kd_dccrn-s_seed0", "--sets", "test_noisy", "test_clean"]) == 0
    path = recipe / "results/kd_dccrn-s_seed0.yaml"
    config = yaml.safe_load(path.read_text())
    assert {k: config[k] for k in RUN} == RUN
    scoring = config["scoring"]
    assert (
        scoring["command"]
        == "kdse score --run exp/kd_dccrn-s_seed0 --backend asr --sets test_noisy test_clean --dump dump --out results"
    )
    assert scoring["versions"]["pesq"] and scoring["versions"]["jiwer"] and "upper case" in scoring["normalisation"]
    assert date.fromisoformat(scoring["date"]) <= date.today()
    assert scoring["decode"] == {"test_noisy": {"decode": "ctc_greedy"}, "test_clean": {}}
    old = {"date": "2026-01-31", "commit": "0ld"}
    path.write_text(yaml.safe_dump(config | {"scoring": scoring | old}))
    run_score("test_noisy", "test_clean")
    kept = yaml.safe_load(path.read_text())["scoring"]
    assert {name: kept[name] for name in old} == old


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("exp/kd_dccrn-s_seed0/decode/asr/test_noisy/text", None, r"decode the set first \(stage 8\)"),
        (
            "exp/kd_dccrn-s_seed0/decode/asr/test_noisy/text",
            lambda t: t.splitlines()[0] + "\n",
            "utterance u1__hum__5dB is missing, and 1 more",
        ),
        ("exp/kd_dccrn-s_seed0/decode/asr/test_noisy/text", lambda t: t + "u9 X\n", "utterance u9 is not in the set"),
        ("exp/kd_dccrn-s_seed0/run.yaml", lambda t: t.replace("approach: kd\n", ""), "run.yaml lacks 'approach'"),
        ("exp/kd_dccrn-s_seed0/run.yaml", None, "run.yaml"),
        ("dump/test_noisy/utt2snr", lambda t: t.replace(" -5", " loud"), "u1__hum__-5dB is 'loud', not a number"),
        ("exp/kd_dccrn-s_seed0/decode/asr/test_noisy/decode.yaml", lambda t: t + "omega: abc\n", "omega is a number .* not 'abc'"),
        ("dump/test_noisy/spk1.scp", None, "spk1.scp"),
        ("dump/test_noisy/wav.ark", None, "wav.ark"),
    ],
)
def test_what_a_user_can_get_wrong_is_one_sentence_and_exit_code_2(recipe, capsys, file, change, message):
    path = recipe / file
    if "wav.ark" in file:
        path = recipe / "exp/kd_dccrn-s_seed0/enhanced/test_noisy/wav.ark"
    path.unlink() if change is None else path.write_text(change(path.read_text()))
    assert cli.main(["score", "--backend", "asr", "--run", "exp/kd_dccrn-s_seed0", "--sets", "test_noisy"]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1
    assert not (recipe / "results").exists()


def test_an_estimate_of_another_length_names_the_utterance(recipe):
    folder = recipe / "exp" / RUN["run"] / "enhanced/test_clean"
    table(folder / "wav.scp", write_ark(folder / "wav.ark", [("u1", signal(1)), ("u2", signal(2)[:-100])]))
    with pytest.raises(UserError, match="utterance u2: the estimate has 7900 samples and the reference 8000 samples"):
        run_score("test_clean")


def test_a_set_that_was_not_made_and_a_wrong_nj(recipe, capsys):
    assert cli.main(["score", "--backend", "asr", "--run", "exp/kd_dccrn-s_seed0", "--sets", "test_real"]) == 2
    assert "dump/test_real" in capsys.readouterr().err
    assert cli.main(["score", "--backend", "asr", "--run", "exp/kd_dccrn-s_seed0", "--sets", "test_noisy", "--nj", "0"]) == 2


def test_a_run_that_was_not_selected_is_scored_on_dev_only(recipe, capsys):
    (recipe / "selected.yaml").write_text("runs: [mct_noisy_seed0]\n")
    command = ["score", "--backend", "asr", "--run", "exp/kd_dccrn-s_seed0", "--selected", "selected.yaml", "--sets", "test_noisy"]
    assert cli.main(command) == 0
    assert "kd_dccrn-s_seed0 is not in selected.yaml: test_noisy left out" in capsys.readouterr().out
    assert not (recipe / "results").exists()
    (recipe / "selected.yaml").write_text("runs: [mct_noisy_seed0, kd_dccrn-s_seed0]\n")
    assert cli.main(command) == 0
    assert (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").exists()


def test_the_package_imports_no_model():
    code = "import sys, kdse.scoring.score, kdse.scoring.quality, kdse.scoring.words, kdse.scoring.significance; "
    code += "print({'torch', 'espnet2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_real_recordings_have_words_and_say_why_they_have_no_quality(recipe):
    """Declared item by item in utt2category; the front end's audio is there, but nothing to compare it with."""
    plain = recipe / "dump/test_clean"
    (plain / "spk1.scp").unlink()
    table(plain / "utt2category", {"u1": "REAL", "u2": "REAL"})
    rows = run_score("test_clean")
    assert [(r["hyp"], r["word"][1], r["category"], r["snr"]) for r in rows] == [
        ("YES", 0, "REAL", None),
        ("KNOW", 1, "REAL", None),
    ]
    for name in ("pesq_wb", "stoi", "si_sdr", "token_error_rate"):
        assert {(r[name], r["missing"][name]) for r in rows} == {(None, "no clean reference")}


@pytest.mark.parametrize("declared", [{}, {"u1": "REAL", "u2": "SIMU"}, {"u1": "machine", "u2": "REAL"}])
def test_a_set_without_references_that_is_not_declared_real_is_refused(recipe, declared):
    plain = recipe / "dump/test_clean"
    (plain / "spk1.scp").unlink()
    if declared:
        table(plain / "utt2category", declared)
    utt = next(utt for utt in ("u1", "u2") if declared.get(utt) != "REAL")
    with pytest.raises(UserError, match=f"test_clean has no spk1.scp, and utterance {utt} is not declared REAL in utt2category"):
        run_score("test_clean")


def test_observation_adding_has_rows_of_its_own(recipe):
    """Words at each ω; quality is that of ω = 0, and what is missing says why."""
    run = recipe / "exp" / RUN["run"]
    keys = [line.split()[0] for line in (run / "decode/asr/test_noisy/text").read_text().splitlines()]
    table(run / "decode/asr/test_noisy@0.2/text", dict.fromkeys(keys, "ENTER TWO NINE"))
    (run / "decode/asr/test_noisy@0.2/decode.yaml").write_text("decode: ctc_greedy\nomega: 0.2\n")
    assert not any(row["omega"] for row in run_score("test_noisy"))
    out = score_run(run, ["test_noisy"], Path("dump"), Path("results"), "asr", omegas=[0.0, 0.2])
    rows = [row for row in read_rows(out) if row["omega"]]
    plain = {(row["utt"], row["snr"]): row["sdr"] for row in read_rows(out) if not row["omega"]}
    assert len(rows) == 3 and all(row["omega"] == 0.2 and row["word"] == [3, 0, 0, 0] for row in rows)
    assert {row["missing"]["pesq_wb"] for row in rows} == {"of observation adding only words, SDR, SIR and SAR are scored"}
    assert all(row["sdr"] is not None and row["sdr"] < plain[row["utt"], row["snr"]] for row in rows)
    with pytest.raises(UserError, match=r"there is no .*test_noisy@0\.3/text; decode the set first"):
        score_run(run, ["test_noisy"], Path("dump"), Path("results"), "asr", omegas=[0.0, 0.3])


def test_scoring_that_was_cut_goes_on_with_the_items_that_are_left(recipe, monkeypatch, capsys):
    from kdse.scoring import quality as module

    scored, whole = [], module.quality

    def cut_at_the_third(reference, estimate, utt, *rest):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(utt)
        return whole(reference, estimate, utt, *rest)

    monkeypatch.setattr(module, "quality", cut_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_score("test_noisy")
    assert len(scored) == 2 and not (recipe / "results").exists()
    kept = recipe / "exp" / RUN["run"] / "score/test_noisy/quality.jsonl"
    kept.write_text(kept.read_text() + '["u9__hum", [[{"pesq')  # killed in the middle of a line
    scored.clear()
    monkeypatch.setattr(module, "quality", lambda *args: scored.append(args[2]) or whole(*args))
    rows = run_score("test_noisy")
    assert len(rows) == 3 and len(scored) == 1
    assert "goes on after 2 of 3 items" in capsys.readouterr().out
    scored.clear()
    assert run_score("test_noisy") == rows and not scored


def test_recordings_without_a_clean_reference_are_scored_by_words_and_blindly(recipe, monkeypatch):
    """Only where utt2category declares them real: a set that lost its spk1.scp is an error (see above)."""
    from kdse.scoring import blind

    monkeypatch.setattr(blind, "dnsmos", lambda _signal: {f"dnsmos_{name}": 3.0 for name in blind.DNSMOS})  # tested by itself
    data = recipe / "dump/test_noisy"
    keys = [line.split()[0] for line in (data / "wav.scp").read_text().splitlines()]
    (data / "spk1.scp").unlink()
    table(data / "utt2category", dict.fromkeys(keys, "REAL"))
    rows = run_score("test_noisy")
    assert [row["word"] for row in rows] and {row["category"] for row in rows} == {"REAL"}
    assert all(row["dnsmos_p808"] == 3.0 and row["wada_snr"] is not None for row in rows)
    assert {row["missing"][name] for row in rows for name in ("pesq_wb", "sdr", "stoi")} == {"no clean reference"}
