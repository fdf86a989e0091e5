"""Digits and signs as words: the readings that the module's text states, and what stays as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdse.scoring.spoken import spoken
from kdse.scoring.words import normalise


@pytest.mark.parametrize(
    "written, words",
    [
        ("Enter 2981.", "ENTER TWO NINE EIGHT ONE"),
        ("66-33.", "SIXTY SIX THIRTY THREE"),
        ("11, 27, 57", "ELEVEN TWENTY SEVEN FIFTY SEVEN"),
        ("5 3", "FIVE THREE"),
        ("53", "FIFTY THREE"),
        ("0, 05, 007", "ZERO ZERO FIVE ZERO ZERO SEVEN"),
        ("100 and 1,024", "ONE HUNDRED AND ONE THOUSAND TWENTY FOUR"),
        ("412-683", "FOUR ONE TWO SIX EIGHT THREE"),
        ("9:30", "NINE THIRTY"),
        ("May 21st, the 3rd", "MAY TWENTY FIRST THE THIRD"),
        ("0.25%", "ZERO POINT TWO FIVE PERCENT"),
        ("$5 & $1,000", "FIVE DOLLARS AND ONE THOUSAND DOLLARS"),
        ("[BLANK_AUDIO] (music) yes", "YES"),
        ("Rub out G-M-E-S-3-9.", "RUB OUT G M E S THREE NINE"),
        ("G.M.E.F", "G M E F"),
        ("GMEF h20", "GMEF H TWENTY"),  # who writes no small letters writes words so
        ("it's", "IT'S"),
    ],
)
def test_readings(written, words):
    assert normalise(spoken(written)) == words


@pytest.mark.parametrize(
    "written, words",
    [
        ("GF-T-U-1332", "G F T U ONE THREE THREE TWO"),
        ("Rubout GMEF h20", "RUBOUT G M E F H TWENTY"),
        ("PIKTS, Pittsburgh. I, a", "P I K T S PITTSBURGH I A"),
        ("ÄÖ ß McX 'IT'S'", "Ä Ö SS MCX 'IT'S'"),
        ("A1B", "A ONE B"),
    ],
)
def test_words_of_capitals_are_spelt_where_others_have_small_letters(written, words):
    assert normalise(spoken(written, case=True)) == words


@given(st.lists(st.sampled_from("ONE O'CLOCK ERASE A G TWENTY-ONE".split())).map(" ".join))
def test_words_without_digits_stay(text):
    """So that a recogniser which writes as the transcripts do is not changed."""
    assert normalise(spoken(text)) == normalise(text)


@given(st.text())
def test_any_text_loses_its_digits(text):
    said = spoken(text)
    assert not any(c in "0123456789" for c in said) and spoken(said) == said
