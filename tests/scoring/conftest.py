"""A miniature recipe folder for `kdse score`, and the functions that make its parts."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from kdse.data.audio import RATE, write_ark
from kdse.scoring.row import read_rows
from kdse.scoring.score import score_run

RUN = {
    "run": "kd_dccrn-s_seed0", "approach": "kd", "seed": 0, "student": "dccrn-s", "teacher": "mct_noisy_seed0", "params": 198000,
    "backend": "mct_noisy_seed0", "corpus": "mini", "command": "kdse train kd", "commit": "abc1234", "versions": {},
    "config": {"tau": 1.0},
}  # fmt: skip
ITEMS = [("u1", "hum", -5), ("u1", "hum", 5), ("u2", "babble", 5)]


def signal(seed: int, level: float = 3000) -> np.ndarray:
    t = np.arange(8000) / 16000
    voice = sum(np.sin(2 * np.pi * k * (150 * t + 5 * np.sin(9 * t) + seed)) / k for k in range(1, 20))
    return (level * voice * np.sin(2 * np.pi * 4 * t) ** 2).astype(np.int16)


def table(path, values: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} {value}\n" for key, value in values.items()))


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe folder with dump/test_noisy (3 items), dump/test_clean (2) and an experiment that enhanced and decoded both."""
    monkeypatch.chdir(tmp_path)
    ids = {f"{utt}__{noise}__{snr}dB": (utt, noise, snr) for utt, noise, snr in ITEMS}
    clean = {key: signal(int(utt[1])) for key, (utt, _, _) in ids.items()}
    noise = {key: np.random.default_rng(9).integers(-1500, 1500, 8000, dtype=np.int16) for key in ids}
    noisy = tmp_path / "dump/test_noisy"
    noisy.mkdir(parents=True)
    table(noisy / "wav.scp", write_ark(noisy / "wav.ark", [(k, clean[k] + noise[k]) for k in ids]))
    table(noisy / "spk1.scp", write_ark(noisy / "spk1.ark", clean.items()))
    table(noisy / "text", dict.fromkeys(ids, "enter two, nine"))
    table(noisy / "utt2spk", {k: f"spk{v[0]}" for k, v in ids.items()})
    table(noisy / "utt2orig", {k: v[0] for k, v in ids.items()})
    table(noisy / "utt2noise", {k: v[1] for k, v in ids.items()})
    table(noisy / "utt2snr", {k: v[2] for k, v in ids.items()})
    table(noisy / "utt2category", dict.fromkeys(ids, "machine"))

    plain = tmp_path / "dump/test_clean"
    plain.mkdir()
    scp = write_ark(plain / "wav.ark", [(f"u{i}", signal(i)) for i in (1, 2)])
    for name in ("wav.scp", "spk1.scp"):
        table(plain / name, scp)
    table(plain / "text", {"u1": "YES", "u2": "NO"})
    table(plain / "utt2spk", {"u1": "spku1", "u2": "spku2"})

    run = tmp_path / "exp" / RUN["run"]
    run.mkdir(parents=True)
    (run / "run.yaml").write_text(yaml.safe_dump(RUN))
    for name, samples in (
        ("test_noisy", {k: clean[k] + noise[k] // 4 for k in ids}),
        ("test_clean", {f"u{i}": signal(i) for i in (1, 2)}),
    ):
        folder = run / "enhanced" / name
        folder.mkdir(parents=True)
        table(folder / "wav.scp", write_ark(folder / "wav.ark", samples.items()))
    table(run / "decode/asr/test_noisy/text", dict(zip(ids, ("ENTER TOO NINE", "", "ENTER TWO NINE"), strict=True)))
    (run / "decode/asr/test_noisy/decode.yaml").write_text("decode: ctc_greedy\n")
    table(run / "decode/asr/test_clean/text", {"u1": "YES", "u2": "KNOW"})
    return tmp_path


@pytest.fixture
def about() -> dict:
    """The run.yaml of the experiment in `recipe`."""
    return RUN


@pytest.fixture
def make_signal():
    """The function that makes up int16 speech."""
    return signal


@pytest.fixture
def write_table():
    """The function that writes "id value" lines."""
    return table


@pytest.fixture
def score():
    """A function that scores sets of the experiment in `recipe`, the working directory, and returns the rows."""

    def rows(*sets: str, nj: int = 1, omegas=(0.0,)) -> list:
        path = score_run(Path("exp") / RUN["run"], list(sets), Path("dump"), Path("results"), "asr", nj, omegas)
        return list(read_rows(path))

    return rows


def _speech_like(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """(N,) float: harmonics of a gliding 120 Hz in syllables of 0.25 s, with a little noise; PESQ takes it for speech."""
    t = np.arange(int(seconds * RATE)) / RATE
    turns = 120 * t + 10 * np.sin(2 * np.pi * 0.7 * t)
    voice = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 2 * t), 0, None)
    return 0.1 * voice * syllables + 0.001 * np.random.default_rng(seed).standard_normal(len(t))


def _noisy(clean: np.ndarray, level: float = 0.01, seed: int = 1) -> np.ndarray:
    return clean + level * np.random.default_rng(seed).standard_normal(len(clean))


@pytest.fixture
def speech_like():
    """The function that makes up speech which PESQ takes for speech."""
    return _speech_like


@pytest.fixture
def noisy():
    """The function that adds white noise of a level."""
    return _noisy
