"""Counts of CHiME-4's subsets: what was published, and that a tree which holds less is refused."""

import re

import pytest

from kdse.data.audio import RATE, read_audio
from kdse.data.corpora.chime4 import corpus
from kdse.data.corpora.chime4.corpus import PUBLISHED, find
from kdse.data.corpus import count_subsets
from kdse.data.published import Counts

ISOLATED = "data/audio/16kHz/isolated"


def test_the_published_counts():
    """https://www.chimechallenge.org/challenges/chime3/data: 1,600 real and 7,138 simulated for training, 4 and 83 speakers; 410
    and 330 sentences in four environments for development and test, of 4 other speakers each."""
    counts = {name: (e.utterances, e.speakers) for name, e in PUBLISHED.items()}
    assert counts["tr05_simu"] == counts["tr05_org"] == (7138, 83) and counts["tr05_real"] == (1600, 4)
    for part, sentences in (("dt05", 410), ("et05", 330)):
        assert counts[f"{part}_real"] == counts[f"{part}_simu"] == (4 * sentences, 4) and counts[f"{part}_bth"] == (sentences, 4)


@pytest.fixture
def as_published(monkeypatch, tree):
    """The published counts replaced by those of the miniature, so that it passes for the whole."""
    listing, _ = find(*tree, allow_partial=True)
    counts: dict[str, Counts] = {}
    for utterances in listing.data_dirs().values():
        counts |= count_subsets(utterances)
    assert counts.keys() == PUBLISHED.keys()
    monkeypatch.setattr(corpus, "PUBLISHED", counts)
    monkeypatch.setattr(corpus, "BACKGROUNDS", 8)


def test_a_whole_tree_needs_no_permission(data, as_published, recipe):
    code, out, err = data()
    assert code == 0 and "partial" not in out, err


@pytest.mark.parametrize(
    "subset", ["tr05_org", "tr05_simu", "tr05_real", "dt05_bth", "dt05_simu", "dt05_real", "et05_bth", "et05_simu", "et05_real"]
)
def test_every_subset_is_counted(data, as_published, monkeypatch, recipe, subset):
    held = corpus.PUBLISHED[subset]
    monkeypatch.setitem(corpus.PUBLISHED, subset, Counts(held.utterances + 1, held.speakers))
    code, _, err = data()
    assert code == 2 and f"{subset} of " in err and f"holds {held.utterances} utterances instead of {held.utterances + 1};" in err
    assert not [path for path in recipe.rglob("*") if path.is_file()]
    monkeypatch.setitem(corpus.PUBLISHED, subset, Counts(held.utterances, held.speakers + 1))
    assert f"{held.speakers} speakers instead of {held.speakers + 1};" in data()[2]


def test_hours_are_those_of_the_annotations(data, as_published, tree, write_audio):
    """A recording that was cut short is told by the annotations of the corpus itself."""
    path = tree[0] / ISOLATED / "tr05_caf_real/F05_440C020A_CAF.CH5.wav"
    write_audio(path, read_audio(path)[: RATE // 2])
    code, _, err = data()
    assert code == 2 and re.search(r"tr05_real of .* holds 0\.00 hours instead of 0\.00", err)


def test_a_missing_background_is_counted(data, as_published, monkeypatch):
    monkeypatch.setattr(corpus, "BACKGROUNDS", 9)
    assert "holds 8 recordings instead of 9; fetch what is missing" in data()[2]
