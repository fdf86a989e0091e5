"""The differences of two texts hold both: without what is added, and without what is removed."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kdse.apply.word_diff import same_words, word_diff

texts = st.lists(st.sampled_from("the cat Cat sat, on mat. a it's —".split()), max_size=12).map(" ".join)


def words(text: str) -> list[str]:
    return [word for word in re.sub(r"[^\w' ]", "", text.casefold()).split() if word]


@given(texts, texts)
def test_both_texts_are_in_it(first, second):
    marked = word_diff(first, second)
    assert words(re.sub(r"\[-.*?-\]", "", marked)) == words(second)
    assert words(re.sub(r"\{\+.*?\+\}", "", marked)) == words(first)
    assert same_words(first, second) == ("[-" not in marked and "{+" not in marked)


def test_colours_are_for_terminals_and_change_no_letter():
    plain, coloured = word_diff("a b", "a c"), word_diff("a b", "a c", colour=True)
    assert plain == "a [-b-] {+c+}" and "\x1b[31m[-b-]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_other_scripts():
    assert word_diff("привет Мир", "Привет мор") == "Привет [-Мир-] {+мор+}"
    assert not same_words("বাংলা", "বাংলি") and not same_words("", "a")
