"""A recording's examination, and the screen that tells of it."""

import json
import math
import tracemalloc

import numpy as np
import pytest
import soundfile

from kdse.apply.describe import describe, share
from kdse.apply.examine import examine
from kdse.core.errors import UserError
from kdse.runtime.model import Model


@pytest.fixture
def recording(tmp_path):
    """recording(samples, rate, subtype, name): a file."""

    def write(samples: np.ndarray, rate: int = 16000, subtype: str = "PCM_16", name: str = "a.wav") -> str:
        soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
        return str(tmp_path / name)

    return write


def speechlike(seconds: float = 2, rate: int = 16000) -> np.ndarray:
    rng, n = np.random.default_rng(0), int(seconds * rate)
    return 0.1 * np.clip(np.sin(2 * np.pi * 2 * np.arange(n) / rate), 0, None) * rng.normal(size=n) + 0.001 * rng.normal(size=n)


def test_the_file_is_what_is_described(recording, half):
    x = speechlike(rate=48000)
    found = examine(recording(np.stack([x, 0.1 * x], axis=1), 48000, "PCM_24"), half.model)
    assert (found.format.container, found.format.kind, found.format.channels, found.seconds) == ("WAV", "PCM_24", 2, 2.0)
    assert found.rms[0] - found.rms[1] == pytest.approx(20, abs=0.01)
    assert found.rms[0] == pytest.approx(10 * math.log10(np.mean(x**2)), abs=0.01)
    assert found.taken.gain == pytest.approx(-6.02, abs=0.05)
    assert found.lost_above == pytest.approx(2 / 3, abs=0.02)  # white, of 24 kHz 16 are lost
    text = describe(found)
    for words in ("WAV, 24-bit integers, 48000 Hz, 2 channels, 2.0 s", "would lose what lies above 8 kHz", "takes away 75 %"):
        assert words in text
    assert f"RMS {found.rms[0]:.1f} / {found.rms[1]:.1f} dBFS" in text


def test_one_screen(recording, half):
    """With all that can be said."""
    x = np.clip(40 * speechlike(4, 48000)[:, None] * np.geomspace(1, 0.01, 12), -1, 1) + 0.004
    lines = describe(examine(recording(x, 48000), half.model)).splitlines()
    assert len(lines) <= 24 and max(map(len, lines[1:])) <= 113
    labels = [line[2:12].strip() for line in lines[1:]]
    assert [label for label in labels if label] == [
        *("format", "level", "clipping", "silence", "bandwidth", "noise", "front end", "advice")
    ]


def test_alike_channels_are_given_one_number(recording, half):
    text = describe(examine(recording(np.repeat(speechlike()[:, None], 3, axis=1)), half.model))
    assert " / " not in text.split("clipping")[0].split("level")[1]


def test_a_telephone_recording_in_a_file_of_16_khz(recording, half):
    x = speechlike()
    spectrum = np.fft.rfft(x)
    spectrum[np.fft.rfftfreq(len(x), 1 / 16000) > 3400] = 0
    text = describe(examine(recording(np.fft.irfft(spectrum)), half.model))
    assert "up to 3.5 kHz; as over a telephone; the rate allows 8 kHz" in text  # 3.4, and the fineness of the spectrum
    assert "as over a telephone" not in describe(examine(recording(x, 8000), half.model))


def test_silence_has_no_spectrum_and_no_noise(recording, half):
    found = examine(recording(np.zeros(8000), 8000), half.model)
    text = describe(found)
    assert "silence    nothing else" in text and "RMS -inf dBFS" in text and "leave alone: there is nothing in it" in text
    assert "SNR" not in text and "nan" not in text
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert plain["rms"] == [None] and plain["taken"]["snr"] is None and plain["advice"]["enhance"] is False


def test_what_is_said_of_clipping_offset_and_peaks(recording, half):
    x = speechlike()
    clipped = np.clip(20 * x, -1, 1)
    found = examine(recording(clipped), half.model)
    assert f"{share(found.clipped)} of the samples, worst at 0:0" in describe(found) and found.clipped > 0.01
    assert "clipping   none" in describe(examine(recording(x), half.model))
    assert "a DC offset of -5.0 % of full scale" in describe(examine(recording(x - 0.05), half.model))
    assert "offset" not in describe(examine(recording(x), half.model))
    assert "beyond full scale" in describe(examine(recording(20 * x, subtype="FLOAT"), half.model))


def test_the_output_stage_that_a_model_states_is_named(recording, half, other_model, tmp_path):
    model = Model.load(other_model(tmp_path / "m.onnx", 0.5, floor_db="-16", mix="0.2"))
    assert "without the floor of -16 dB, mix of 0.2 that this model states" in describe(examine(recording(speechlike()), model))
    assert "without the" not in describe(examine(recording(speechlike()), half.model))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e7])
def test_what_cannot_be_audio_is_one_sentence_with_its_place(recording, half, value):
    x = speechlike(8, 48000)
    x[300000] = value
    path = recording(x, 48000, "FLOAT")
    with pytest.raises(UserError, match=rf"^{path}: the input holds .* the first at sample 300000$"):
        examine(path, half.model)


def test_memory_does_not_grow_with_the_file(recording, half):
    def peak(seconds: int) -> int:
        path = recording(np.tile(speechlike(1)[:, None], (seconds, 2)))
        tracemalloc.start()
        examine(path, half.model)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(60) < 1.1 * peak(20)
