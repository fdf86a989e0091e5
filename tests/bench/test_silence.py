"""Silence beside speech: what is slow in it is seen, for however short or long it is slow."""

import time

import numpy as np
import pytest

from kdse.bench.silence import HEARD, time_silence

RATE, HOP = 16000, 1600
SPEECH = np.random.default_rng(0).normal(0, 0.1, 40 * RATE).astype(np.float32)


def stream(slow: range):
    """A front end that takes 0.1 ms a frame, and 0.4 ms for those frames of a silence that are in `slow`."""

    def make():
        silent = [0]

        def process(frame):
            silent[0] = 0 if frame.any() else silent[0] + 1
            until = time.perf_counter() + (0.0004 if silent[0] and silent[0] - 1 in slow else 0.0001)
            while time.perf_counter() < until:
                pass
            return frame

        return process

    return make


@pytest.mark.parametrize(
    "slow, ratio", [(range(0), 1), (range(400), 4), (range(300, 400), 4), (range(100, 200), 4), (range(10), 1)]
)
def test_the_slowest_ten_seconds_count(slow, ratio):
    """Of 400 frames of silence, ten a second; a second alone would be other work on the machine."""
    assert time_silence(stream(slow), SPEECH, HOP, RATE) == pytest.approx(ratio, rel=0.3)


def fading(flushed: bool):
    """A front end whose states fade by a tenth a frame; below 1.2e-38 they are denormal numbers, and by rounding never 0."""

    def make():
        states = [np.zeros(60000, np.float32)]

        def process(frame):
            states[0] = states[0] * np.float32(0.9) + np.float32(np.abs(frame).max())
            if flushed:
                states[0] *= states[0] > 1e-30
            return frame

        return process

    return make


def test_denormal_numbers_are_seen_and_nothing_else():
    """They come after 850 frames, which are 8.5 s at a hop of 10 ms."""
    assert time_silence(fading(flushed=False), SPEECH[: 20 * RATE], 160, RATE) > 1.5
    assert time_silence(fading(flushed=True), SPEECH[: 20 * RATE], 160, RATE) < 1.2


def test_streams_hear_speech_first_and_then_one_of_them_silence():
    heard = []

    def make():
        frames = []
        heard.append(frames)
        return lambda frame: frames.append(frame.any()) or frame

    time_silence(make, SPEECH[: 25 * RATE], HOP, RATE)
    assert len(heard) == 2 and all(len(frames) == (HEARD + 25) * 10 for frames in heard)
    assert all(heard[0]) and all(heard[1][: HEARD * 10]) and not any(heard[1][HEARD * 10 :])
