"""Word and character errors: text normalisation, alignment and edit counts, the only place where any is defined.

The package jiwer aligns: a substitution, a deletion and an insertion cost the same, so the number of errors is the least possible.
sclite, NIST's scorer, takes a substitution for dearer. It splits the same errors otherwise, and rarely counts more of them
(tests/scoring/test_sclite.py says how rarely).
"""

import re
import unicodedata

import jiwer

NORMALISATION = (
    "reference and hypothesis in upper case (Unicode NFKC); every character but letters, digits and apostrophes is a space; "
    "runs of spaces are one; CER counts the space between words as a character; errors are those of jiwer's alignment, "
    "which has the fewest"
)
"""What `normalise` and `align` do, for the footer of every table."""

Pair = tuple[str | None, str | None]
"""(reference, hypothesis) in an alignment: None in the hypothesis is a deletion, None in the reference an insertion."""

_NOT_A_WORD = re.compile(r"[^\w']|_")
# jiwer's own defaults strip and join spaces first, which `normalise` has done.
_WORDS, _CHARACTERS = jiwer.ReduceToListOfListOfWords(), jiwer.ReduceToListOfListOfChars()


def normalise(text: str) -> str:
    """Bring a transcript or hypothesis to the form in which errors are counted.

    A tag such as `<unk>` stays a word (UNK), so that a recogniser cannot gain by giving up.

    >>> normalise("  it’s  twenty-one,\\tO.K. ")
    "IT'S TWENTY ONE O K"
    """
    text = unicodedata.normalize("NFKC", text).upper().replace("’", "'")
    return " ".join(_NOT_A_WORD.sub(" ", text).split())


def align(ref: str, hyp: str) -> list[Pair]:
    """Align the words of two normalised texts.

    >>> align("ONE TWO SIX", "TWO TEN SIX")
    [('ONE', 'TWO'), ('TWO', 'TEN'), ('SIX', 'SIX')]
    >>> align("ONE TWO", "ONE")
    [('ONE', 'ONE'), ('TWO', None)]
    """
    aligned = jiwer.process_words(ref, hyp, _WORDS, _WORDS)
    (ref_words,), (hyp_words,), (chunks,) = aligned.references, aligned.hypotheses, aligned.alignments
    pairs: list[Pair] = []
    for chunk in chunks:
        ref_part = ref_words[chunk.ref_start_idx : chunk.ref_end_idx]
        hyp_part = hyp_words[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "delete":
            pairs += [(word, None) for word in ref_part]
        elif chunk.type == "insert":
            pairs += [(None, word) for word in hyp_part]
        else:
            pairs += zip(ref_part, hyp_part, strict=True)
    return pairs


def word_errors(ref: str, hyp: str) -> list[int]:
    """Count [n_ref, sub, del, ins] over words of normalised texts.

    An empty hypothesis deletes every reference word; with an empty reference every hypothesis word is an insertion.

    >>> word_errors("THE CAT SAT", "A CAT SAT DOWN")
    [3, 1, 0, 1]
    """
    return _counts(jiwer.process_words(ref, hyp, _WORDS, _WORDS))


def char_errors(ref: str, hyp: str) -> list[int]:
    """Count [n_ref, sub, del, ins] over characters of normalised texts, the space between words included.

    >>> char_errors("A CAT", "A CUT")
    [5, 1, 0, 0]
    """
    return _counts(jiwer.process_characters(ref, hyp, _CHARACTERS, _CHARACTERS))


def _counts(aligned: jiwer.WordOutput | jiwer.CharacterOutput) -> list[int]:
    wrong = [aligned.substitutions, aligned.deletions, aligned.insertions]
    return [aligned.hits + aligned.substitutions + aligned.deletions, *wrong]
