"""Text normalisation and error counts; every expected count was counted by hand."""

import pytest

from kdse.scoring.words import char_errors, normalise, word_errors


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("enter two nine", "ENTER TWO NINE"),
        ("  it’s   TWENTY-ONE,\t o.k. ", "IT'S TWENTY ONE O K"),
        ("Café déjà_vu", "CAFÉ DÉJÀ VU"),
        ("ﬁve Ⅳ", "FIVE IV"),
        ("<unk> A", "UNK A"),
        ("", ""),
        (" -- ... ", ""),
    ],
)
def test_normalise(raw, expected):
    assert normalise(raw) == expected
    assert normalise(normalise(raw)) == normalise(raw)


@pytest.mark.parametrize(
    ("ref", "hyp", "counts"),
    [
        ("THE CAT SAT", "THE CAT SAT", [3, 0, 0, 0]),
        ("THE CAT SAT", "A CAT SAT DOWN", [3, 1, 0, 1]),
        ("THE CAT SAT ON THE MAT", "CAT SAT ON A MAT", [6, 1, 1, 0]),
        ("THE CAT", "", [2, 0, 2, 0]),
        ("", "THE CAT", [0, 0, 0, 2]),
        ("", "", [0, 0, 0, 0]),
        ("A B C D", "E F G H I J", [4, 4, 0, 2]),
    ],
)
def test_word_errors(ref, hyp, counts):
    assert word_errors(ref, hyp) == counts


@pytest.mark.parametrize(
    ("ref", "hyp", "counts"),
    [
        ("KITTEN", "SITTING", [6, 2, 0, 1]),  # the textbook Levenshtein example: K→S, E→I, +G
        ("A CAT", "ACAT", [5, 0, 1, 0]),  # the space between words is a character
        ("A CAT", "", [5, 0, 5, 0]),
        ("", "A CAT", [0, 0, 0, 5]),
        ("", "", [0, 0, 0, 0]),
    ],
)
def test_char_errors(ref, hyp, counts):
    assert char_errors(ref, hyp) == counts
