"""The matched-pairs test: where segments end, what they hold, and the statistic; parity with sc_stats is in test_sclite.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, ttest_1samp

from kdse.scoring.matched_pairs import matched_pairs, segments
from kdse.scoring.words import word_errors


@pytest.mark.parametrize(
    ("hyp_a", "hyp_b", "expected"),
    [
        ("A B C D E F", "A B C D E F", []),
        ("X B C D E F", "A B C D E X", [(1, 0), (0, 1)]),
        ("X B X D E F", "A B C D E F", [(2, 0)]),  # one right word does not end a segment
        ("X B C X E F", "A B C D E F", [(1, 0), (1, 0)]),  # two do
        ("X B C D E F", "A B X D E F", [(1, 1)]),  # what one system has wrong is right in neither
        ("X B N C X E F", "A B C D E F", [(3, 0)]),  # an insertion stands between the two
        ("A B C D E F N N", "A B C D E F", [(2, 0)]),
        ("A B C D E F", "N A B C D E F N", [(0, 1), (0, 1)]),
        ("", "A B C D E F", [(6, 0)]),
    ],
)
def test_segments(hyp_a, hyp_b, expected):
    assert segments("A B C D E F", hyp_a, hyp_b) == expected
    assert segments("A B C D E F", hyp_b, hyp_a) == [(b, a) for a, b in expected]


words = st.lists(st.sampled_from("ABCD"), max_size=10).map(" ".join)


@given(words, words, words)
def test_segments_hold_every_error_once(ref, a, b):
    of_both = segments(ref, a, b)
    assert [sum(errors) for errors in zip(*of_both, strict=True)] in ([sum(word_errors(ref, h)[1:]) for h in (a, b)], [])
    assert all(sum(segment) for segment in of_both) and (of_both or a == b == ref)


def test_the_statistic_is_that_of_a_paired_test():
    pairs = np.random.default_rng(1).poisson((1.0, 1.3), (80, 2))
    test = matched_pairs([tuple(pair) for pair in pairs.tolist()])
    assert test.segments == 80 and test.mean == pytest.approx((pairs[:, 0] - pairs[:, 1]).mean())
    assert test.z == pytest.approx(ttest_1samp(pairs[:, 0] - pairs[:, 1], 0).statistic)
    assert test.p == pytest.approx(2 * norm.sf(abs(test.z)))


def test_p_is_right_where_there_is_no_difference():
    """Of tests of two systems with equal error rates 5 % find p < 0.05, three standard errors of 2,000 tests either way."""
    rng = np.random.default_rng(2)
    below = [matched_pairs([tuple(pair) for pair in rng.poisson(1.0, (100, 2)).tolist()]).p < 0.05 for _ in range(2000)]
    assert np.mean(below) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 2000))


def test_what_cannot_be_tested_has_no_p():
    assert matched_pairs([]) is None and matched_pairs([(1, 0)]) is None
    test = matched_pairs([(1, 0)] * 60)
    assert (test.mean, test.z, test.p) == (1.0, None, None)
