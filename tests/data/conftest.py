"""What the data tests share: speech-like signals, a miniature AN4 in any of its formats, noises, and running `kdse` in a folder."""

import json
import os
import shutil
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


@pytest.fixture
def speechlike():
    return _speechlike


@pytest.fixture
def noiselike():
    return _noiselike


@pytest.fixture
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


WSJ = {
    "011": {
        "011C0201": "The *sale* of \\%PERCENT shares ,COMMA he said .PERIOD",
        "011C0202": "[lip_smack] Prices rose in com(pany)- trading",
    },
    "01A": {"01AC020A": "He <will> sell the shares", "01AC020B": "I\\. B\\. M\\. shares rose ."},
    "401": {"401C0201": 'Trading was "DOUBLE-QUOTE quiet "DOUBLE-QUOTE [door_slam>] he said'},
}
"""{speaker: {WSJ name: transcript as in a .dot file}} of a miniature SI-84."""
READ = {
    "tr05": {"F05": {"440C020A": "THE SHARES ROSE"}, "M03": {"441C0203": "HE WILL SELL THE SHARES"}},
    "dt05": {"F01": {"22GC010A": "PRICES ROSE HE SAID"}, "M04": {"423C0203": "TRADING WAS QUIET"}},
    "et05": {"F06": {"445C0201": "HE SAID THE SALE WAS QUIET"}, "M05": {"446C020D": "I B M SHARES"}},
}
"""What the readers of each part of a miniature CHiME-4 read in every environment, and in the booth."""
PLACES = ("BUS", "CAF", "PED", "STR")


def _make_chime4(root: Path, seconds: float = 0.8) -> tuple[Path, Path]:
    """Build a miniature CHiME-4 (one-channel track) and the part of WSJ0 it needs, both in their official layouts; return both.

    Folders, suffixes of channels, names, transcripts, annotations and track lists are as the sources in kdse/data/corpora/chime4
    have them; speech and noise are made here.
    """
    chime4, wsj0, audio = root / "CHiME3", root / "wsj0_discs", root / "CHiME3" / "data" / "audio" / "16kHz"
    isolated, noted, tracks = audio / "isolated", {}, {}
    backgrounds = {place: _noiselike(8, seed=n, level=250) for n, place in enumerate(PLACES)}
    number = iter(range(10_000))

    def write(folder: str, name: str, channels: range, wave: np.ndarray) -> None:
        for c in channels:
            _write_audio(isolated / folder / f"{name}.CH{c}.wav", np.rint((1.2 - 0.1 * c) * wave).astype(np.int16))

    def transcript(folder: str, name: str, text: str) -> None:
        path = chime4 / "data" / "transcriptions" / folder / f"{name}.trn"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} {text}\n")

    def note(subset: str, speaker: str, wsj_name: str, place: str, length: int, **more) -> None:
        begin, end = ("noise_start", "noise_end") if subset.endswith("simu") else ("start", "end")
        entry = {"speaker": speaker, "wsj_name": wsj_name, "environment": place, begin: 1.5, end: 1.5 + length / RATE}
        noted.setdefault(subset, []).append(entry | more)

    for place, wave in backgrounds.items():
        for day in ("150203_010", "150204_020"):
            for c in range(1, 7):
                _write_audio(audio / "backgrounds" / f"BGD_{day}_{place}.CH{c}.wav", wave)
    for speaker, said in WSJ.items():
        dots = wsj0 / "11-1.1" / "wsj0" / "si_tr_s" / speaker.lower() / f"{speaker.lower()}c0200.dot"
        dots.parent.mkdir(parents=True)
        dots.write_text("".join(f"{text} ({name.lower()})\n" for name, text in said.items()))
        for name in said:
            place = PLACES[next(number) % 4]
            wave = _speechlike(seconds, seed=next(number))
            _write_audio(isolated / "tr05_org" / f"{speaker}_{name}_ORG.wav", wave)
            write(f"tr05_{place.lower()}_simu", f"{speaker}_{name}_{place}", range(1, 7), wave + backgrounds[place][: len(wave)])
            note(
                "tr05_simu",
                speaker,
                name,
                place,
                len(wave),
                noise_wavfile=f"BGD_150203_010_{place}",
                ir_wavfile="F05_141106_010_BUS",
            )
    for part, readers in READ.items():
        for speaker, (name, text) in ((speaker, pair) for speaker, said in readers.items() for pair in said.items()):
            booth = _speechlike(seconds, seed=next(number))
            write(f"{part}_bth", f"{speaker}_{name}_BTH", range(7), booth)
            transcript(f"{part}_bth", f"{speaker}_{name}_BTH", text)
            note(f"{part}_bth", speaker, name, "BTH", len(booth))
            for place in PLACES:
                spoken = f"{speaker}_{name}_{place}"
                wave = _speechlike(seconds + 0.1, seed=next(number))
                kinds = [("real", range(7), wave + backgrounds[place][: len(wave)])]
                if part != "tr05":
                    kinds.append(("simu", range(1, 7), booth + backgrounds[place][: len(booth)]))
                for kind, channels, samples in kinds:
                    write(f"{part}_{place.lower()}_{kind}", spoken, channels, samples)
                    transcript(f"{part}_{place.lower()}_{kind}", spoken, text)
                    note(f"{part}_{kind}", speaker, name, place, len(samples), wavfile=f"{speaker}_141106_010_{place}")
                    channel = next(number) % 6 + 1
                    tracks.setdefault(f"{part}_{kind}", []).append(f"{part}_{place.lower()}_{kind}/{spoken}.CH{channel}.wav\n")
    annotations = chime4 / "data" / "annotations"
    annotations.mkdir()
    for name, entries in noted.items():
        (annotations / f"{name}.json").write_text(json.dumps(entries, indent=1))
    for name in ("dt05_real", "dt05_simu", "et05_real", "et05_simu"):
        (annotations / f"{name}_1ch_track.list").write_text("".join(tracks[name]))
    return chime4, wsj0


@pytest.fixture(scope="session")
def chime4_of_all(tmp_path_factory) -> tuple[Path, Path]:
    """A miniature CHiME-4 and WSJ0 (see `_make_chime4`) that nobody may change."""
    return _make_chime4(tmp_path_factory.mktemp("chime4"))


@pytest.fixture
def chime4(chime4_of_all, tmp_path) -> tuple[Path, Path]:
    """A copy of them."""
    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in chime4_of_all)


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
