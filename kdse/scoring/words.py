"""Word and character errors: text normalisation and edit counts, the only place where either is defined."""

import re
import unicodedata

import jiwer

NORMALISATION = (
    "reference and hypothesis in upper case (Unicode NFKC); every character but letters, digits and apostrophes is a space; "
    "runs of spaces are one; CER counts the space between words as a character"
)
"""What `normalise` does, for the footer of every table."""

_NOT_A_WORD = re.compile(r"[^\w']|_")


def normalise(text: str) -> str:
    """Bring a transcript or hypothesis to the form in which errors are counted.

    A tag such as `<unk>` stays a word (UNK), so that a recogniser cannot gain by giving up.

    >>> normalise("  it’s  twenty-one,\\tO.K. ")
    "IT'S TWENTY ONE O K"
    """
    text = unicodedata.normalize("NFKC", text).upper().replace("’", "'")
    return " ".join(_NOT_A_WORD.sub(" ", text).split())


def word_errors(ref: str, hyp: str) -> list[int]:
    """Count [n_ref, sub, del, ins] over words of normalised texts, by a minimal Levenshtein alignment (jiwer).

    An empty hypothesis deletes every reference word; with an empty reference every hypothesis word is an insertion.

    >>> word_errors("THE CAT SAT", "A CAT SAT DOWN")
    [3, 1, 0, 1]
    """
    return _counts(jiwer.process_words(ref, hyp))


def char_errors(ref: str, hyp: str) -> list[int]:
    """Count [n_ref, sub, del, ins] over characters of normalised texts, the space between words included.

    >>> char_errors("A CAT", "A CUT")
    [5, 1, 0, 0]
    """
    return _counts(jiwer.process_characters(ref, hyp))


def _counts(out: jiwer.WordOutput | jiwer.CharacterOutput) -> list[int]:
    return [out.hits + out.substitutions + out.deletions, out.substitutions, out.deletions, out.insertions]
