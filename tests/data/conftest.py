"""What the data tests share: speech-like signals, a miniature AN4 in any of its formats, noises, and running `kdse` in a folder."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.cli import main
from kdse.data.audio import RATE

TRAIN = {"fash": ("YES", "G TWO EIGHTY NINE"), "mblw": ("X I SIXTY ONE", "STOP"), "fjam": ("NO", "FIVE"), "mcel": ("GO", "A B")}
LIBRISPEECH = {"train-clean-100": (3, 2), "dev-clean": (2, 2), "dev-other": (1, 3), "test-clean": (2, 4), "test-other": (2, 3)}
"""subset: (speakers, utterances of each)"""
TEST = {"mjwl": ("ENTER TWO NINE", "REPEAT"), "fcaw": ("ERASE U D", "HELP")}


def _speechlike(seconds: float, seed: int) -> np.ndarray:
    """int16 (N,): harmonics of a moving pitch in bursts with pauses between them, so that speech activity means something."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    pitch = 120 + 80 * rng.random() + 20 * np.sin(2 * np.pi * 1.5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 12))
    bursts = np.clip(np.sin(2 * np.pi * 2.5 * t + rng.random()), 0, None)
    return np.rint(4000 * bursts * voice + 3 * rng.standard_normal(n)).astype(np.int16)


def _noiselike(seconds: float, seed: int, level: float = 500) -> np.ndarray:
    """int16 (N,): white noise."""
    return np.rint(level * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(np.int16)


def _room(seed: int, seconds: float = 0.3) -> np.ndarray:
    """int16 (K,): 40 samples of travel, the direct sound, and a tail that falls by 60 dB in `seconds`."""
    k = np.arange(int(seconds * 16000))
    late = 0.3 * np.random.default_rng(seed).standard_normal(len(k)) * 10 ** (-3 * k / len(k))
    return np.rint(20000 * np.concatenate([np.zeros(40), [1.0], late])).astype(np.int16)


def _write_audio(path: Path, samples: np.ndarray, kind: str = "") -> Path:
    """Write int16 samples as the suffix says; 'raw-big' and 'raw-little' are headerless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind.startswith("raw"):
        path.write_bytes(samples.astype(">i2" if kind == "raw-big" else "<i2").tobytes())
    elif path.suffix == ".sph":
        soundfile.write(path, samples, RATE, format="NIST", subtype="PCM_16", endian="BIG")
    else:
        soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def _snapshot(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their content."""
    return {str(Path(top) / f): (Path(top) / f).read_bytes() for top, _, files in os.walk(folder) for f in files}


@pytest.fixture(scope="session")
def speechlike():
    return _speechlike


@pytest.fixture(scope="session")
def noiselike():
    return _noiselike


@pytest.fixture(scope="session")
def write_audio():
    return _write_audio


@pytest.fixture
def snapshot():
    return _snapshot


@pytest.fixture
def make_an4(tmp_path):
    """Build a miniature AN4 in its official layout: make_an4('sph' | 'raw-big' | 'raw-little' | 'flac') -> folder."""

    def make(kind: str = "flac") -> Path:
        root = tmp_path / f"an4-{kind}"
        for part, folder, speakers in (("train", "an4_clstk", TRAIN), ("test", "an4test_clstk", TEST)):
            fileids, transcription = [], []
            for s, (speaker, texts) in enumerate(speakers.items()):
                for i, text in enumerate(texts):
                    utt = f"an{10 * s + i}-{speaker}-b"
                    samples = _speechlike(0.8 + 0.1 * i, seed=100 * s + i + len(part))
                    _write_audio(root / "wav" / folder / speaker / f"{utt}.{kind.partition('-')[0]}", samples, kind)
                    fileids.append(f"{folder}/{speaker}/{utt}\n")
                    transcription.append(f"<s> {text} </s> ({utt})\n")
            (root / "etc").mkdir(exist_ok=True)
            (root / "etc" / f"an4_{part}.fileids").write_text("".join(fileids))
            (root / "etc" / f"an4_{part}.transcription").write_text("".join(transcription))
        return root

    return make


@pytest.fixture
def librispeech_tree(tmp_path) -> Path:
    """A miniature LibriSpeech in its official layout: 1.0 to 1.3 s each; speakers are numbered through all subsets."""
    root, speaker = tmp_path / "LibriSpeech", 100
    for subset, (speakers, utterances) in LIBRISPEECH.items():
        for speaker in range(speaker + 1, speaker + 1 + speakers):  # noqa: B020
            folder = root / subset / str(speaker) / "7000"
            lines = []
            for i in range(utterances):
                utt = f"{speaker}-7000-{i:04d}"
                _write_audio(folder / f"{utt}.flac", _speechlike(1.0 + 0.1 * (i % 4), 10 * speaker + i))
                lines.append(f"{utt} DON'T SAY {'ONE TWO THREE FOUR'.split()[i]}\n")
            (folder / f"{speaker}-7000.trans.txt").write_text("".join(lines))
    return root


@pytest.fixture
def noise_tsv(tmp_path) -> Path:
    """Five noises of 2 s in three splits, in a TSV with more columns than are needed and without `category`."""
    lines = ["split\tnoise_id\tsource\tpath\n"]
    for i, (split, name) in enumerate((("train", "fan"), ("train", "rain"), ("dev", "owl"), ("test", "road"), ("test", "crowd"))):
        _write_audio(tmp_path / "noise" / split / f"{name}.wav", _noiselike(2, seed=i))
        lines.append(f"{split}\tn_{name}\tmade here\t{split}/{name}.wav\n")
    path = tmp_path / "noise" / "noises.tsv"
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="session")
def room():
    return _room


@pytest.fixture
def rirs(tmp_path) -> Path:
    """RIRS_NOISES of OpenSLR 28 with 60 simulated rooms, two measured ones of several microphones, and noises that are none."""
    root = tmp_path / "RIRS_NOISES"
    for i in range(60):
        _write_audio(root / f"simulated_rirs/smallroom/Room{i:03d}/Room{i:03d}-00001.wav", _room(i, 0.05))
    real = root / "real_rirs_isotropic_noises"
    for name in (
        "RVB2014_type1_rir_largeroom1_far_angla",
        "air_type1_air_binaural_meeting_0_1",
        "RVB2014_type1_noise_largeroom1_1",
    ):
        _write_audio(real / f"{name}.wav", _room(99))
        soundfile.write(real / f"{name}.wav", np.stack([_room(98), _room(99)], 1), 16000)
    _write_audio(root / "pointsource_noises/noise-free-sound-0000.wav", _room(97))
    return root


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    """An empty recipe folder as the working directory."""
    folder = tmp_path / "recipe"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def kdse(recipe, capsys):
    """Run a verb in the recipe folder: kdse('mix', '--nj', 2) -> (exit code, standard output, standard error)."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def staged(kdse, make_an4, noise_tsv, recipe) -> Path:
    """The recipe folder after stages 1 and 2 on the miniature AN4."""
    assert kdse("data", "an4", "--an4", make_an4("flac"), "--noise", noise_tsv)[0] == 0
    assert kdse("mix")[0] == 0
    return recipe


@pytest.fixture(scope="session")
def voices() -> None:
    """Skips the test where the text-to-speech wheels are not installed."""
    from kdse.core.errors import UserError
    from kdse.data.corpora.mini.tts import check_wheels

    try:
        check_wheels()
    except UserError as e:
        pytest.skip(str(e))
