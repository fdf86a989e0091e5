"""The registry of metrics: its entries work, and one more is one entry and one function."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

import kdse.scoring.metrics
from kdse.scoring.metrics import COUNTS, FROM_AUDIO, METRICS, SCORES, group

MINI = Path(__file__).parents[2] / "egs/mini/kd1/results"

FUNCTIONS = '''
import numpy as np

def crest(reference, estimate):
    """Level of the estimate's peak over its mean, dB."""
    return 20 * float(np.log10(np.abs(estimate).max() / np.sqrt((estimate**2).mean())))

def sentence_errors(ref, hyp):
    return [1, int(ref != hyp), 0, 0]
'''
ENTRIES = """
        Metric("crest", "crest dB", 1, code="made_up:crest"),
        Metric("ser", "SER %", 1, True, 100.0, "sentence", (), code="made_up:sentence_errors", takes=TEXT),
"""
WITH_THEM = """
import importlib.util, json, sys
from pathlib import Path
import kdse.scoring

spec = importlib.util.spec_from_file_location("kdse.scoring.metrics", "metrics.py")
kdse.scoring.metrics = sys.modules["kdse.scoring.metrics"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kdse.scoring.metrics)
from kdse.scoring.row import PackedRow, read_rows, write_rows
from kdse.scoring.score import score_run

old = list(read_rows("old.jsonl.gz"))
packed = PackedRow(old[0], {})
changed = write_rows("old.jsonl.gz", old)
new = list(read_rows(score_run(Path("exp/kd_dccrn-s_seed0"), ["test_noisy"], Path("dump"), Path("results"), "asr")))
shown = [[[row[name], row["missing"].get(name)] for name in ("crest", "sentence")] for row in (old[0], packed, new[0])]
print(json.dumps([changed, shown, [m.name for m in kdse.scoring.metrics.group("quality")][-1]]))
"""


def test_every_function_is_there_and_says_what_it_computes():
    for metric in METRICS.values():
        if metric.code:
            assert metric.function.__doc__, metric.name
    assert {metric.name for metric in METRICS.values() if not metric.code} == {"token_error_rate"}  # stage 8 counts them


def test_columns_and_tables_come_from_the_list():
    assert {*COUNTS, *SCORES} == {metric.column for metric in METRICS.values()}
    assert {*FROM_AUDIO} == {*SCORES} - {"token_error_rate"}
    assert [metric.name for metric in group("main")] == ["pesq_wb", "stoi", "si_sdr", "token_error_rate"]


def test_a_new_metric_is_one_entry_and_one_function(recipe):
    """Rows of before stay valid, to the byte, and say that it was not scored then; new rows have it."""
    source = Path(kdse.scoring.metrics.__file__).read_text(encoding="utf-8")
    end = source.index("    )\n}\n")
    (recipe / "metrics.py").write_text(source[:end] + ENTRIES + source[end:], encoding="utf-8")
    (recipe / "made_up.py").write_text(FUNCTIONS)
    committed = sorted(MINI.glob("*.jsonl.gz"))[0].read_bytes()
    (recipe / "old.jsonl.gz").write_bytes(committed)
    (recipe / "with_them.py").write_text(WITH_THEM)
    done = subprocess.run([sys.executable, "with_them.py"], cwd=recipe, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    changed, (old, packed, new), last = json.loads(done.stdout.splitlines()[-1])
    assert old == packed == [[None, "not scored then"]] * 2
    assert not changed and (recipe / "old.jsonl.gz").read_bytes() == committed
    (crest, no_reason), sentence = new
    assert crest > 3 and no_reason is None and sentence == [[1, 1, 0, 0], None]
    assert last == "crest"
    row = json.loads(gzip.decompress((recipe / "results/kd_dccrn-s_seed0.jsonl.gz").read_bytes()).splitlines()[0])
    columns = list(row)
    assert columns.index("sentence") == columns.index("char") + 1 and columns[-2:] == ["crest", "missing"]


@pytest.mark.parametrize("takes", ["reference", "mixture", "estimate", "recording", "text"])
def test_each_kind_of_function_is_used(takes):
    assert any(metric.takes == takes for metric in METRICS.values() if metric.code)
