"""What an update of each approach costs: it is timed as it is trained, and its ratios are those of its numbers."""

from kdse.bench import approaches as bench_approaches
from kdse.cli import main


def test_approaches_are_timed_one_by_one(kd, standalone, packs):
    for name in ("standalone_se", "joint_aso", "kd_full"):
        measured = bench_approaches.time_approach(
            name=name, kd=kd[0], se_teacher=standalone[0], data=packs.parent / "data", updates=2
        )
        assert measured["updates"] == 2 and measured["seconds"] > 0 and measured["memory"] > 100


def test_the_table_of_approaches_is_relative_to_standalone_se():
    measured = {
        name: {"updates": 10, "seconds": 10 * step, "memory": memory}
        for name, step, memory in (("standalone_se", 0.2, 1000.0), ("kd", 0.5, 1500.0))
    }
    lines = [line.split() for line in bench_approaches.table(measured).splitlines()]
    assert lines[1] == ["standalone_se", "0.200", "1.00", "1000", "1.00"]
    assert lines[2] == ["kd", "0.500", "2.50", "1500", "1.50"]


def test_a_benchmark_of_approaches_names_what_is_missing(tmp_path, capsys):
    assert main(["bench", "approaches", "--kd", str(tmp_path / "kd")]) == 2
    assert f"there is no {tmp_path}/kd/train.yaml" in capsys.readouterr().err
