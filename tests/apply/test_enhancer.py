"""Arrays and streams of any rate and any number of channels: lengths, places, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdse import Enhancer, StreamingEnhancer
from kdse.core.errors import UserError
from kdse.nets.bandcrn import BandCRN
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.stream import LOUDEST, FrameEnhancer

RATES = (8000, 11025, 16000, 22050, 44100, 48000, 96000)


@pytest.fixture(scope="module")
def file(exported, lived_in, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "student.onnx"
    path.write_bytes(exported(lived_in(BandCRN(257, (3, 4), 6, bands=16))))
    return path


@pytest.fixture(scope="module")
def same(other_model, tmp_path_factory) -> Enhancer:
    """A network whose gains are all 1, so that resampling and STFT remain."""
    return Enhancer.from_pretrained(other_model(tmp_path_factory.mktemp("model") / "same.onnx", 1.0))


@pytest.fixture(scope="module")
def enhancer(file) -> Enhancer:
    return Enhancer.from_pretrained(file)


def tones(rate: int, n: int, channels: int | None = None) -> np.ndarray:
    """float32 (N,) or (N, C): tones below 3 kHz that come and go, others in each channel."""
    t = np.arange(n)[:, None] / rate
    f = 300 + 450 * np.arange(channels or 1) + np.array([0, 137, 801])[:, None, None]
    wave = 0.1 * np.sum(np.sin(2 * np.pi * f * t), axis=0) * np.sin(2 * np.pi * 3 * t) ** 2
    return (wave if channels else wave[:, 0]).astype(np.float32)


def streamed(stream: StreamingEnhancer, wave: np.ndarray, chunks: tuple[int, ...]) -> np.ndarray:
    parts, start, turn = [], 0, 0
    while start < len(wave):
        stop = start + chunks[turn % len(chunks)]
        parts.append(stream.push(wave[start:stop]))
        start, turn = stop, turn + 1
    return np.concatenate([*parts, stream.flush()])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [None, 1, 2, 5])
def test_shape_and_place_are_kept(enhancer, same, rate, channels):
    """With gains of 1, tones far below half the rates come out where and as loud as they went in."""
    wave = tones(rate, rate + 7, channels)
    got = same(wave, rate)
    assert got.shape == wave.shape and got.dtype == np.float32
    edge = rate // 50  # filters begin and end with half of their support
    np.testing.assert_allclose(got[edge:-edge], wave[edge:-edge], rtol=0, atol=2e-4)
    assert np.abs(enhancer(wave, rate) - wave).max() > 0.01, "the network must do something for this to mean anything"


@pytest.mark.parametrize("rate", RATES)
def test_every_length_is_kept(enhancer, rate):
    for n in (0, 1, 2, 3, 7, 100, 255, 256, 257, 511, 512, 513, 1000, 1025, 2999, 3000):
        assert enhancer(tones(rate, n), rate).shape == (n,)
        assert enhancer(tones(rate, n, 2), rate).shape == (n, 2)


chunkings = st.lists(st.integers(1, 3000), min_size=1, max_size=6).map(tuple)


@given(st.sampled_from(RATES), st.sampled_from([None, 1, 2, 3]), st.integers(0, 9000), chunkings)
@settings(max_examples=60, deadline=None)
def test_streaming_equals_offline(enhancer, rate, channels, n, chunks):
    wave = tones(rate, n, channels)
    stream = StreamingEnhancer(enhancer.model, rate, channels or 1)
    got = streamed(stream, wave, chunks) if n else stream.flush()
    assert len(got) == n
    if n:
        np.testing.assert_allclose(got, enhancer(wave, rate), rtol=0, atol=1e-5)


def test_one_sample_at_a_time(enhancer):
    wave = tones(44100, 3000)
    got = streamed(StreamingEnhancer(enhancer.model, 44100), wave, (1,))
    np.testing.assert_allclose(got, enhancer(wave, 44100), rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_channels_do_not_meet(enhancer, rate):
    """Each comes out as by itself; a silent one silent."""
    wave = tones(rate, 20000, 3)
    wave[:, 1] = 0
    together = enhancer(wave, rate)
    for channel in range(3):
        np.testing.assert_allclose(together[:, channel], enhancer(wave[:, channel], rate), rtol=0, atol=1e-6)
    assert not together[:, 1].any() and together[:, 2].any()


def test_the_rate_of_the_model_is_not_resampled(enhancer):
    wave, frames = tones(16000, 5000), FrameEnhancer(enhancer.model)
    np.testing.assert_array_equal(enhancer(wave, 16000), np.concatenate([frames.push(wave), frames.flush()]))


@pytest.mark.parametrize("rate", RATES)
def test_what_the_band_does_not_hold_is_lost(same, rate):
    """A model of 16 kHz knows nothing above 8 kHz; at higher rates that band comes out empty, at lower ones there is none."""
    wave = (0.1 * np.sin(2 * np.pi * 12000 / rate * np.arange(rate))).astype(np.float32) if rate > 24000 else tones(rate, rate)
    level = np.std(same(wave, rate)[rate // 10 : -rate // 10])
    assert level < 1e-4 if rate > 24000 else level > 0.03


@pytest.mark.parametrize("rate", [16000, 48000])
def test_peaks_above_full_scale_survive(same, rate):
    wave = 20 * tones(rate, rate)
    loudest = np.abs(same(wave, rate)).max()
    assert loudest == pytest.approx(np.abs(wave).max(), rel=1e-3) and loudest > 2


@pytest.mark.parametrize("rate", [8000, 48000])
def test_the_noisy_signal_alone_is_what_it_was(enhancer, rate):
    """A mix of 1 resamples nothing: all of the band is there, to the last bit."""
    wave = np.random.default_rng(0).normal(0, 0.1, (5000, 2)).astype(np.float32)
    np.testing.assert_array_equal(Enhancer(enhancer.model, OutputStage(mix=1))(wave, rate), wave)


@pytest.mark.parametrize("rate", RATES)
def test_silence_is_silence(enhancer, rate):
    assert not enhancer(np.zeros(rate, np.float32), rate).any()


def test_long_waves_are_the_same_in_any_block(enhancer, monkeypatch):
    wave = tones(22050, 200_000)
    whole = enhancer(wave, 22050)
    monkeypatch.setattr("kdse.apply.enhancer.BLOCK", 1777)
    np.testing.assert_allclose(enhancer(wave, 22050), whole, rtol=0, atol=1e-5)


def test_options_reach_the_output_stage(file, exported, lived_in, tmp_path):
    wave = tones(16000, 4000)
    plain, half = Enhancer.from_pretrained(file)(wave, 16000), Enhancer.from_pretrained(file, mix=0.5)(wave, 16000)
    np.testing.assert_allclose(half, (plain + wave) / 2, rtol=0, atol=1e-6)
    np.testing.assert_allclose(Enhancer.from_pretrained(file, floor=0)(wave, 16000), wave, rtol=0, atol=1e-6)
    np.testing.assert_allclose(streamed(StreamingEnhancer.from_pretrained(file, mix=0.5), wave, (100,)), half, rtol=0, atol=1e-5)
    mixing = tmp_path / "mixing.onnx"
    mixing.write_bytes(exported(lived_in(BandCRN(257, (3, 4), 6, bands=16)), mix=0.5))
    np.testing.assert_array_equal(Enhancer.from_pretrained(mixing)(wave, 16000), half)
    np.testing.assert_array_equal(Enhancer.from_pretrained(mixing, mix=0)(wave, 16000), plain)
    with pytest.raises(UserError, match="the mix is a share"):
        Enhancer.from_pretrained(file, mix=2)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_floats_come_back_as_float32(enhancer, kind):
    wave = tones(16000, 3000)
    got = enhancer(wave.astype(kind), 16000)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, enhancer(wave, 16000), rtol=0, atol=1e-4)
    assert enhancer(np.zeros(0, kind), 16000).dtype == np.float32
    np.testing.assert_array_equal(enhancer(wave[:400].tolist(), 16000), enhancer(wave[:400], 16000))


RATE = "a sampling rate is a whole number from 1000 to 768000 Hz, not "
SIGNALS = {
    "a number": (0.5, 16000, "a signal has the shape (N,) or (N, channels), not ()"),
    "three axes": (np.zeros((2, 3, 4)), 16000, "a signal has the shape (N,) or (N, channels), not (2, 3, 4)"),
    "channels first": (
        np.zeros((2, 4000)),
        16000,
        "there are 1 to 64 channels, not 4000; an array of samples is (N, channels)",
    ),
    "no channels": (np.zeros((5, 0)), 16000, "there are 1 to 64 channels, not 0; an array of samples is (N, channels)"),
    "int16": (np.zeros(9, np.int16), 16000, "samples are floats with full scale ±1, not int16; divide 16-bit integers by 32768"),
    "no int16": (np.zeros(0, np.int16), 16000, "samples are floats with full scale ±1, not int16; divide 16-bit integers by 32768"),
    "text": (["a", "b"], 16000, "samples are floats with full scale ±1, not <U1; divide 16-bit integers by 32768"),
    "ragged": ([[0.0, 1.0], [0.0]], 16000, "a signal is an array of floats, (N,) or (N, channels)"),
    "nan": (np.array([0, 0, np.nan]), 44100, "the input holds NaN or infinite samples, the first at sample 2"),
    "nan on the right": (
        np.array([[0, 0], [0, -np.inf]]),
        44100,
        "the input holds NaN or infinite samples, the first at sample 1",
    ),
    "late nan": (
        np.append(np.zeros(70000), np.nan),
        16000,
        "the input holds NaN or infinite samples, the first at sample 70000",
    ),
    "integers as floats": (
        np.array([0, 3e7]),
        44100,
        "the input holds samples beyond ±1e6 where full scale is ±1, the first at sample 1",
    ),
    "a rate of 0": (np.zeros(9), 0, RATE + "0"),
    "a slow rate": (np.zeros(9), 999, RATE + "999"),
    "a quick rate": (np.zeros(9), 10**6, RATE + "1000000"),
    "a negative rate": (np.zeros(9), -16000, RATE + "-16000"),
    "half a hertz": (np.zeros(9), 16000.5, RATE + "16000.5"),
    "no rate": (np.zeros(9), None, RATE + "None"),
    "rate nan": (np.zeros(9), float("nan"), RATE + "nan"),
    "an infinite rate": (np.zeros(9), float("inf"), RATE + "inf"),
    "a rate in words": (np.zeros(9), "16k", RATE + "16k"),
}


@pytest.mark.parametrize("wave, rate, sentence", SIGNALS.values(), ids=SIGNALS)
def test_signals_that_are_refused(enhancer, wave, rate, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        enhancer(wave, rate)


@pytest.mark.parametrize("channels", [0, 65, 1.5, None, "2"])
def test_channels_that_are_refused(enhancer, channels):
    sentence = f"there are 1 to 64 channels, not {channels}; an array of samples is (N, channels)"
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        StreamingEnhancer(enhancer.model, 16000, channels)


def test_numbers_of_numpy_are_numbers(enhancer):
    wave = tones(44100, 3000)
    np.testing.assert_array_equal(enhancer(wave, np.int64(44100)), enhancer(wave, 44100))
    np.testing.assert_array_equal(enhancer(wave, 44100.0), enhancer(wave, 44100))


CHUNKS = {
    "nan": (np.array([[0, 0], [np.nan, 0]]), "the input holds NaN or infinite samples, the first at sample 1001"),
    "one channel": (np.zeros(5), "a chunk of this stream has the shape (n, 2), not (5,)"),
    "three channels": (np.zeros((5, 3)), "a chunk of this stream has the shape (n, 2), not (5, 3)"),
    "int16": (np.zeros((5, 2), np.int16), "samples are floats with full scale ±1, not int16; divide 16-bit integers by 32768"),
}


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("chunk, sentence", CHUNKS.values(), ids=CHUNKS)
def test_a_chunk_that_is_refused_was_never_there(enhancer, rate, chunk, sentence):
    wave = tones(rate, 4000, 2)
    stream, parts = StreamingEnhancer(enhancer.model, rate, 2), []
    for start in range(0, 4000, 1000):
        parts.append(stream.push(wave[start : start + 1000]))
        with pytest.raises(UserError) as refusal:
            stream.push(chunk)
        assert start or str(refusal.value) == sentence
    got = np.concatenate([*parts, stream.flush()])
    np.testing.assert_array_equal(got, streamed(StreamingEnhancer(enhancer.model, rate, 2), wave, (1000,)))


def test_the_loudest_samples_are_loud_enough_for_resampling(enhancer):
    """A filter overshoots; what was taken is not refused behind it."""
    wave = np.where(np.arange(9000) % 60 < 30, LOUDEST, -LOUDEST)
    assert enhancer(wave, 48000).shape == (9000,)


def test_a_stream_begins_anew_after_its_end(enhancer):
    wave = tones(44100, 3000, 2)
    stream = StreamingEnhancer(enhancer.model, 44100, 2)
    first = streamed(stream, wave, (700,))
    np.testing.assert_array_equal(streamed(stream, wave, (700,)), first)
    stream.push(wave[::-1])
    stream.reset()
    np.testing.assert_array_equal(streamed(stream, wave, (700,)), first)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_chunks_come_in_the_form_that_they_go_in(enhancer, rate):
    """(n,) or (n, C), those that hold nothing too."""
    for channels, shape in ((1, (0,)), (2, (0, 2))):
        stream = StreamingEnhancer(enhancer.model, rate, channels)
        assert stream.flush().shape == shape
        assert stream.push(np.zeros(shape, np.float32)).shape == shape
        assert stream.push(np.zeros((0, channels), np.float32)).shape == (0, channels)
    one = StreamingEnhancer(enhancer.model, rate)
    assert one.push(np.zeros((100, 1))).shape == (0, 1) and one.flush().shape == (100, 1)
    assert one.push(np.zeros(100)).shape == (0,) and one.flush().shape == (100,)


@pytest.mark.parametrize("rate, most", [(16000, 32), (48000, 110), (44100, 135), (8000, 270)])
def test_latency(enhancer, rate, most):
    """In ms: a window at 16 kHz; soxr's filters, one down and one up, add the rest."""
    stream, given, late = StreamingEnhancer(enhancer.model, rate), 0, []
    for taken in range(1, rate):
        late.append(taken - given)
        given += len(stream.push(np.zeros(1, np.float32)))
    assert max(late) / rate * 1000 <= most
