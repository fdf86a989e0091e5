"""The matched-pairs sentence-segment word error test (MAPSSWE): do two recognisers make the same number of errors?

L. Gillick and S. Cox, "Some statistical issues in the comparison of speech recognition algorithms", ICASSP 1989: errors are
compared over segments that are independent of each other in both recognisers. NIST's rule, that of SCTK's `sc_stats`, ends a
segment where two reference words in a row are right in both and nothing is inserted between them; segments without an error do
not count.

The test takes the segments for independent. Those of one utterance at several SNRs are not, which makes p too small where
an utterance occurs more than once; the bootstrap in `kdse.scoring.significance` does not assume it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kdse.scoring.words import Pair, align

GOOD = 2
"""How many words in a row must be right in both to end a segment."""

Segment = tuple[int, int]
"""Errors of the two systems."""


@dataclass(frozen=True)
class MatchedPairs:
    """Mean and standard deviation (n − 1) of the difference a − b of errors over segments; z = mean / (deviation / √segments).

    p is two-sided, from the normal distribution, so it takes many segments; z and p are None where the differences do not vary.
    """

    segments: int
    mean: float
    deviation: float
    z: float | None
    p: float | None


def matched_pairs(segments: Sequence[Segment]) -> MatchedPairs | None:
    """The test over all segments; None where there are fewer than two.

    >>> test = matched_pairs([(1, 0), (2, 1), (0, 1), (3, 1)])
    >>> test.segments, test.mean, round(test.z, 3)
    (4, 0.75, 1.192)
    """
    if len(segments) < 2:
        return None
    differences = np.array([a - b for a, b in segments], float)
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if not deviation:
        return MatchedPairs(len(segments), mean, 0.0, None, None)
    z = mean / (deviation / math.sqrt(len(segments)))
    return MatchedPairs(len(segments), mean, deviation, z, math.erfc(abs(z) / math.sqrt(2)))


def segments(ref: str, hyp_a: str, hyp_b: str) -> list[Segment]:
    """The segments of one utterance with an error in at least one of two hypotheses; their errors sum up to those of the utterance.

    >>> segments("A B C D E F G", "A X C D E F", "A B C D E F G")
    [(1, 0), (1, 0)]
    """
    return segments_of(align(ref, hyp_a), align(ref, hyp_b))


def segments_of(pairs_a: Iterable[Pair], pairs_b: Iterable[Pair]) -> list[Segment]:
    """The segments of two alignments with one reference; see `segments`."""
    kept: list[list[int]] = []
    is_open, right_in_a_row = False, GOOD
    for (inserted_a, wrong_a), (inserted_b, wrong_b) in zip(_slots(pairs_a), _slots(pairs_b), strict=True):
        for a, b, is_word in ((inserted_a, inserted_b, False), (wrong_a, wrong_b, True)):
            if a or b:
                if not is_open:
                    kept.append([0, 0])
                kept[-1][0] += a
                kept[-1][1] += b
                is_open, right_in_a_row = True, 0
            elif is_word:
                right_in_a_row += 1
                is_open = is_open and right_in_a_row < GOOD
    return [(a, b) for a, b in kept]


def _slots(pairs: Iterable[Pair]) -> list[tuple[int, int]]:
    """(words inserted before it, whether it is wrong) of each reference word, and of the end, which is never wrong."""
    slots, inserted = [], 0
    for ref, hyp in pairs:
        if ref is None:
            inserted += 1
        else:
            slots.append((inserted, int(ref != hyp)))
            inserted = 0
    return [*slots, (inserted, 0)]
