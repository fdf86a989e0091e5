"""Grouping rows into systems, and estimates that were worked out by hand."""

import gzip

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.report.place import committed
from kdse.report.read import read_results
from kdse.report.systems import compare
from kdse.scoring.metrics import CER, METRICS, WER

STOI = METRICS["stoi"]


def test_wer_is_errors_over_reference_words_of_the_whole_set(tmp_path, make_rows, commit):
    rows = make_rows("kd", utts=2, sets=("test_clean",))
    rows[0] |= {"word": [2, 1, 0, 0], "char": [10, 1, 1, 1]}
    rows[1] |= {"word": [8, 0, 1, 2], "char": [30, 0, 0, 1]}
    commit(tmp_path, rows)
    (kd,) = read_results(committed(tmp_path)).systems
    assert kd.scores("test_clean", WER).estimate().value == pytest.approx(100 * (1 + 3) / 10)
    assert kd.scores("test_clean", CER).estimate().value == pytest.approx(100 * (3 + 1) / 40)
    assert kd.scores("test_real", WER).estimate() is None


def test_systems_stand_in_table_order_and_their_seeds_together(tmp_path, make_rows, commit):
    for approach, seed in (("kd", 1), ("zz_new", 0), ("kd", 0), ("standalone_se", 0), ("mct_noisy", 0)):
        commit(tmp_path, make_rows(approach, seed, utts=2, sets=("test_noisy",)))
    systems = read_results(committed(tmp_path)).systems
    assert [(s.family, s.seeds) for s in systems] == [
        ("mct_noisy", (0,)),
        ("standalone_se", (0,)),
        ("kd", (0, 1)),
        ("zz_new", (0,)),
    ]


def test_an_item_is_the_mean_of_its_seeds(tmp_path, make_rows, commit):
    runs = [make_rows("kd", seed, utts=5, sets=("test_noisy",)) for seed in (0, 1, 2)]
    for rows in runs:
        commit(tmp_path, rows)
    (kd,) = read_results(committed(tmp_path)).systems
    got = kd.scores("test_noisy", WER).estimate()
    each = [100 * sum(r["word"][1] for r in rows) / sum(r["word"][0] for r in rows) for rows in runs]
    assert got.value == pytest.approx(np.mean(each))
    assert (got.items, got.groups) == (20, 5)


def test_trained_front_ends_are_compared_over_the_seeds_they_share(tmp_path, make_rows, commit):
    for seed, ease in ((0, 0.5), (1, 9.0)):
        commit(tmp_path, make_rows("kd", seed, "s", 100, ease))
    commit(tmp_path, make_rows("standalone_se", 0, "s", 100))
    commit(tmp_path, make_rows("mct_noisy", 0))
    results = read_results(committed(tmp_path))
    noisy, alone, kd = results.systems

    def wer(system, seeds=None):
        return system.scores("test_noisy", WER, seeds).estimate().value

    assert compare(kd, alone, "test_noisy").value == pytest.approx(wer(kd, [0]) - wer(alone))
    assert compare(kd, noisy, "test_noisy").value == pytest.approx(wer(kd) - wer(noisy))


def test_a_difference_is_over_the_items_both_have_and_by_speaker_where_asked(recipe, make_rows, commit):
    *rows, last = make_rows("kd", student="dccrn-s", params=198_402, ease=1.2)
    commit(recipe, [*rows, last | {"stoi": None, "missing": last["missing"] | {"stoi": "lost"}}])
    results = read_results(committed(recipe))
    kd, alone = (next(s for s in results.systems if s.approach == name) for name in ("kd", "standalone_se"))
    d = compare(kd, alone, last["set"], STOI)
    assert d.items == len(alone.scores(last["set"], STOI).items) - 1
    by_speaker = compare(kd, alone, "test_noisy", by="speaker")
    assert by_speaker.groups == 6 and by_speaker.value == compare(kd, alone, "test_noisy").value


def test_runs_scored_on_different_items_are_refused(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("kd", 0, utts=3, sets=("test_noisy",)))
    commit(tmp_path, make_rows("kd", 1, utts=2, sets=("test_noisy",)))
    (kd,) = read_results(committed(tmp_path)).systems
    with pytest.raises(UserError, match="kd_seed1 and kd_seed0 were scored on different items of test_noisy"):
        kd.scores("test_noisy", WER)


def test_runs_that_differ_in_more_than_the_seed_are_refused(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("kd", 0, params=10, utts=2))
    commit(tmp_path, make_rows("kd", 1, params=20, utts=2))
    with pytest.raises(UserError, match="kd_seed0 and kd_seed1 differ in 'params'"):
        read_results(committed(tmp_path))


def test_a_recipe_has_rows_of_one_corpus_with_a_config_beside_each(tmp_path, make_rows, commit):
    with pytest.raises(UserError, match=r"there are no score rows in .*results; score a run first \(stage 9\)"):
        read_results(committed(tmp_path))
    commit(tmp_path, make_rows("kd", utts=2))
    commit(tmp_path, make_rows("mct_noisy", utts=2, corpus="librispeech"))
    with pytest.raises(UserError, match="mixes rows of an4 and librispeech"):
        read_results(committed(tmp_path))
    (tmp_path / "results/mct_noisy_seed0.jsonl.gz").unlink()
    (tmp_path / "results/kd_seed0.yaml").unlink()
    with pytest.raises(UserError, match=r"kd_seed0.yaml"):
        read_results(committed(tmp_path))


@pytest.mark.parametrize(
    "text, message",
    [
        ("scoring: x", "scoring must hold 'key: value' pairs, not 'x'; score the run again"),
        ("scoring: {versions: [a]}", r"scoring, versions must hold 'key: value' pairs, not \['a'\]"),
        ("scoring: {normalisation: [a]}", r"scoring, normalisation must hold text, not \['a'\]"),
        ("versions: 5", "versions must hold 'key: value' pairs, not 5"),
        ("config: text", "config must hold 'key: value' pairs, not 'text'"),
        ("config: {kdse_conf: {init: 5}}", "config, kdse_conf, init must hold text, not 5"),
        ("family: [a]", r"family must hold text, not \['a'\]"),
        ("teachers: [1, 2]", r"teachers must be a list of names, not \[1, 2\]"),
    ],
)
def test_a_config_that_was_edited_is_named(tmp_path, make_rows, commit, text, message):
    commit(tmp_path, make_rows("kd", utts=2))
    (tmp_path / "results/kd_seed0.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"results/kd_seed0\.yaml: {message}"):
        read_results(committed(tmp_path))


def test_a_file_without_rows_is_named(tmp_path, make_rows, commit):
    """It is no run that made no errors."""
    commit(tmp_path, make_rows("kd", utts=2))
    (tmp_path / "results/mct_noisy_seed0.jsonl.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(UserError, match=r"mct_noisy_seed0.jsonl.gz holds no score rows"):
        read_results(committed(tmp_path))


def test_a_run_committed_twice_under_two_names_is_refused(tmp_path, make_rows, commit):
    commit(tmp_path, make_rows("kd", utts=2))
    for suffix in (".jsonl.gz", ".yaml"):
        (tmp_path / f"results/copy{suffix}").write_bytes((tmp_path / f"results/kd_seed0{suffix}").read_bytes())
    with pytest.raises(UserError, match=r"two rows for corpus an4.*run kd_seed0"):
        read_results(committed(tmp_path))


def test_labels_tell_systems_apart(tmp_path, make_rows, commit):
    small, tagged = make_rows("kd", student="dccrn-s", utts=2), make_rows("kd", student="dccrn-s", utts=2)
    mixed = make_rows("kd", student="dccrn-m", utts=2)
    half = [row | {"omega": 0.5} for row in mixed]
    for row in tagged:
        row["run"] += "_long"
    for rows in (small, tagged, mixed + half):
        commit(tmp_path, rows)
    results = read_results(committed(tmp_path))
    assert [results.label(s) for s in results.systems] == ["kd (dccrn-m)", "kd (dccrn-m), ω = 0.5", "kd_dccrn-s", "kd_dccrn-s_long"]
