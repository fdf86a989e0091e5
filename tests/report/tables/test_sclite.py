"""Tables as ESPnet shows them, with numbers worked out by hand."""

import pytest

from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.render.table import markdown
from kdse.report.tables.sclite import rates, sclite_table
from kdse.scoring.metrics import CER, WER


def with_counts(rows: list[dict], words: list[list[int]]) -> list[dict]:
    """The first rows with these counts [n_ref, sub, del, ins] of words; twice as many characters, all substitutions."""
    return [
        row | {"word": count, "char": [2 * count[0], 2 * sum(count[1:]), 0, 0]} for row, count in zip(rows, words, strict=False)
    ]


def test_rates_are_those_of_sclite_s_summary():
    """Four sentences of 10 + 5 + 4 + 1 = 20 words; two of them have an error."""
    counts = [[10, 2, 1, 0], [5, 0, 0, 0], [4, 1, 0, 3], [1, 0, 0, 0]]
    assert rates(counts) == {
        "Snt": 4,
        "Wrd": 20,
        "Corr": pytest.approx(80.0),  # 20 − 3 substitutions − 1 deletion: 16 of 20
        "Sub": pytest.approx(15.0),
        "Del": pytest.approx(5.0),
        "Ins": pytest.approx(15.0),
        "Err": pytest.approx(35.0),  # 3 + 1 + 3: 7 of 20
        "S.Err": pytest.approx(50.0),
    }


def test_references_without_words():
    assert rates([[0, 0, 0, 1]]) == {"Snt": 1, "Wrd": 0, **dict.fromkeys(("Corr", "Sub", "Del", "Ins", "Err"), 0.0), "S.Err": 100.0}


@pytest.fixture
def results(tmp_path, make_rows, commit):
    """Three sentences of the recogniser alone: 1 of 3, 2 of 4 and 0 of 1 words wrong; two seeds of kd; one run of d4am."""
    counts = [[3, 1, 0, 0], [4, 0, 1, 1], [1, 0, 0, 0]]
    commit(tmp_path, with_counts(make_rows("mct_noisy", sets=("test_clean",)), counts))
    for seed in (0, 1):
        commit(tmp_path, make_rows("kd", seed, student="net-s", params=9, utts=2))
    commit(tmp_path, make_rows("d4am", student="net-s", params=9, utts=2))
    commit(tmp_path, with_counts(make_rows("mct_noisy", sets=("test_clean", "test_noisy")), counts) + made_noisy(make_rows))
    return read_results(committed(tmp_path))


def made_noisy(make_rows) -> list[dict]:
    return [row | {"word": [1200, 0, 0, 0]} for row in make_rows("mct_noisy", sets=("test_noisy",), utts=1)]


def test_a_row_for_each_headline_run_and_set(results):
    table = sclite_table(results, WER, ("dev_noisy", "test_noisy", "test_clean"))
    assert [row["dataset"] for row in table.rows] == [
        "mct_noisy_seed0/ctc_greedy/test_noisy",
        "mct_noisy_seed0/ctc_greedy/test_clean",
        *(f"kd_net-s_seed{seed}/ctc_greedy/{name}" for seed in (0, 1) for name in ("dev_noisy", "test_noisy", "test_clean")),
    ]


def test_it_looks_as_espnet_prints_it(results):
    """8 words: 1 substitution, 1 deletion, 1 insertion, 6 right; of 16 characters 6 wrong; 2 of 3 sentences."""
    lines = markdown(sclite_table(results, WER, ("test_noisy", "test_clean"))).splitlines()
    assert lines[:2] == ["|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|", "|---|---|---|---|---|---|---|---|---|"]
    assert lines[2] == "|mct_noisy_seed0/ctc_greedy/test_noisy|4|4800|100.0|0.0|0.0|0.0|0.0|0.0|"
    assert lines[3] == "|mct_noisy_seed0/ctc_greedy/test_clean|3|8|75.0|12.5|12.5|12.5|37.5|66.7|"
    characters = markdown(sclite_table(results, CER, ("test_clean",))).splitlines()
    assert characters[2] == "|mct_noisy_seed0/ctc_greedy/test_clean|3|16|62.5|37.5|0.0|0.0|37.5|66.7|"
