"""Timing a stream: what counts, what an output waits for, and memory without the audio."""

import subprocess
import sys
import time

import numpy as np
import pytest

from kdse.bench.frame_times import WARM_UP, delay, time_frames

RATE, HOP = 16000, 160
NOISE = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)


def late(samples: int):
    """A stream that gives what it got, so many samples later."""
    kept = [np.zeros(samples, np.float32)]

    def process(frame):
        kept[0] = np.concatenate([kept[0], frame])
        out, kept[0] = kept[0][: len(frame)], kept[0][len(frame) :]
        return out

    return process


@pytest.mark.parametrize("samples", [0, 1, 160, 1440])
def test_latency_is_the_delay_and_the_hop_that_is_collected(samples):
    times = time_frames(late(samples), NOISE, HOP, RATE)
    assert times["latency_ms"] == pytest.approx(1000 * (samples + HOP) / RATE)
    assert times["hop_ms"] == 10


def test_samples_that_are_held_back_are_latency_too():
    """A stream that gives aligned samples gives fewer than it got: here 256, as a window of 512 with a hop of 256 does."""
    held = [np.zeros(0, np.float32)]

    def process(frame):
        held[0] = np.concatenate([held[0], frame])
        ready = max(len(held[0]) - 256, 0)
        out, held[0] = held[0][:ready], held[0][ready:]
        return out

    assert time_frames(process, NOISE, 256, RATE)["latency_ms"] == 32


def test_a_delay_is_found_in_what_noise_reduction_leaves():
    """The output is another signal than the input, the delay is still that of the part that passed."""
    left = np.convolve(NOISE, [0.5, 0.3, 0.1])[: len(NOISE)] * 0.1
    assert delay(NOISE, np.concatenate([np.zeros(480), left])[:RATE], RATE // 2) == 480


def test_times_are_of_single_frames_after_the_first():
    """Of 150 frames that count, 3 take 20 ms and the others 1 ms; the first ones take 30 ms and do not count."""
    count = [0]

    def process(frame):
        count[0] += 1
        slow = count[0] in (60, 100, 140)
        time.sleep(0.03 if count[0] <= WARM_UP and count[0] > WARM_UP - 3 else 0.02 if slow else 0.001)
        return frame

    times = time_frames(process, NOISE[: 200 * HOP], HOP, RATE)
    assert 1 <= times["median_ms"] < 10 and times["p99_ms"] >= 19
    least = (147 * 0.001 + 3 * 0.02) / 1.5
    assert least <= times["rtf"]
    assert times["cpu"] < 0.5 * times["rtf"], "sleeping takes no processor time"


def test_memory_leaves_the_audio_out():
    """In a process of its own: what other tests give back would count."""
    code = """
import numpy as np
from kdse.bench.frame_times import time_frames
short = np.ones(60 * 256, np.float32)
without = time_frames(lambda frame: frame, short, 256, 16000)["memory_mb"]
long = np.ones(100 * 2**18, np.float32)  # 100 MB, all touched
print(time_frames(lambda frame: frame, long, 2**16, 16000)["memory_mb"] - without)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert abs(float(done.stdout)) < 50
