"""Stretches of noise: drawn where the noise sounds, and played again from its beginning where it is short."""

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.mix import rng_for
from kdse.data.stretch import choose_stretch, cut, pick


def test_a_short_noise_goes_on_from_its_beginning():
    assert cut(np.arange(5), 3, 4).tolist() == [3, 4, 0, 1] and cut(np.arange(5), 1, 3).tolist() == [1, 2, 3]


def test_a_short_noise_is_refused_unless_it_may_be_repeated(noiselike):
    short = noiselike(0.1, 0)
    with pytest.raises(UserError, match=r"noise owl \(0\.10 s\) is shorter than utterance u \(0\.50 s\)"):
        choose_stretch(rng_for(0), short, 8000, "u", "owl")
    offset, stretch = choose_stretch(rng_for(0), short, 8000, "u", "owl", "repeat")
    assert np.array_equal(stretch, np.tile(short, 7)[offset : offset + 8000])


def test_each_is_picked():
    assert {pick(rng_for(i), "abc") for i in range(30)} == set("abc")


def test_silent_stretches_are_not_chosen():
    """A noise that is mostly silence is still mixed where it sounds."""
    rare = np.zeros(160000, np.int16)
    rare[90000:91000] = 500
    for i in range(20):
        offset, stretch = choose_stretch(rng_for(i), rare, 8000, "utt", "owl")
        assert stretch.any() and np.array_equal(stretch, rare[offset : offset + 8000])
