"""The table of costs and the claims: what they say of made-up measurements, and what they say without any."""

import pytest

from kdse.core.errors import UserError
from kdse.report.claims import claims
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.files import render_files
from kdse.report.render.sections import sections
from kdse.report.tables.cost import cost_table
from kdse.report.tables.differences import difference_table
from kdse.runs.costs import FIELDS, write_cost


def cost(run: str, student: str, params: int, **values) -> dict:
    line = dict.fromkeys(FIELDS) | {"run": run, "approach": "kd", "student": student, "params": params, "bytes": 4 * params}
    line |= {"macs_per_s": 10_000_000, "macs_per_s_by_layer": 10_010_000, "rtf_median": 0.01, "rtf_p99": 0.012, "repeats": 100}
    line |= {"core_s_per_hour": 36.0, "hop_ms": 16.0, "step_ms_median": 2.0, "step_ms_p99": 3.0, "latency_ms": 32.0, "audio_s": 10}
    return (
        line
        | {"peak_mb": 800.0, "torch_mb": 500.0, "enhancing_mb": 40.0, "threads": 1, "cpu": "a processor", "torch": "2"}
        | values
    )


def measured(recipe, **values):
    """The recipe with the costs of its student (with `values`) and of its SE teacher, which has no steps."""
    whole = {"step_ms_median": None, "step_ms_p99": None, "step_missing": "it is not causal", "latency_ms": None}
    teacher = cost("se_teacher_conformer", "conformer", 2_012_345, macs_per_s=40_000_000, macs_per_s_by_layer=40_000_000, **whole)
    for line in (
        cost("kd_dccrn-s_seed5", "dccrn-s", 198_402) | values,
        teacher | {"rtf_median": 0.02, "rtf_p99": 0.03, "core_s_per_hour": 72.0},
    ):
        write_cost(recipe / "results" / "cost.jsonl", line)
    return read_results(committed(recipe))


def of(lines: list[str], start: str) -> str:
    (line,) = (line for line in lines if line.startswith(start))
    return line


def test_the_table(recipe):
    """One row for a network, whichever approach and seed was measured."""
    table = cost_table(measured(recipe), "test_noisy")
    student, teacher = table.rows
    assert (student["student"], student["params"], student["bytes"], student["macs"]) == ("dccrn-s", 198_402, 793.608, 10.0)
    assert (student["rtf"], student["step"], student["latency"], student["energy"]) == (0.01, 2.0, 32.0, 36.0)
    assert (teacher["student"], teacher["step"], teacher["latency"]) == ("conformer", None, "whole utterance")
    assert "on a processor, torch 2, 1 thread, 100 times 10 s" in table.notes[0] and "takes 500 MB" in table.notes[0]
    assert "differs by 0.1 % at most" in table.notes[2]


def test_a_network_that_was_not_measured(recipe, make_rows, commit):
    commit(recipe, make_rows("kd", student="bandcrn-m", params=190_785))
    first, *_ = cost_table(measured(recipe), "test_noisy").rows
    assert first == {"student": "bandcrn-m", "params": 190_785, "rtf": "not run"}


def test_counters_that_differ_are_explained_in_the_notes(recipe):
    assert "kd_dccrn-s_seed5: here is why." in cost_table(measured(recipe, macs_cause="here is why"), "test_noisy").notes


def test_times_from_a_busy_machine_are_marked(recipe):
    notes = cost_table(measured(recipe, core_s_per_hour=12.0), "test_noisy").notes
    (note,) = (note for note in notes if "shared its core" in note)
    assert "; not shown, because a core was shared" in of(claims(read_results(committed(recipe)), "test_noisy"), "Time")
    assert note.startswith("kd_dccrn-s_seed5 ") and "wall clock 3.0 times processor time" in note


def test_claims(recipe):
    lines = claims(measured(recipe), "test_noisy")
    assert "parameters 198,402 against 2,012,345, 90.1 % less." in of(lines, "Size")  # 1 − 198402/2012345 = 0.9014
    assert "10.0 against 40.0, 75.0 % less." in of(lines, "Operations")
    time = of(lines, "Time")
    assert "0.0100 against 0.0200, 50.0 % less (99th percentiles 0.0120 and 0.0300)." in time
    latency = of(lines, "Latency")
    assert "34.0 against 10,200.0, 99.7 % less" in latency  # 32 + 2; 10 s and 0.02 · 10 s
    assert "the whole utterance, here of 10 s, and 200 ms for it" in latency
    for rival in ("standalone_se (dccrn-s)", "no front end"):
        line = of(lines, f"WER of kd (dccrn-s) against {rival}")
        assert " % lower, relative (" in line and "95 % interval -" in line and "not shown" not in line


def test_the_relative_reduction_is_that_of_the_table_of_differences(recipe):
    results = read_results(committed(recipe))
    rows = difference_table(results, "test_noisy").rows
    for line, row in zip(claims(results, "test_noisy"), rows, strict=False):
        assert f"{-row['relative']:.1f} % lower" in line and f"{row['wer'].low:+.2f} to {row['wer'].high:+.2f}" in line


def test_a_time_that_is_not_surely_less(recipe):
    line = of(claims(measured(recipe, rtf_p99=0.021), "test_noisy"), "Time")
    assert line.endswith("not shown, because the student's 99th percentile is not below the other's median.")


def test_an_interval_with_zero_shows_nothing(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("mct_noisy"))
    commit(tmp_path, make_rows("standalone_se", student="dccrn-s", params=198_402, ease=0.1))
    commit(tmp_path, make_rows("kd", student="dccrn-s", params=198_402, ease=0.1))
    lines = claims(read_results(committed(tmp_path)), "test_noisy")
    assert of(lines, "WER of kd (dccrn-s) against standalone_se").endswith("; not shown, because the interval contains 0.")
    assert lines[-1] == "Size, time and latency of kd (dccrn-s) against se_teacher: not run."


def test_without_measurements(recipe):
    """No table, and the claims that need one are not run."""
    results = read_results(committed(recipe))
    assert cost_table(results, "test_noisy") is None
    assert of(claims(results, "test_noisy"), "Operations").endswith("not run (`kdse bench cost`).")
    place = committed(recipe)
    assert place.folder / "tables/cost.csv" not in render_files(place, results, "T", sections(results))


def test_in_the_report(recipe):
    results = measured(recipe)
    place = committed(recipe)
    texts = render_files(place, results, "T", sections(results))
    text = texts[place.readme]
    assert "## Claims\n\n- WER of kd" in text and "## Cost of the front ends\n\n| network |" in text
    assert texts[place.folder / "tables/cost.csv"].splitlines()[0].startswith("student,params,bytes,macs,rtf")
    assert place.folder / "tables/cost.tex" in texts


def test_a_line_of_another_size(recipe):
    with pytest.raises(
        UserError, match="kd_dccrn-s_seed5 has 5 parameters, dccrn-s in the score rows 198,402; run 'kdse bench cost'"
    ):
        cost_table(measured(recipe, params=5), "test_noisy")


def test_no_student(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("mct_noisy"))
    assert claims(read_results(committed(tmp_path)), "test_noisy") == ["kd was not run."]
