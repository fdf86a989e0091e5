"""Written text as it is spoken: for recognisers that write like a newspaper, before `words.normalise`.

A recogniser of a recipe writes words as its transcripts do. One from elsewhere may write numbers in digits, punctuation and signs.
How digits were said is not known any more. One reading is chosen, the same for every front end:

- one or two digits are a number ("53": FIFTY THREE), also in a time ("9:30": NINE THIRTY);
- three or more are said digit by digit ("412": FOUR ONE TWO), as are those that begin with 0, unless they end in 00 ("500") or are
  grouped by commas ("1,024"), when they are a number;
- "." between digits is POINT, and digits follow; "1st" is FIRST; "5%", "$5", "&" are FIVE PERCENT, FIVE DOLLARS, AND;
- a remark in brackets, such as [music], was not said;
- where small and capital letters differ, a word of capitals alone was spelt: "GME" is G M E, as are "G.M.E." and "G-M-E" anyway.

A recogniser that writes capitals only has no such words. Rows hold the hypothesis as it is counted.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

SPOKEN = (
    "hypotheses of recognisers from elsewhere first as spoken: digits in words, one or two of them as a number and more digit by "
    "digit; %, $ and & in words; words of capitals alone letter by letter, where others have small letters; remarks in brackets "
    "dropped"
)
"""What `spoken` does, for the footer of every table."""

_REMARK = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_MONEY = re.compile(r"\$\s*(\d[\d,]*(?:\.\d+)?)")
_NUMBER = re.compile(
    r"(?P<ordinal>\d+)(?:st|nd|rd|th)\b|(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.(?P<part>\d+))?", re.IGNORECASE
)
_CAPITALS = re.compile(r"(?<!')\b[^\W\d_]{2,}\b(?!')")
LONGEST = 9
"""Digits of a number that anybody would say as one."""
_SIGNS = {"%": " percent ", "&": " and ", "+": " plus ", "@": " at "}


def has_case(texts: Iterable[str]) -> bool:
    """Whether a recogniser that wrote these tells small letters from capitals.

    >>> has_case(["", "GMEF"]), has_case(["Enter", "GMEF"]), has_case(["enter"])
    (False, True, False)
    """
    letters = "".join(texts)
    return letters not in (letters.upper(), letters.lower())


def spoken(text: str, case: bool = False) -> str:
    """Words instead of digits and signs, and, with `case`, letters instead of words of capitals; see above.

    >>> spoken("Enter 53, 2981 and 0.5%.")
    'Enter fifty-three , two nine eight one and zero point five percent .'
    >>> spoken("[music] G.M.E. 1st, $1,500")
    'G.M.E. first , one thousand five hundred dollars'
    >>> spoken("Rubout GMEF 3, I said.", case=True)
    'Rubout G M E F three , I said.'
    """
    text = _REMARK.sub("", unicodedata.normalize("NFKC", text))
    text = _MONEY.sub(r"\1 dollars", text)
    if case:
        text = _CAPITALS.sub(lambda match: " ".join(match[0]) if match[0].isupper() else match[0], text)
    for sign, words in _SIGNS.items():
        text = text.replace(sign, words)
    return " ".join(_NUMBER.sub(lambda match: f" {_said(match)} ", text).split())


def _said(match: re.Match) -> str:
    """The words of one number."""
    if match["ordinal"]:
        return _cardinal(match["ordinal"], ordinal=True)
    whole, part = match["whole"].replace(",", ""), match["part"]
    grouped = "," in match["whole"]
    is_number = whole == "0" or (whole[0] != "0" and (grouped or len(whole) <= 2 or whole.endswith("00")))
    said = _cardinal(whole) if is_number and len(whole) <= LONGEST else _digits(whole)
    return f"{said} point {_digits(part)}" if part else said


def _digits(digits: str) -> str:
    return " ".join(_cardinal(digit) for digit in digits)


@cache
def _cardinal(number: str, ordinal: bool = False) -> str:
    import inflect  # here: the package is optional (extra `recognisers`)

    engine = inflect.engine()
    said = engine.number_to_words(int(number), andword="").replace(",", "")
    return engine.ordinal(said) if ordinal else said
