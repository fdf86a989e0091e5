"""The score row's file: complete columns, unique keys, the same bytes for the same rows."""

import gzip
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator

import pytest

from kdse.core.errors import UserError
from kdse.scoring.metrics import SCORES
from kdse.scoring.missing import BY_RULE, NOT_SCORED
from kdse.scoring.row import COLUMNS, PackedRow, check_row, read_rows, write_rows


def a_row(**changes) -> dict:
    row = {
        "corpus": "an4", "set": "test_noisy", "run": "kd_dccrn-s_seed0", "approach": "kd", "seed": 0, "student": "dccrn-s",
        "teacher": "mct_noisy_seed0", "params": 198000, "backend": "mct_noisy_seed0", "decode": "ctc_greedy", "omega": 0.0,
        "utt": "an391-mjwl-b", "speaker": "mjwl", "category": "babble", "noise": "md_crowd", "snr": -5.0,
        "ref": "ENTER TWO", "hyp": "ENTER", "word": [2, 0, 1, 0], "char": [9, 0, 4, 0],
    }  # fmt: skip
    row |= dict.fromkeys(SCORES) | {"pesq_wb": 1.5, "stoi": 0.8, "si_sdr": 3.25} | changes
    return row | {"missing": changes.get("missing", {m: "not computed in this version" for m in SCORES if row[m] is None})}


def test_columns_are_those_of_the_design():
    """The columns in their order, by which committed rows are read."""
    assert " ".join(COLUMNS) == (
        "corpus set run approach seed student teacher params backend decode omega utt speaker category noise snr ref hyp word char "
        "pesq_wb pesq_nb stoi estoi csig cbak covl sdr sir sar si_sdr snr_out ssnr "
        "wada_snr dnsmos_sig dnsmos_bak dnsmos_ovrl dnsmos_p808 token_error_rate missing"
    )


def test_round_trip_in_a_fixed_order_with_the_same_bytes(tmp_path):
    rows = [a_row(utt=u, snr=s) for u in ("b", "a") for s in (5.0, -5.0, None)]
    assert write_rows(tmp_path / "one.jsonl.gz", rows)
    assert write_rows(tmp_path / "two.jsonl.gz", rows[::-1])
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    back = list(read_rows(tmp_path / "one.jsonl.gz"))
    assert [(r["utt"], r["snr"]) for r in back] == [("a", None), ("a", -5.0), ("a", 5.0), ("b", None), ("b", -5.0), ("b", 5.0)]
    assert sorted(map(json.dumps, back)) == sorted(map(json.dumps, [{c: r[c] for c in COLUMNS} for r in rows]))


def test_a_file_with_the_same_rows_is_left_alone(tmp_path):
    path = tmp_path / "run.jsonl.gz"
    write_rows(path, [a_row()])
    repacked = gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1, mtime=12345)
    path.write_bytes(repacked)
    assert not write_rows(path, [a_row()])
    assert path.read_bytes() == repacked
    assert write_rows(path, [a_row(hyp="X")])


@pytest.mark.parametrize("other", ["corpus", "set", "run", "backend", "decode", "utt", "noise"])
def test_a_row_that_differs_in_a_key_column_is_another_row(tmp_path, other):
    write_rows(tmp_path / "x.jsonl.gz", [a_row(), a_row(**{other: "other"}), a_row(omega=0.5), a_row(snr=None)])
    assert len(list(read_rows(tmp_path / "x.jsonl.gz"))) == 4


def test_a_key_twice_is_an_error_and_leaves_no_file(tmp_path):
    with pytest.raises(UserError, match=r"two rows for corpus an4, set test_noisy.*utt an391-mjwl-b"):
        write_rows(tmp_path / "x.jsonl.gz", [a_row(), a_row(hyp="ANOTHER")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stoi": None, "missing": {}}, "reason for exactly the null scores"),
        ({"stoi": float("nan")}, "'stoi' must be a finite number"),
        ({"word": [1, 0, 0]}, "'word' must be"),
        ({"word": [1, 0, -1, 0]}, "'word' must be"),
        ({"omega": None}, "'omega' must be a finite number"),
        ({"seed": "0"}, "'seed' must be a whole number"),
        ({"approach": None}, "'approach' must be text"),
        ({"stio": 0.5}, "no column 'stio' .did you mean 'stoi'"),
    ],
)
def test_a_row_that_is_not_valid_is_named(change, message):
    with pytest.raises(UserError, match=f"here: .*{message}"):
        check_row(a_row(**change), "here")


def test_a_column_that_was_not_scored_then_reads_as_null_with_that_reason(tmp_path):
    """So a metric that is registered later leaves the rows of before as they are."""
    old = a_row()
    del old["ssnr"], old["missing"]["ssnr"]
    path = tmp_path / "x.jsonl.gz"
    assert write_rows(path, [old])
    (row,) = read_rows(path)
    assert row["ssnr"] is None and row["missing"]["ssnr"] == NOT_SCORED in BY_RULE
    assert PackedRow(row, {})["ssnr"] is None and dict(PackedRow(row, {})) == {name: row[name] for name in COLUMNS}
    assert "ssnr" not in gzip.decompress(path.read_bytes()).decode()
    assert not write_rows(path, [row])
    with pytest.raises(UserError, match="here: the column 'word' is missing"):
        check_row({name: value for name, value in old.items() if name != "word"}, "here")


def test_a_missing_column_and_a_damaged_file_are_named(tmp_path):
    row = a_row()
    del row["snr"]
    with pytest.raises(UserError, match="the column 'snr' is missing"):
        check_row(row, "here")
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b'{"corpus": 1}\nnonsense\n'))
    with pytest.raises(UserError, match=r"x.jsonl.gz, line 1: the column 'set' is missing"):
        list(read_rows(tmp_path / "x.jsonl.gz"))
    (tmp_path / "y.jsonl.gz").write_bytes(gzip.compress(b"x" * 100)[:20])
    with pytest.raises(UserError, match="cannot read the score rows"):
        list(read_rows(tmp_path / "y.jsonl.gz"))


def test_a_wrong_byte_is_named_and_written_over(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    write_rows(path, [a_row()])
    whole = path.read_bytes()
    path.write_bytes(whole[:12] + b"\xff" * 20 + whole[32:])
    with pytest.raises(UserError, match=r"cannot read the score rows \S+x\.jsonl\.gz: .*; score the run again"):
        list(read_rows(path))
    assert write_rows(path, [a_row()]) and path.read_bytes() == whole


def many_rows(runs: int = 3, items: int = 700) -> Iterator[dict]:
    """Rows with all scores and 150 letters of reference and hypothesis, made one by one."""
    for run in range(runs):
        for i in range(items):
            scores = {name: (i + place + 0.1234) / 7 for place, name in enumerate(SCORES)}
            texts = {"ref": f"REFERENCE {i:140d}", "hyp": f"HYPOTHESIS {run} {i:137d}"}
            yield a_row(run=f"kd_seed{run}", utt=f"utterance-{i}", snr=float(i % 3), missing={}, **texts, **scores)


def test_a_packed_row_is_the_row():
    for row in (a_row(), a_row(snr=None, noise=None, category=None, seed=None), a_row(pesq_wb=0, word=[70_000, 1, 2, 3])):
        packed = PackedRow(row, {})
        assert dict(packed) == row and json.dumps(dict(packed)["missing"]) == json.dumps(row["missing"])
        assert packed.item == (row["utt"], row["noise"] or "", row["snr"])
        with pytest.raises(KeyError):
            packed["stio"]


def measured(path: str) -> tuple[float, float, float]:
    """Bytes a row: at most while rows are written, kept when they are packed, at most while they are packed."""
    rows, shared = 2100, {}
    tracemalloc.start()
    write_rows(path, many_rows())
    written = tracemalloc.get_traced_memory()[1] / rows
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    packed = [PackedRow(row, shared) for row in read_rows(path)]
    shared.clear()
    kept, peak = ((traced - before) / rows for traced in tracemalloc.get_traced_memory())
    assert len(packed) == rows
    return written, kept, peak


def test_what_a_row_takes_while_it_is_written_and_when_it_is_packed(tmp_path):
    """A dict takes 4,900 bytes. Kept are 200 of the hypothesis, 220 of numbers, about 300 of what three runs share.

    In a process of its own: what else is imported decides when Python's table of interned texts doubles, which would count.
    """
    code = "import json, runpy, sys; print(json.dumps(runpy.run_path(sys.argv[1])['measured'](sys.argv[2])))"
    command = [sys.executable, "-c", code, __file__, str(tmp_path / "x.jsonl.gz")]
    written, kept, peak = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert written < 600 and kept < 900 and peak < 1500, (written, kept, peak)
