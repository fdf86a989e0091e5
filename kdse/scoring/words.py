"""Word and character errors: text normalisation, alignment and edit counts, the only place where any is defined.

Alignments are those of sclite, the scorer of NIST's SCTK (2.4.10): of least cost, with 4 for a substitution and 3 for a deletion
or an insertion. A plain Levenshtein alignment, such as jiwer's, takes each error for 1, so that two substitutions may stand where
sclite finds one word deleted, one right and one inserted. Rarely sclite has more errors in all: it takes two deletions with two
insertions for no worse than three substitutions.
"""

import re
import unicodedata
from collections.abc import Sequence
from operator import ne

import numpy as np

NORMALISATION = (
    "reference and hypothesis in upper case (Unicode NFKC); every character but letters, digits and apostrophes is a space; "
    "runs of spaces are one; CER counts the space between words as a character; errors are those of sclite's alignment"
)
"""What `normalise` and `align` do, for the footer of every table."""

SUBSTITUTION, GAP = 4, 3
"""sclite's costs of a wrong word, and of one that is missing or too many."""

PAIR, INSERTION, DELETION = range(3)

Pair = tuple[str | None, str | None]
"""(reference, hypothesis) in an alignment: None in the hypothesis is a deletion, None in the reference an insertion."""

_NOT_A_WORD = re.compile(r"[^\w']|_")


def normalise(text: str) -> str:
    """Bring a transcript or hypothesis to the form in which errors are counted.

    A tag such as `<unk>` stays a word (UNK), so that a recogniser cannot gain by giving up.

    >>> normalise("  it’s  twenty-one,\\tO.K. ")
    "IT'S TWENTY ONE O K"
    """
    text = unicodedata.normalize("NFKC", text).upper().replace("’", "'")
    return " ".join(_NOT_A_WORD.sub(" ", text).split())


def align(ref: Sequence[str], hyp: Sequence[str]) -> list[Pair]:
    """Align words (or characters) as sclite does.

    Among alignments of equal cost, seen from each cell of the table, a pair goes before an insertion and that before a
    deletion; SCTK's net_dp.c decides so, and the counts depend on it.

    >>> align("ONE TWO SIX".split(), "TWO TEN SIX".split())
    [('ONE', None), ('TWO', 'TWO'), (None, 'TEN'), ('SIX', 'SIX')]
    """
    n, m, numbers = len(ref), len(hyp), {word: number for number, word in enumerate({*ref, *hyp})}
    r, h = (np.fromiter(map(numbers.__getitem__, words), np.int32, len(words)) for words in (ref, hyp))
    # What a pair saves against a deletion and an insertion, and in each cell of the table the most that can be saved so far. Then a
    # gap changes nothing, and a whole row is a running maximum.
    saved = np.where(r[:, None] == h, 2 * GAP, 2 * GAP - SUBSTITUTION).astype(np.int32)
    table = np.zeros((n + 1, m + 1), np.int32)
    for i in range(n):
        row = table[i, :-1] + saved[i]
        np.maximum(row, table[i, 1:], out=row)
        np.maximum.accumulate(row, out=table[i + 1, 1:])
    cell = table[1:, 1:]
    insertion, pair = cell == table[1:, :-1], cell == table[:-1, :-1] + saved
    moves = np.where(pair, np.uint8(PAIR), np.where(insertion, np.uint8(INSERTION), np.uint8(DELETION))).tobytes()
    i, j, pairs = n, m, []
    while i or j:
        step = moves[(i - 1) * m + j - 1] if i and j else DELETION if i else INSERTION
        i, j = i - (step != INSERTION), j - (step != DELETION)
        pairs.append((None if step == INSERTION else ref[i], None if step == DELETION else hyp[j]))
    return pairs[::-1]


def word_errors(ref: str, hyp: str) -> list[int]:
    """Count [n_ref, sub, del, ins] over words of normalised texts.

    An empty hypothesis deletes every reference word; with an empty reference every hypothesis word is an insertion.

    >>> word_errors("THE CAT SAT", "A CAT SAT DOWN")
    [3, 1, 0, 1]
    """
    return _counts(align(ref.split(), hyp.split()))


def char_errors(ref: str, hyp: str) -> list[int]:
    """Count [n_ref, sub, del, ins] over characters of normalised texts, the space between words included.

    >>> char_errors("A CAT", "A CUT")
    [5, 1, 0, 0]
    """
    return _counts(align(ref, hyp))


def _counts(pairs: list[Pair]) -> list[int]:
    refs, hyps = zip(*pairs, strict=True) if pairs else ((), ())
    deletions, insertions, wrong = hyps.count(None), refs.count(None), sum(map(ne, refs, hyps))
    return [len(pairs) - insertions, wrong - deletions - insertions, deletions, insertions]
