"""Where two texts differ, word by word, in wdiff's notation: [-only in the first-] {+only in the second+}."""

from difflib import SequenceMatcher
from unicodedata import category

REMOVED, ADDED, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"
"""Red, green, and neither, on a terminal."""


def word_diff(before: str, after: str, colour: bool = False) -> str:
    """The second text with what is different from the first; case and punctuation do not count.

    Args:
        before, after: texts.
        colour: for a terminal.

    >>> word_diff("The cat sat.", "the bat sat down")
    'the [-cat-] {+bat+} sat {+down+}'
    """
    first, second = _words(before), _words(after)
    parts = []
    for kind, a, b, c, d in SequenceMatcher(None, *([key for key, _ in words] for words in (first, second)), False).get_opcodes():
        if kind == "equal":
            parts.append(_joined(second[c:d]))
            continue
        for words, (begin, end), shade in ((first[a:b], ("[-", "-]"), REMOVED), (second[c:d], ("{+", "+}"), ADDED)):
            if words:
                text = f"{begin}{_joined(words)}{end}"
                parts.append(f"{shade}{text}{PLAIN}" if colour else text)
    return " ".join(parts)


def same_words(before: str, after: str) -> bool:
    """Whether two texts have the same words.

    >>> same_words("It's twenty, one.", "it’s twenty one")
    True
    """
    return [key for key, _ in _words(before)] == [key for key, _ in _words(after)]


def _words(text: str) -> list[tuple[str, str]]:
    """(what counts, as it is written) of each word; lone punctuation is none."""
    words = [("".join(filter(_counts, word.casefold().replace("’", "'"))), word) for word in text.split()]
    return [(key, word) for key, word in words if key.strip("'")]


def _counts(letter: str) -> bool:
    """Letters, their marks, digits and apostrophes do."""
    return letter == "'" or category(letter)[0] in "LMN"


def _joined(words: list[tuple[str, str]]) -> str:
    return " ".join(word for _, word in words)
