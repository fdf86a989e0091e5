"""Raw samples through pipes: they come as they go in, to the byte, and what is wrong is said after what was right."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from kdse.apply.raw import WIDTHS, decoded, encoded

KDSE = [sys.executable, "-m", "kdse.cli", "enhance", "--stream"]


def stream(model, data: bytes, *words: object) -> subprocess.CompletedProcess:
    return subprocess.run([*KDSE, "--model", str(model), *map(str, words)], input=data, capture_output=True, timeout=60)


def started(model) -> subprocess.Popen:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*KDSE, "--model", str(model)], **pipes)


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_decoded_is_encoded_to_the_same_bytes(kind, channels):
    """Integers of 32 bits as near as float32 is."""
    data = np.random.default_rng(0).bytes(3 * WIDTHS[kind] * 1000)
    if kind == "f32":
        data = np.random.default_rng(0).standard_normal(3000).astype("<f4").tobytes()
    x = decoded(data, kind, channels)
    again, clipped = encoded(x, kind)
    assert x.shape == (3000 // channels, channels) and x.dtype == np.float32 and np.abs(x).max() <= (5 if kind == "f32" else 1)
    if kind == "s32":
        assert np.abs(np.frombuffer(data, "<i4").astype(float) - np.frombuffer(again, "<i4")).max() <= 2**7
    else:
        assert again == data and clipped == 0


def test_full_scale():
    assert decoded(bytes([0, 0x80, 0xFF, 0x7F]), "s16", 1).tolist() == [[-1.0], [32767 / 32768]]
    assert encoded(np.array([[1.0], [-1.1]]), "s16") == (bytes([0xFF, 0x7F, 0, 0x80]), 2)


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("rate, channels", [(16000, 1), (44100, 2)])
def test_a_stream_through_a_command(half_file, noise, kind, rate, channels):
    x = noise(30001, channels)
    data, _ = encoded(x, kind)
    done = stream(half_file, data, "--format", kind, "--rate", rate, "--channels", channels)
    assert done.returncode == 0 and len(done.stdout) == len(data)
    assert done.stderr.decode().startswith(f"standard output: {30001 / rate:.1f} s of audio enhanced in ")
    if rate == 16000:
        assert np.abs(decoded(done.stdout, kind, channels) - x / 2).max() < 1e-4
    same = stream(half_file, data, "--format", kind, "--rate", rate, "--channels", channels, "--mix", 1)
    assert same.stdout == data or kind == "s32"


def test_it_comes_as_it_goes_in(half_file):
    """A second in, and all of it but the latency is there while the input is still open: at 16 kHz not more than 32 ms are kept."""
    process = started(half_file)
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    for _ in range(3):
        os.write(process.stdin.fileno(), bytes(16000))
        os.write(process.stdin.fileno(), bytes(15999) + b"\0")
    there = 0
    while there < 2 * (48000 - 512):
        piece = os.read(process.stdout.fileno(), 1 << 16)
        assert piece, process.stderr.read()
        there += len(piece)
    assert process.poll() is None
    rest, err = process.communicate()
    watchdog.cancel()
    assert there + len(rest) == 96000 and process.returncode == 0, err


def test_chunks_of_any_size_give_the_same(half_file, noise):
    data, _ = encoded(noise(8000), "s24")
    whole = stream(half_file, data, "--format", "s24").stdout
    process = subprocess.Popen([*KDSE, "--model", str(half_file), "--format", "s24"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    result = []
    reader = threading.Thread(target=lambda: result.append(process.stdout.read()))
    reader.start()
    sizes = iter(np.random.default_rng(1).integers(1, 700, 10000))
    while data:
        size = int(next(sizes))
        os.write(process.stdin.fileno(), data[:size])
        data = data[size:]
    process.stdin.close()
    reader.join()
    assert process.wait() == 0 and result == [whole]


def test_a_sample_in_pieces_at_the_end(half_file, noise):
    data, _ = encoded(noise(5000, 2), "s16")
    done = stream(half_file, data + b"abc", "--channels", 2)
    assert done.returncode == 2 and done.stdout == stream(half_file, data, "--channels", 2).stdout
    said = "kdse enhance: standard input ends within a sample: 3 of 4 bytes; are --format and --channels right?\n"
    assert done.stderr.decode() == said


def test_no_number_is_refused_after_what_was_right(half_file, noise):
    x = noise(100000).astype("<f4")
    x[90000] = np.nan
    done = stream(half_file, x.tobytes(), "--format", "f32")
    assert done.returncode == 2 and len(done.stdout) % 4 == 0 and len(done.stdout) // 4 <= 90000
    y = np.frombuffer(done.stdout, "<f4")
    assert len(y) > 60000 and np.abs(y[:-512] - x[: len(y) - 512, 0] / 2).max() < 1e-5
    said = "kdse enhance: standard input: the input holds NaN or infinite samples, the first at sample 90000\n"
    assert done.stderr.decode() == said


def test_nothing_in_nothing_out(half_file):
    done = stream(half_file, b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_nobody_reads_any_more(half_file):
    """The usual code of SIGPIPE, and silence."""
    process = started(half_file)
    process.stdout.close()
    try:
        for _ in range(100):
            process.stdin.write(bytes(1 << 16))
    except BrokenPipeError:
        pass
    process.stdin = None
    assert process.wait(30) == 141 and process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_behind_standard_output(half_file):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*KDSE, "--model", str(half_file)], input=bytes(9000), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr.decode() == "kdse enhance: cannot write standard output: No space left on device\n"


@pytest.mark.parametrize(
    "words, said",
    [
        (("--rate", "0"), "a sampling rate is a whole number from 1000 to 768000 Hz, not 0"),
        (("--channels", "0"), "there are 1 to 64 channels, not 0"),
        (("a.raw", "b.raw"), "--stream goes from standard input to standard output"),
        (("--mix", "2"), "the mix is a share of the noisy signal from 0 to 1, not 2"),
    ],
)
def test_options_out_of_range(half_file, words, said):
    done = stream(half_file, b"", *words)
    assert done.returncode == 2 and done.stderr.decode().startswith(f"kdse enhance: {said}") and done.stderr.count(b"\n") == 1
