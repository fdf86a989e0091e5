"""Peers as systems of a comparison: on speech-like sound each is brought back to the sample, whatever its rate and delay."""

import sys
from pathlib import Path

import numpy as np
import pytest

from kdse.bench.noisy_speech import noisy_speech
from kdse.compare.choose import student
from kdse.compare.systems import LogMMSE, PeerSystem, System
from kdse.enhancers.align import LONGEST, aligned, at_rate, delay
from kdse.enhancers.peers import PEERS, WHOLE

FOLDER = Path(sys.prefix) / "peers"
DELAYS = {
    "RNNoise 0.1": 10,
    "RNNoise 0.2": 20,
    "GTCRN": 16,
    "DTLN": 24,
    "NSNet2": 10,
    "DeepFilterNet3": 30,
    "WebRTC NS": 6,
    "noisereduce": 0,
    "logmmse": 0,
    "log-MMSE (kdse)": 0,
    "general": 0,
}
"""Milliseconds by which an output follows its input: latency by design less the hop that is collected (tests/enhancers/peers)."""


@pytest.fixture(params=DELAYS)
def system(request) -> System:
    name = request.param
    if name == "general":
        return student("general", {})
    if name == LogMMSE.name:
        return LogMMSE()
    if why := (PEERS.get(name) or WHOLE[name]).missing(FOLDER):
        pytest.skip(f"{name}: {why} in {FOLDER}; its package is one of tools/peers-requirements.txt")
    return PeerSystem(name, FOLDER)


def test_its_delay_is_that_of_its_design_and_is_taken_back(system):
    samples, _ = noisy_speech(3)
    signal, make = at_rate(samples, 16000, system.rate), system.load()
    late = delay(signal, make()(signal), round(LONGEST * system.rate))
    assert 1000 * late / system.rate == pytest.approx(DELAYS[system.name], abs=0.1)  # RNNoise's high-pass filter moves its peak
    back = at_rate(aligned(make(), signal, late), system.rate, 16000)
    assert len(back) == len(samples) and delay(samples, back, 4000) == 0


def test_it_forgets_what_it_heard_before(system):
    """So recordings can be done in any order, by any number of processes."""
    samples, _ = noisy_speech(1)
    signal, make = at_rate(samples, 16000, system.rate), system.load()
    first = make()(signal)
    make()(signal[::-1] * np.float32(0.3))
    np.testing.assert_array_equal(make()(signal), first)


def test_its_state_names_what_it_is(system):
    state = system.state()
    assert any("sha256" in key or key == "model" for key in state) and state == system.state()
    if system.kind == "peer":
        assert state["version"] == system.facts()["version"] != "?"
