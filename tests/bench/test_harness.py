"""The harness of all benchmarks: what a process of its own returns, how its failure is told, and what clocks leave out."""

import os
import sys
import time

import pytest

from kdse.bench.harness import (
    THREADS,
    Case,
    Spent,
    check_positive,
    clock,
    measure,
    measure_together,
    memory_mb,
    repeated,
)
from kdse.core.errors import UserError

HERE = "kdse.bench.harness"


def python(code: str, label: str = "it") -> Case:
    return Case(label, (sys.executable, "-c", code))


def test_a_function_is_called_in_a_process_of_its_own(tmp_path):
    """Arguments arrive as they are, paths as text; the process is another one, with a peak of its own."""
    costs = tmp_path / "cost.jsonl"
    assert measure(Case.of("costs", "kdse.runs.costs:read_costs", path=costs)) == []
    held = bytearray(200 * 2**20)
    for place in range(0, len(held), 4096):
        held[place] = 1
    assert memory_mb("VmHWM") > 200 > measure(Case.of("memory", f"{HERE}:memory_mb", kind="VmHWM")) > 5


def test_what_is_printed_before_the_result_is_no_result():
    assert measure(python("print('a warning')\nprint([1, 2])")) == [1, 2]


def test_cases_run_at_the_same_time(tmp_path):
    """Each waits for the other to start; results are in the order of the cases, whoever ends first."""
    code = """
import pathlib, time
pathlib.Path({mine!r}).touch()
deadline = time.time() + 60
while not pathlib.Path({other!r}).exists():
    assert time.time() < deadline
    time.sleep(0.02)
time.sleep({seconds})
print({seconds})
"""
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    cases = [python(code.format(mine=a, other=b, seconds=0.5)), python(code.format(mine=b, other=a, seconds=0.1))]
    assert measure_together(cases) == [0.5, 0.1]


@pytest.mark.parametrize("one_thread", [True, False])
def test_numeric_libraries_get_one_thread_where_asked(one_thread, monkeypatch):
    for name in THREADS:
        monkeypatch.setenv(name, "2")
    told = measure(python(f"import json, os; print(json.dumps([os.environ[name] for name in {THREADS}]))"), one_thread)
    assert told == (["1"] * 3 if one_thread else ["2"] * 3)


def test_a_user_s_mistake_is_one_sentence(tmp_path):
    (tmp_path / "cost.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"^costs: .*cost.jsonl, line 1 is not what this version measures; [^\n]*$"):
        measure(Case.of("costs", "kdse.runs.costs:read_costs", path=tmp_path / "cost.jsonl"))


def test_any_other_failure_is_named_by_its_last_line():
    with pytest.raises(UserError, match=r"^it: ZeroDivisionError: division by zero$"):
        measure(python("1 / 0"))
    with pytest.raises(UserError, match=r"^it: its process ended with -9$"):
        measure(python("import os; os.kill(os.getpid(), 9)"))


def test_no_process_is_left_behind(tmp_path):
    """Where one cannot be started, those before it are ended."""
    pid = tmp_path / "pid"
    sleeper = python(f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(FileNotFoundError):
        measure_together([sleeper, Case("none", (str(tmp_path / "nothing"),))])
    if pid.exists() and pid.read_text():
        deadline = time.time() + 10
        while time.time() < deadline:
            try:
                os.kill(int(pid.read_text()), 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        else:
            pytest.fail("the process is still there")


def test_times_leave_out_the_warm_up():
    calls = []
    times = repeated(lambda: calls.append(sum(range(20000))), repeats=5)
    assert len(times) == 5 and len(calls) == 8
    assert sum(t.wall for t in times) > 0 and sum(t.cpu for t in times) <= 2 * sum(t.wall for t in times)


def test_a_clock_adds_up():
    """Waiting takes time on the wall, and none of the processor; what stands between two blocks does not count."""
    spent, started = Spent(), time.perf_counter()
    for _ in range(2):
        with clock(spent):
            time.sleep(0.1)
        time.sleep(0.1)
    assert 0.2 <= spent.wall <= time.perf_counter() - started - 0.2 and spent.cpu < 0.1


def test_what_must_be_positive():
    check_positive(items=None, nj=1)
    with pytest.raises(UserError, match="--nj must be 1 or more, not 0"):
        check_positive(items=None, nj=0)
