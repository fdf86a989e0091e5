"""`kdse score` on a miniature experiment folder: the rows, and what a user can get wrong."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kdse import cli
from kdse.core.errors import UserError
from kdse.scoring.row import read_rows


def test_rows_hold_the_item_the_counts_and_the_scores(recipe, score, about):
    rows = score("test_noisy", "test_clean")
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
        k: about[k] for k in ("run", "approach", "seed", "student", "params", "corpus")
    }
    assert wrong["stoi"] > 0.5 and wrong["sir"] > wrong["snr"]
    assert wrong["missing"]["dnsmos_sig"] == "only for recordings without a clean reference"


def test_the_enhanced_audio_is_scored_and_the_noisy_one_without_a_front_end(recipe, score, about):
    enhanced = score("test_noisy")
    run = recipe / "exp" / about["run"]
    (run / "enhanced").rename(run / "gone")
    with pytest.raises(
        UserError, match=r"enhanced/test_noisy/wav.scp, yet kd_dccrn-s_seed0 has a front end; enhance .* \(stage 7\)"
    ):
        score("test_noisy")
    (run / "run.yaml").write_text(yaml.safe_dump(about | {"approach": "mct_noisy"}))
    noisy = score("test_noisy")
    gain = [a["si_sdr"] - b["si_sdr"] for a, b in zip(enhanced, noisy, strict=True)]
    assert gain == pytest.approx([12.04] * 3, abs=0.1)  # the noise is a quarter: 20·log10(4) dB less


def test_clean_input_without_a_front_end_has_no_si_sdr(recipe, score):
    rows = score("test_clean")
    assert [(r["si_sdr"], r["missing"]["si_sdr"]) for r in rows] == [(None, "estimate equals reference")] * 2
    assert all(r["stoi"] == 1.0 for r in rows)


def test_several_runs_are_scored_one_after_another_each_with_its_own_rows(recipe, about):
    other = recipe / "exp/kd_dccrn-s_seed1"
    shutil.copytree(recipe / "exp" / about["run"], other)
    (other / "run.yaml").write_text(yaml.safe_dump(about | {"run": other.name, "seed": 1}))
    assert cli.main(["score", "--backend", "asr", "--run", f"exp/{about['run']}", str(other), "--sets", "test_clean"]) == 0
    rows = [list(read_rows(Path("results") / f"{name}.jsonl.gz")) for name in (about["run"], other.name)]
    assert [[r["run"] for r in of_run] for of_run in rows] == [[about["run"]] * 2, [other.name] * 2]
    assert yaml.safe_load(Path(f"results/{other.name}.yaml").read_text())["scoring"]["command"].startswith(
        f"kdse score --run {other} "
    )


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


def test_observation_adding_has_rows_of_its_own(recipe, score, write_table, about):
    """Words at each ω; quality is that of ω = 0, and what is missing says why."""
    run = recipe / "exp" / about["run"]
    keys = [line.split()[0] for line in (run / "decode/asr/test_noisy/text").read_text().splitlines()]
    write_table(run / "decode/asr/test_noisy@0.2/text", dict.fromkeys(keys, "ENTER TWO NINE"))
    (run / "decode/asr/test_noisy@0.2/decode.yaml").write_text("decode: ctc_greedy\nomega: 0.2\n")
    assert not any(row["omega"] for row in score("test_noisy"))
    rows_of_both = score("test_noisy", omegas=[0.0, 0.2])
    rows = [row for row in rows_of_both if row["omega"]]
    plain = {(row["utt"], row["snr"]): row["sdr"] for row in rows_of_both if not row["omega"]}
    assert len(rows) == 3 and all(row["omega"] == 0.2 and row["word"] == [3, 0, 0, 0] for row in rows)
    assert {row["missing"]["pesq_wb"] for row in rows} == {"of observation adding only words, SDR, SIR and SAR are scored"}
    assert all(row["sdr"] is not None and row["sdr"] < plain[row["utt"], row["snr"]] for row in rows)
    with pytest.raises(UserError, match=r"there is no .*test_noisy@0\.3/text; decode the set first"):
        score("test_noisy", omegas=[0.0, 0.3])


def test_recordings_without_a_clean_reference_are_scored_by_words_and_blindly(recipe, monkeypatch, score, write_table):
    """Only where utt2category declares them real: a set that lost its spk1.scp is an error (see above)."""
    from kdse.scoring import blind

    monkeypatch.setattr(blind, "dnsmos", lambda _signal: {f"dnsmos_{name}": 3.0 for name in blind.DNSMOS})  # tested by itself
    data = recipe / "dump/test_noisy"
    keys = [line.split()[0] for line in (data / "wav.scp").read_text().splitlines()]
    (data / "spk1.scp").unlink()
    write_table(data / "utt2category", dict.fromkeys(keys, "REAL"))
    rows = score("test_noisy")
    assert [row["word"] for row in rows] and {row["category"] for row in rows} == {"REAL"}
    assert all(row["dnsmos_p808"] == 3.0 and row["wada_snr"] is not None for row in rows)
    assert {row["missing"][name] for row in rows for name in ("pesq_wb", "sdr", "stoi")} == {"no clean reference"}
