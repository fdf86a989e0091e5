"""The time of each frame of a front end, in a process that holds nothing else but NumPy, and ONNX Runtime where it is needed."""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kdse.bench.harness import Spent, clock, memory_mb
from kdse.bench.silence import Process, time_silence

WARM_UP = 50
"""First frames that do not count."""
LISTENED = 10
"""Seconds of which the delay is measured."""
LONGEST_DELAY = 0.5
"""Seconds."""

Times = dict[str, Any]


def time_model(model: str, audio: str) -> Times:
    """Time a student in kdse's own runtime.

    Args:
        model: name, `.onnx` or run folder.
        audio: `.npy` of samples at the model's rate, float32 (N,).
    """
    from kdse.runtime.packaged import load_model  # here, because it brings ONNX Runtime, which not every peer has
    from kdse.runtime.stream import FrameEnhancer

    loaded = load_model(model)
    return time_streams(lambda: FrameEnhancer(loaded).push, np.load(audio), loaded.hop, loaded.rate)


def time_peer(name: str, prepared: str, audio: str) -> Times:
    """Time a peer.

    Args:
        prepared: what its `prepare` returned.
        audio: as for `time_model`.
    """
    from kdse.enhancers.peers import PEERS

    peer = PEERS[name]
    return time_streams(lambda: peer.make(Path(prepared)), np.load(audio), peer.hop, peer.rate)


def time_streams(make: Callable[[], Process], audio: np.ndarray, hop: int, rate: int) -> Times:
    """What `time_frames` finds of a fresh stream, and `silence`, a frame's time on it over that on speech (`time_silence`)."""
    return time_frames(make(), audio, hop, rate) | {"silence": time_silence(make, audio, hop, rate)}


def imported_mb(modules: list[str]) -> float:
    """MB of this process with these modules, as small as one with a front end can be."""
    for module in modules:
        importlib.import_module(module)
    return memory_mb("VmRSS")


def time_frames(process: Process, audio: np.ndarray, hop: int, rate: int) -> Times:
    """Give samples to a stream, hop by hop, and time each.

    Args:
        process: one hop in, what is ready out.
        audio: float32 (N,).

    Returns:
        rtf: seconds of wall clock for a second of audio, all that happens between frames included.
        cpu: seconds of processor time, likewise.
        median_ms, p99_ms: of a frame.
        hop_ms, latency_ms: of a frame; and what an output sample waits for by design: it is `delay` samples late and one hop is
            collected first.
        memory_mb: of the process at the end, without the audio.
    """
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop)
    counted = len(frames) - WARM_UP
    assert counted > 0, f"{len(frames)} frames are not more than the {WARM_UP} that do not count"
    first = [process(frame) for frame in frames[:WARM_UP]]
    kept = min(LISTENED * rate // hop, len(frames)) - WARM_UP
    times, spent, ready = np.empty(counted), Spent(), sum(map(len, first))
    with clock(spent):
        for number, frame in enumerate(frames[WARM_UP:]):
            start = time.perf_counter()
            out = process(frame)
            times[number] = time.perf_counter() - start
            ready += len(out)
            if number < kept:
                first.append(out)
    resident = memory_mb("VmRSS") - audio.nbytes / 2**20
    late = delay(audio, np.concatenate(first), round(LONGEST_DELAY * rate)) + frames.size - ready
    seconds = counted * hop / rate
    return {
        "rtf": spent.wall / seconds,
        "cpu": spent.cpu / seconds,
        "median_ms": 1000 * float(np.median(times)),
        "p99_ms": 1000 * float(np.percentile(times, 99)),
        "hop_ms": 1000 * hop / rate,
        "latency_ms": 1000 * (late + hop) / rate,
        "memory_mb": resident,
    }


def delay(given: np.ndarray, returned: np.ndarray, longest: int) -> int:
    """Samples by which a stream's output follows its input: where the two correlate best.

    >>> noise = np.random.default_rng(0).standard_normal(4000)
    >>> delay(noise, np.concatenate([np.zeros(160), noise])[:3000], 500)
    160
    """
    length = 2 * len(returned)
    spectra = [np.fft.rfft(signal[: len(returned)], length) for signal in (returned, given)]
    return int(np.fft.irfft(spectra[0] * np.conj(spectra[1]), length)[: longest + 1].argmax())
