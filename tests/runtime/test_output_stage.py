"""Floor, exponent and mix, in numbers worked by hand."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdse.core.errors import UserError
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.stream import FrameEnhancer

Y = np.array([2, -2j, 1 + 1j, 4, 3j, 0], np.complex64)
"""Noisy bins."""
X = np.array([1, -0.02j, 1j, 6, 0, 0], np.complex64)
"""Enhanced bins, with gains of 0.5, 0.01, 0.7071 (with another phase), 1.5, 0, and none."""

CASES = {
    "as it is": ({}, X),
    "floor of 0.1": ({"floor_db": -20}, [1, -0.2j, 1j, 6, 0.3j, 0]),
    "floor of 1": ({"floor_db": 0}, [2, -2j, 2**0.5 * 1j, 6, 3j, 0]),
    "square root": ({"exponent": 0.5}, [2 * 0.5**0.5, -0.2j, 2**0.25 * 1j, 4 * 1.5**0.5, 0, 0]),
    "square": ({"exponent": 2}, [0.5, -0.0002j, 0.5**0.5 * 1j, 9, 0, 0]),
    "no gain": ({"exponent": 0}, [2, -2j, 2**0.5 * 1j, 4, 3j, 0]),
    "a quarter of the noisy": ({"mix": 0.25}, [1.25, -0.515j, 0.25 + 1j, 5.5, 0.75j, 0]),
    "the noisy": ({"mix": 1}, Y),
    "floor before exponent": ({"floor_db": -20, "exponent": 2}, [0.5, -0.02j, 0.5**0.5 * 1j, 9, 0.03j, 0]),
    "all": ({"floor_db": -20, "exponent": 2, "mix": 0.5}, [1.25, -1.01j, 0.5 + (0.5 + 0.5**1.5) * 1j, 6.5, 1.515j, 0]),
}


@pytest.mark.parametrize("options, wanted", CASES.values(), ids=CASES)
def test_formulas(options, wanted):
    """g′ = max(g, floor)^exponent, ŝ = (1 − ω)·g′·y + ω·y; the phase stays the student's."""
    got = OutputStage(**options).apply(Y, X)
    assert got.dtype == np.complex64
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)


finite = st.floats(-1e6, 1e6, width=32)
bins = st.lists(st.builds(complex, finite, finite), min_size=1, max_size=4).map(lambda values: np.array(values, np.complex64))
stages = st.builds(
    OutputStage,
    floor_db=st.one_of(st.just(-np.inf), st.floats(-200, 0)),
    exponent=st.floats(0, 10),
    mix=st.floats(0, 1),
)


@given(bins, st.floats(0, 1), st.sampled_from([1, 1j, -1]), stages)
def test_masks_below_1_stay_below_1(noisy, gain, turn, stage):
    """No stage makes a bin louder than it was, or than anything but a number; silence stays silence."""
    got = stage.apply(noisy, (gain * turn * noisy).astype(np.complex64))
    assert np.all(np.abs(got) <= np.abs(noisy) * (1 + 1e-5))
    assert not stage.apply(np.zeros(3, np.complex64), np.zeros(3, np.complex64)).any()


@given(bins, st.floats(0, 1), st.floats(-60, 0))
def test_no_bin_falls_below_the_floor(noisy, gain, floor):
    got = OutputStage(floor_db=floor).apply(noisy, (gain * noisy).astype(np.complex64))
    assert np.all(np.abs(got) >= np.abs(noisy) * 10 ** (floor / 20) * (1 - 1e-5))


WRONG = {
    "floor above 0": ({"floor_db": 1}, "the floor is a gain in dB, 0 or less, not 1"),
    "no floor": ({"floor_db": float("nan")}, "the floor is a gain in dB, 0 or less, not nan"),
    "negative exponent": ({"exponent": -0.5}, "the exponent of the gains is from 0 to 10, not -0.5"),
    "huge exponent": ({"exponent": 11}, "the exponent of the gains is from 0 to 10, not 11"),
    "infinite exponent": ({"exponent": float("inf")}, "the exponent of the gains is from 0 to 10, not inf"),
    "no exponent": ({"exponent": float("nan")}, "the exponent of the gains is from 0 to 10, not nan"),
    "mix above 1": ({"mix": 1.01}, "the mix is a share of the noisy signal from 0 to 1, not 1.01"),
    "negative mix": ({"mix": -0.1}, "the mix is a share of the noisy signal from 0 to 1, not -0.1"),
    "no mix": ({"mix": float("nan")}, "the mix is a share of the noisy signal from 0 to 1, not nan"),
}


@pytest.mark.parametrize("options, sentence", WRONG.values(), ids=WRONG)
def test_values_outside_their_range(options, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        OutputStage(**options)


def test_defaults_come_from_the_metadata():
    assert OutputStage.of({}) == OutputStage(-np.inf, 1.0, 0.0)
    assert OutputStage.of({"floor_db": "-inf", "exponent": "1", "mix": "0", "n_fft": "512"}) == OutputStage()
    assert OutputStage.of({"floor_db": "-16", "exponent": "0.8", "mix": "0.2"}) == OutputStage(-16.0, 0.8, 0.2)
    with pytest.raises(UserError, match=r"^floor_db, exponent and mix must be numbers: .*'loud'$"):
        OutputStage.of({"mix": "loud"})


def test_options_override_the_defaults_one_by_one():
    stage = OutputStage(-16.0, 0.8, 0.2)
    assert stage.with_options(None, None, None) == stage
    assert stage.with_options(-12, None, None) == OutputStage(-12, 0.8, 0.2)
    assert stage.with_options(None, 1, 0) == OutputStage(-16, 1, 0)
    with pytest.raises(UserError, match="the mix is"):
        stage.with_options(None, None, 2)


def test_a_stream_has_the_defaults_of_its_model(students, exported, enhanced, noise):
    """And the stage works on the student's own gains: with a floor of 0 dB and gains below 1 nothing is taken away."""
    net, wave = students["bandcrn"].net, noise(4000)
    mixing = Model(exported(net, mix=0.25, floor_db=-20), "mixing")
    plain = students["bandcrn"].model
    assert FrameEnhancer(mixing).output == OutputStage(-20, 1, 0.25)
    given = enhanced(plain, wave, output=OutputStage(-20, 1, 0.25))
    np.testing.assert_array_equal(enhanced(mixing, wave), given)
    np.testing.assert_array_equal(enhanced(mixing, wave, output=OutputStage()), enhanced(plain, wave))
    np.testing.assert_allclose(enhanced(plain, wave, output=OutputStage(floor_db=0)), wave, rtol=0, atol=1e-6)
    mixed = enhanced(plain, wave, output=OutputStage(mix=0.25))
    np.testing.assert_allclose(mixed, 0.75 * enhanced(plain, wave) + 0.25 * wave, rtol=0, atol=1e-6)
