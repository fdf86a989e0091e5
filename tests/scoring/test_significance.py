"""Bootstrap intervals against distributions whose intervals are known."""

import numpy as np
import pytest

from kdse.scoring.significance import difference, draws, estimate


def names(count: int, each: int = 1) -> list[str]:
    return [f"u{i}" for i in range(count) for _ in range(each)]


def test_the_interval_of_a_mean_of_normals_is_1_96_standard_errors():
    x = np.random.default_rng(3).standard_normal(400)
    got = estimate(names(400), x, np.ones(400))
    half = 1.96 * x.std() / np.sqrt(400)
    assert got.value == pytest.approx(x.mean())
    assert got.low == pytest.approx(x.mean() - half, abs=0.05 * half)
    assert got.high == pytest.approx(x.mean() + half, abs=0.05 * half)
    assert (got.items, got.groups) == (400, 400)


def test_the_interval_of_a_rate_is_binomial():
    """200 one-word utterances, 20 % wrong: ± 1.96·√(p(1−p)/n)."""
    errors = np.array([1] * 40 + [0] * 160)
    got = estimate(names(200), errors, np.ones(200))
    half = 1.96 * np.sqrt(0.2 * 0.8 / 200)
    assert got.value == 0.2
    assert got.high - got.low == pytest.approx(2 * half, rel=0.05)


def test_long_utterances_weigh_more():
    """Corpus level: (1 + 0) errors over (2 + 8) words is 10 %, not the mean 25 % of the utterances."""
    assert estimate(["a", "b"], [1, 0], [2, 8]).value == pytest.approx(0.1)


def test_items_of_one_utterance_are_resampled_together():
    """Four copies of each item carry no more information than one: the interval stays."""
    x = np.random.default_rng(0).random(100)
    once = estimate(names(100), x, np.ones(100))
    copied = estimate(names(100, each=4), np.repeat(x, 4), np.ones(400))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=1e-12)
    as_if_independent = estimate(names(400), np.repeat(x, 4), np.ones(400))
    assert as_if_independent.high - as_if_independent.low == pytest.approx((once.high - once.low) / 2, rel=0.1)


def test_a_paired_difference_is_surer_than_two_intervals():
    """Utterances differ a lot in difficulty, the systems by a constant: the pairing takes the difficulty out."""
    hard = np.random.default_rng(1).poisson(5, 200).astype(float)
    words = np.full(200, 20.0)
    better = hard - np.random.default_rng(2).binomial(1, 0.5, 200)
    got = difference(names(200), better, hard, words)
    alone = estimate(names(200), better, words)
    assert got.value == pytest.approx((better.sum() - hard.sum()) / words.sum())
    assert got.baseline == pytest.approx(hard.sum() / words.sum())
    assert got.relative == pytest.approx(better.sum() / hard.sum() - 1)
    assert got.high - got.low < (alone.high - alone.low) / 2
    assert got.below_zero and got.excludes_zero


def test_equal_systems_differ_by_nothing():
    x = np.random.default_rng(1).poisson(5, 50)
    got = difference(names(50), x, x, np.full(50, 20))
    assert (got.value, got.low, got.high, got.detectable) == (0, 0, 0, 0)
    assert not got.below_zero and not got.excludes_zero


def test_the_smallest_detectable_difference_is_2_8_standard_errors():
    """z_0.975 + z_0.80 = 1.95996 + 0.84162 (tables of the normal distribution)."""
    d = np.random.default_rng(5).standard_normal(400)
    got = difference(names(400), d, np.zeros(400), np.ones(400))
    assert got.detectable == pytest.approx(2.80158 * d.std() / np.sqrt(400), rel=0.03)


def test_the_interval_covers_the_truth_nearly_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        x = np.random.default_rng(seed).exponential(1.0, 60)
        got = estimate(names(60), x, np.ones(60), resamples=1000)
        hits += got.low <= 1.0 <= got.high
    assert 0.88 <= hits / 200 <= 0.98


def test_the_order_of_items_does_not_matter_and_the_seed_is_fixed():
    x = np.random.default_rng(0).random(40)
    groups = np.array(names(40))
    order = np.random.default_rng(1).permutation(40)
    a, b = estimate(groups, x, np.ones(40)), estimate(groups[order], x[order], np.ones(40))
    assert (a.low, a.high) == pytest.approx((b.low, b.high))
    assert estimate(groups, x, np.ones(40), seed=1) != a


def test_one_group_has_no_interval_and_no_item_is_a_bug():
    got = estimate(["a", "a"], [1, 2], [4, 4])
    assert (got.value, got.low, got.high, got.groups) == (0.375, None, None, 1)
    with pytest.raises(ValueError, match="no item"):
        estimate([], np.array([]), np.array([]))


def test_an_utterance_without_reference_words_does_not_break_a_draw():
    got = estimate(["a", "b", "c"], [1, 0, 1], [0, 4, 4])
    assert got.value == 0.25 and np.isfinite([got.low, got.high]).all()


def test_draws_in_parts_are_those_of_one_call():
    """9 million numbers, from a file, and 4 million, held: intervals that were published before stay what they were."""
    for groups in (3000, 1300):
        together = np.random.default_rng(3).multinomial(groups, np.full(groups, 1 / groups), size=3000)
        for _ in range(2):
            assert np.array_equal(np.concatenate(list(draws(groups, 3, 3000))), together)
