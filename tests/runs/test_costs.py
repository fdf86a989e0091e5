"""The file of measured costs: a run's line is replaced, all others stay, and what is no line is named."""

import json

import pytest

from kdse.core.errors import UserError
from kdse.runs.costs import FIELDS, busy, read_costs, write_cost


def cost(run: str, **values) -> dict:
    return dict.fromkeys(FIELDS, 1) | {"run": run} | values


def test_a_line_is_replaced_and_the_others_stay(tmp_path):
    path = tmp_path / "results" / "cost.jsonl"
    assert read_costs(path) == []
    for line in (cost("b"), cost("a"), cost("c"), cost("b", rtf_median=0.5)):
        write_cost(path, line)
    assert read_costs(path) == [cost("a"), cost("b", rtf_median=0.5), cost("c")]
    assert [json.loads(text)["run"] for text in path.read_text().splitlines()] == ["a", "b", "c"]
    assert [p.name for p in path.parent.iterdir()] == ["cost.jsonl"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("not JSON", "line 2 is not JSON"),
        ("[1]", "line 2 is not what this version measures"),
        (json.dumps(cost("a") | {"more": 1}), "line 2 is not what this version measures"),
        (json.dumps(cost("b")), "line 2: b has two lines"),
    ],
)
def test_what_is_no_line(tmp_path, text, said):
    (tmp_path / "cost.jsonl").write_text(json.dumps(cost("b")) + "\n" + text + "\n")
    with pytest.raises(UserError, match=said):
        read_costs(tmp_path / "cost.jsonl")


def test_a_shared_core_is_noticed():
    """Half an hour of an hour: 1,800 s; a core that worked 1,000 s of them was shared."""
    assert busy(cost("a", rtf_median=0.5, core_s_per_hour=1790)) is None
    assert "a shared its core with other work (wall clock 1.8 times processor time)" in busy(
        cost("a", rtf_median=0.5, core_s_per_hour=1000)
    )
