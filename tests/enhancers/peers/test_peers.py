"""The peers: each is pinned, says why it cannot run, and where it is installed enhances frame by frame, as late as designed."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from kdse.bench.frame_times import delay, time_frames
from kdse.bench.noisy_speech import DATA, at_rate, buzz, noisy_speech
from kdse.enhancers.peers import PEERS, WHOLE, nsnet2
from kdse.enhancers.peers.frames import OverlapAdd, hann_root, one_thread

REQUIREMENTS = Path(__file__).parents[3] / "tools" / "peers-requirements.txt"
INSTALLED = Path(sys.prefix) / "peers"
ALL = PEERS | WHOLE
LATENCY = {
    "RNNoise 0.1": 20,  # frames of 10 ms that overlap by half (arXiv 1709.08243, section 2)
    "RNNoise 0.2": 30,  # gains are applied to the frame before (src/denoise.c of the release)
    "GTCRN": 32,  # a window of 512 samples at 16 kHz
    "DTLN": 32,  # likewise (arXiv 2005.07551, section 2.2)
    "NSNet2": 20,  # a window of 320
    "WebRTC NS": 16,  # a window of 256 samples at 16 kHz, 160 of them new (modules/audio_processing/ns/ns_common.h)
    "DeepFilterNet3": 40,  # a window of 20 ms and two frames to come (arXiv 2305.08227, section 3)
}
"""Milliseconds by design."""


def test_each_peer_is_pinned_by_hash_and_nothing_else():
    text = re.sub(r"#.*", "", REQUIREMENTS.read_text(encoding="utf-8"))
    pins = re.findall(r"^(\S+)==(\S+) \\\n    --hash=sha256:([0-9a-f]{64})$", text, re.M)
    assert len(pins) == text.count("==")
    assert {name for name, _, _ in pins} == {peer.package for peer in ALL.values()}


@pytest.mark.parametrize("name", ALL)
def test_a_peer_without_its_files_is_not_installed(name, tmp_path):
    peer = ALL[name]
    assert peer.missing(tmp_path) == "not installed"
    for file in peer.files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"x" * 10)
    assert peer.missing(tmp_path) is None and peer.size(tmp_path) == 10 * len(peer.files)
    assert peer.version(tmp_path) == "?"


def test_what_preparing_takes_is_named(tmp_path, monkeypatch):
    path = tmp_path / nsnet2.MODEL
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setattr("kdse.enhancers.peers.base.find_spec", lambda module: None)
    assert PEERS["NSNet2"].missing(tmp_path) == "not measured: it takes the package onnx"


@pytest.mark.parametrize("window, hop", [(hann_root(512, 256), 256), (np.full(512, 0.5), 128)])
def test_overlap_add_gives_the_input_later(window, hop):
    """With windows whose products add up to 1, a stream without a network is a delay of the window less the hop."""
    noise = np.random.default_rng(0).standard_normal(20 * 512).astype(np.float32)
    frames = OverlapAdd(window, window, hop)
    out = np.concatenate([frames.synthesise(frames.analyse(samples)) for samples in noise.reshape(-1, hop)])
    late = len(window) - hop
    np.testing.assert_allclose(out[late:], noise[:-late], atol=1e-5)


def test_grus_with_their_states_outside_take_frames_one_by_one(tmp_path):
    """Two GRUs in a row whose first states are constants: frame by frame they give what the whole gives at once."""
    onnx = pytest.importorskip("onnx")
    rng, nodes, constants, x = np.random.default_rng(0), [], [], "input"
    for number, inputs in enumerate((3, 4)):
        names = [f"{kind}{number}" for kind in ("w", "r", "b", "h")]
        shapes = [(1, 12, inputs), (1, 12, 4), (1, 24), (1, 1, 4)]
        values = [0.5 * rng.standard_normal(shape) for shape in shapes[:3]] + [np.zeros(shapes[3])]
        constants += [onnx.numpy_helper.from_array(v.astype(np.float32), name) for v, name in zip(values, names, strict=True)]
        ends = [f"y{number}", f"last{number}"]
        nodes.append(onnx.helper.make_node("GRU", [x, *names[:3], "", names[3]], ends, hidden_size=4, linear_before_reset=1))
        nodes.append(onnx.helper.make_node("Squeeze", [ends[0], "axes"], [f"x{number}"]))
        x = f"x{number}"
    constants.append(onnx.numpy_helper.from_array(np.array([1]), "axes"))
    kinds = [onnx.helper.make_tensor_value_info(name, 1, ["T", 1, size]) for name, size in (("input", 3), (x, 4))]
    graph = onnx.helper.make_graph(nodes, "two", kinds[:1], kinds[1:], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "whole.onnx")
    onnx.save(nsnet2.with_states(model), tmp_path / "step.onnx")
    whole, step = one_thread(tmp_path / "whole.onnx"), one_thread(tmp_path / "step.onnx")
    assert [value.name for value in step.get_inputs()] == ["input", "state_0", "state_1"]

    given = rng.standard_normal((30, 1, 3)).astype(np.float32)
    states, frames = [np.zeros((1, 1, 4), np.float32)] * 2, []
    for frame in given:
        out, *states = step.run(None, {"input": frame[None], "state_0": states[0], "state_1": states[1]})
        frames.append(out)
    np.testing.assert_allclose(np.concatenate(frames), whole.run(None, {"input": given})[0], atol=1e-6)


@pytest.fixture(params=PEERS)
def peer(request):
    found = PEERS[request.param]
    if why := found.missing(INSTALLED):
        pytest.skip(f"{request.param}: {why} in {INSTALLED}; its weights are those of tools/peers-requirements.txt")
    return found


def test_a_frame_becomes_a_frame_and_waits_as_long_as_designed(peer, tmp_path):
    samples, _ = noisy_speech(6)
    process = peer.make(peer.prepare(INSTALLED, tmp_path))
    assert process(np.zeros(peer.hop, np.float32)).shape == (peer.hop,)
    audio = at_rate(samples, peer.rate)
    times = time_frames(peer.make(peer.prepare(INSTALLED, tmp_path)), audio, peer.hop, peer.rate)
    # RNNoise has a high-pass filter, whose phase may move the peak by a sample
    assert times["latency_ms"] == pytest.approx(LATENCY[peer.name], abs=0.1)


def test_streams_do_not_share_their_state(peer, tmp_path):
    """A stream gives the same beside another one that hears something else."""
    rng = np.random.default_rng(0)
    frames = (0.1 * rng.standard_normal((40, peer.hop))).astype(np.float32)
    prepared = peer.prepare(INSTALLED, tmp_path)
    alone, one, other = (peer.make(prepared) for _ in range(3))
    expected = [np.array(alone(frame)) for frame in frames]
    for frame, out in zip(frames, expected, strict=True):
        other(frame[::-1] * 0.3)
        np.testing.assert_array_equal(one(frame), out)


def test_speech_stands_out_of_noise_more_than_before(peer, tmp_path):
    """The weights are used as they were meant: pauses of speech in white noise lose 3 dB more than speech does."""
    soundfile = pytest.importorskip("soundfile")
    voices = sorted((DATA / "LibriSpeech" / "test-clean").glob("*/*/*.flac"))
    if not voices:
        pytest.skip(f"no recordings in {DATA}")
    clean = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in voices[:2]])[: 12 * 16000]
    noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)
    noisy = clean + noise * np.std(clean) * 10**-0.5
    clean, noisy = at_rate(clean, peer.rate), at_rate(noisy, peer.rate)
    process = peer.make(peer.prepare(INSTALLED, tmp_path))
    frames = noisy[: len(noisy) // peer.hop * peer.hop].reshape(-1, peer.hop)
    late = round(LATENCY[peer.name] * peer.rate / 1000) - peer.hop
    enhanced = np.concatenate([process(frame) for frame in frames])[late:]
    assert contrast(enhanced, clean, peer.rate) > contrast(noisy, clean, peer.rate) + 3


def contrast(signal: np.ndarray, clean: np.ndarray, rate: int) -> float:
    """dB from the fifth of the 20 ms where `clean` is quietest to the fifth where it is loudest."""
    size = rate // 50
    count = min(len(signal), len(clean)) // size
    powers = [np.square(x[: count * size]).reshape(count, size).mean(1) for x in (signal, clean)]
    order = np.argsort(powers[1])
    quiet, loud = order[: count // 5], order[-(count // 5) :]
    return float(10 * np.log10(powers[0][loud].mean() / powers[0][quiet].mean()))


@pytest.fixture(params=WHOLE)
def whole(request):
    found = WHOLE[request.param]
    if why := found.missing(INSTALLED):
        pytest.skip(f"{request.param}: {why} in {INSTALLED}")
    return found.make(INSTALLED)


def test_whole_signals_keep_their_place_and_lose_noise(whole):
    """A voice of bursts in white noise: its onsets stay where they were, its pauses lose 3 dB more than it does."""
    samples, _ = noisy_speech(6, Path("nowhere"))
    enhanced = whole(samples)
    assert enhanced.dtype == np.float32 and abs(len(enhanced) - len(samples)) < 800
    noisy = samples[: len(enhanced)]
    assert delay(noisy, enhanced, 400) == 0
    clean = buzz(len(samples))[: len(enhanced)]
    assert contrast(enhanced, clean, 16000) > contrast(noisy, clean, 16000) + 3
    assert np.geterr()["divide"] == "warn"


def test_silence_stays_silence(whole):
    assert not np.any(np.abs(whole(np.zeros(8000, np.float32))) > 1e-3)
