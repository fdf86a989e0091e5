"""A stream's samples are those of the whole signal, and those of torch; as many as came, each at its place."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdse.core.errors import UserError
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.stream import FRAMES, FrameEnhancer

NEAR_WINDOWS = [0, 1, 2, 127, 128, 129, 255, 256, 257, 383, 384, 511, 512, 513, 767, 768, 769, 1023, 1024, 1025, 1536]
SAME = OutputStage(mix=1)
"""The noisy signal itself, through the STFT and back."""

lengths = st.one_of(st.sampled_from(NEAR_WINDOWS), st.integers(0, 3000))
chunkings = st.lists(st.integers(1, 700), min_size=1, max_size=8).map(tuple)


@given(lengths, chunkings)
@settings(max_examples=60, deadline=None)
def test_streaming_equals_offline(student, enhanced, noise, n, chunks):
    wave = noise(n)
    streamed = enhanced(student.model, wave, chunks)
    assert streamed.shape == (n,) and streamed.dtype == np.float32
    np.testing.assert_allclose(streamed, enhanced(student.model, wave), rtol=0, atol=1e-5)


@pytest.mark.parametrize("chunks", [(1,), (255, 1, 256, 257), (0, 5, 0), (100_000, 1)])
def test_streaming_equals_offline_in_chunks_of_one_sample_and_of_seconds(student, enhanced, noise, chunks):
    wave = noise((FRAMES + 3) * 256 if max(chunks) > FRAMES * 256 else 5000)
    np.testing.assert_allclose(enhanced(student.model, wave, chunks), enhanced(student.model, wave), rtol=0, atol=1e-5)


def test_a_wave_of_more_than_one_block(student, enhanced, noise):
    """Frames are enhanced `FRAMES` at once at most; where they are cut does not count."""
    wave = noise(int(2.5 * FRAMES) * student.model.hop)
    np.testing.assert_allclose(enhanced(student.model, wave), enhanced(student.model, wave, (4000,)), rtol=0, atol=1e-5)


@given(lengths)
@settings(max_examples=40, deadline=None)
def test_every_sample_has_its_place(student, enhanced, noise, n):
    """With the noisy signal mixed in alone, what comes out is what went in, to the last sample."""
    wave = noise(n)
    np.testing.assert_allclose(enhanced(student.model, wave, (100, 333), SAME), wave, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [257, 300, 511, 512, 513, 1000, 4096, 4097, 16000])
def test_samples_are_those_of_torch(student, enhanced, noise, n):
    """torch.stft, the network, torch.istft; but for the end, where torch divides by the rim of its last windows."""
    wave, hop = noise(n), student.model.hop
    whole = n // hop * hop - (256 - hop)  # behind it, samples have fewer windows than all others
    wanted, got = student.torch_whole(wave), enhanced(student.model, wave)
    np.testing.assert_allclose(got[:whole], wanted[:whole], rtol=0, atol=1e-5)
    assert whole > 16000 or np.abs(wave - got).max() > 0.01, "the network must do something for this to mean anything"


def test_windows_are_those_of_torch(student):
    np.testing.assert_allclose(student.model.window, student.torch_window(), rtol=0, atol=1e-6)


def test_the_end_is_mirrored(student, enhanced, noise):
    """As if the signal went on backwards for half a window."""
    wave, hop = noise(2000), student.model.hop
    longer = np.concatenate([wave, wave[-2:-258:-1]])
    same = (2000 // hop + 1) * hop - 256  # what frames within 2256 samples complete
    np.testing.assert_allclose(enhanced(student.model, wave)[:same], enhanced(student.model, longer)[:same], rtol=0, atol=1e-6)


def test_silence_is_silence(student, enhanced):
    """Exactly, from the first sample on, and again after speech as soon as no window holds any of it."""
    assert not enhanced(student.model, np.zeros(5000, np.float32), (160,)).any()
    assert not enhanced(student.model, np.zeros(100, np.float32)).any()


def test_silence_after_speech_is_silence(student, enhanced, noise):
    wave = np.concatenate([noise(5000), np.zeros(5000, np.float32)])
    got = enhanced(student.model, wave, (160,))
    assert got[4000:5000].any() and not got[5000 + 512 :].any()


@pytest.mark.parametrize("level", [1e-4, 0.1, 1.0, 30.0])
def test_level_is_kept(exported, lived_in, students, enhanced, noise, level):
    """Where all gains are 1 the signal comes back as loud as it was, peaks above full scale too."""
    net = lived_in(type(students["bandcrn"].net)(257, (3, 4), 6, bands=16))
    torch.nn.init.zeros_(net.last.weight)
    net.last.bias.fill_(30.0)
    wave = noise(6000, level=level)
    got = enhanced(Model(exported(net), "open"), wave, (999,))
    np.testing.assert_allclose(got, wave, rtol=0, atol=1e-6 * level)
    assert level < 1 or np.abs(got).max() > 1


def test_a_stream_begins_anew_after_its_end(model, noise):
    wave, stream = noise(3000), FrameEnhancer(model)
    first = [stream.push(wave), stream.flush()]
    again = [stream.push(wave), stream.flush()]
    stream.push(noise(700, seed=5))
    stream.reset()
    third = [stream.push(wave), stream.flush()]
    for other in (again, third):
        assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert stream.flush().shape == (0,)


def test_streams_of_one_model_do_not_meet(model, enhanced, noise):
    waves = [noise(3000, seed=1), noise(3000, seed=2)]
    streams = [FrameEnhancer(model), FrameEnhancer(model)]
    parts = [[], []]
    for start in range(0, 3000, 300):
        for stream, wave, part in zip(streams, waves, parts, strict=True):
            part.append(stream.push(wave[start : start + 300]))
    for stream, wave, part in zip(streams, waves, parts, strict=True):
        np.testing.assert_array_equal(np.concatenate([*part, stream.flush()]), enhanced(model, wave, (300,)))


REFUSED = {
    "nan": (np.array([0.1, np.nan, np.nan], np.float32), "the input holds NaN or infinite samples, the first at sample 1001"),
    "inf": (np.array([-np.inf], np.float32), "the input holds NaN or infinite samples, the first at sample 1000"),
    "loud": (np.array([0, 0, 32768000.0]), "the input holds samples beyond ±1e6 where full scale is ±1, the first at sample 1002"),
    "beyond float32": (np.array([1e300]), "the input holds samples beyond ±1e6 where full scale is ±1, the first at sample 1000"),
    "int16": (np.zeros(3, np.int16), "samples are floats with full scale ±1, not int16; divide 16-bit integers by 32768"),
    "complex": (np.zeros(3, complex), "samples are floats with full scale ±1, not complex128; divide 16-bit integers by 32768"),
    "two channels": (np.zeros((3, 2)), "a chunk is one channel (n,), not an array of shape (3, 2)"),
    "a number": (0.5, "a chunk is one channel (n,), not an array of shape ()"),
}


@pytest.mark.parametrize("chunk, sentence", REFUSED.values(), ids=REFUSED)
def test_a_chunk_that_is_refused_was_never_there(student, enhanced, noise, chunk, sentence):
    """Before the first frame, in the middle of one, and at the end."""
    wave, stream, parts = noise(4000), FrameEnhancer(student.model), []
    for start in range(0, 4000, 1000):
        parts.append(stream.push(wave[start : start + 1000]))
        with pytest.raises(UserError) as refusal:
            stream.push(chunk)
        if start == 0:
            assert str(refusal.value) == sentence
    np.testing.assert_array_equal(np.concatenate([*parts, stream.flush()]), enhanced(student.model, wave, (1000,)))


def test_a_first_chunk_that_is_refused(model, enhanced, noise):
    stream, wave = FrameEnhancer(model), noise(1500)
    with pytest.raises(UserError, match=r"the first at sample 2$"):
        stream.push(np.array([0, 0, np.nan]))
    np.testing.assert_array_equal(np.concatenate([stream.push(wave), stream.flush()]), enhanced(model, wave))


@pytest.mark.parametrize("kind, tolerance", [(np.float16, 1e-4), (np.float64, 0), (np.dtype(">f4"), 0), (np.longdouble, 0)])
def test_other_floats(model, enhanced, noise, kind, tolerance):
    wave = noise(2000)
    got = enhanced(model, wave.astype(kind), (333,))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, enhanced(model, wave, (333,)), rtol=0, atol=tolerance)


def test_a_chunk_may_be_a_view_and_is_not_kept(model, enhanced, noise):
    """A caller may fill the same buffer again and again."""
    wave, stream, buffer, parts = noise(3000), FrameEnhancer(model), np.zeros(200, np.float32), []
    for start in range(0, 3000, 100):
        buffer[::2] = wave[start : start + 100]
        parts.append(stream.push(buffer[::2]))
        buffer[:] = 7
    np.testing.assert_array_equal(np.concatenate([*parts, stream.flush()]), enhanced(model, wave, (100,)))
