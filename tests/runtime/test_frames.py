"""Frames in buffers that are used again: what ONNX Runtime gives with new arrays for each, and no stream sees another's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kdse.runtime.model import Model
from kdse.runtime.stream import FrameEnhancer


@pytest.fixture(scope="session")
def spectra() -> Callable[..., np.ndarray]:
    """spectra(T, seed) -> complex64 (T, 257)."""

    def make(count: int, seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        return (random.standard_normal((count, 257)) + 1j * random.standard_normal((count, 257))).astype(np.complex64)

    return make


def plainly(model: Model, spectra: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Each frame by `Model.step`, which takes and gives new arrays."""
    states, frames = model.initial_states(), []
    for frame in spectra:
        enhanced, states = model.step(np.stack([frame.real, frame.imag], -1)[None, :, None], states)
        frames.append(enhanced.reshape(-1).view(np.complex64))
    return np.array(frames), states


def same(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_frames_and_states_are_those_of_single_steps(student, spectra, count):
    given = spectra(count)
    wanted, states = plainly(student.model, given)
    frames = student.model.frames()
    assert np.array_equal(frames.run(given), wanted) and same(frames.states, states)
    frames.reset()
    assert not any(state.any() for state in frames.states)
    assert np.array_equal(frames.run(given), wanted), "after a reset at an odd or even number of frames"


def test_it_goes_on_from_states(student, spectra):
    """They are copied, in and out."""
    given = spectra(9)
    wanted, states = plainly(student.model, given)
    first = student.model.frames()
    first.run(given[:4])
    middle = first.states
    kept = tuple(state.copy() for state in middle)
    second = student.model.frames(middle)
    assert np.array_equal(second.run(given[4:]), wanted[4:]) and same(second.states, states)
    assert same(middle, kept) and same(first.states, kept)


def test_the_next_frame_leaves_what_was_given_alone(student, spectra):
    frames, given = student.model.frames(), spectra(4)
    first = frames.run(given[:2])
    kept = first.copy()
    frames.run(given[2:])
    assert np.array_equal(first, kept)


def test_frames_of_one_model_take_turns(student, spectra):
    given = [spectra(8, seed) for seed in range(2)]
    frames = [student.model.frames() for _ in given]
    parts = [[one.run(wave[k : k + 1]) for one, wave in zip(frames, given, strict=True)] for k in range(8)]
    for wave, part in zip(given, zip(*parts, strict=True), strict=True):
        assert np.array_equal(np.concatenate(part), plainly(student.model, wave)[0])


def test_streams_of_one_model_in_threads(student, enhanced, noise):
    waves = [noise(16000, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda wave: enhanced(student.model, wave, (256,)), waves))
    for wave, result in zip(waves, got, strict=True):
        assert np.array_equal(result, enhanced(student.model, wave, (256,)))


@pytest.mark.parametrize("chunk", [1, 256, 300, 2000])
def test_what_a_stream_gave_belongs_to_the_caller(student, enhanced, noise, chunk):
    """It may be written to, and the stream writes to it no more."""
    wave, stream, parts, kept = noise(4000), FrameEnhancer(student.model), [], []
    for start in range(0, 4000, chunk):
        parts.append(stream.push(wave[start : start + chunk]))
        kept.append(parts[-1].copy())
        parts[-1][:] = 1e6
    rest = stream.flush()
    assert all((part == 1e6).all() for part in parts)
    np.testing.assert_array_equal(np.concatenate([*kept, rest]), enhanced(student.model, wave, (chunk,)))
