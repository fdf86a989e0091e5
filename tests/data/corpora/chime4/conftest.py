"""A miniature CHiME-4 and the part of WSJ0 it needs, in their official layouts."""

import json
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import RATE

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


class Miniature:
    """Builds root/CHiME3 (one-channel track) and root/wsj0_discs.

    Folders, suffixes of channels, names, transcripts, annotations and track lists are as the sources in kdse/data/corpora/chime4
    have them; speech and noise are made here.
    """

    def __init__(self, root: Path, speechlike: Callable, noiselike: Callable, write_audio: Callable, seconds: float = 0.8):
        self.chime4, self.wsj0 = root / "CHiME3", root / "wsj0_discs"
        self.audio, self.annotations = self.chime4 / "data" / "audio" / "16kHz", self.chime4 / "data" / "annotations"
        self.speechlike, self.write_audio, self.seconds = speechlike, write_audio, seconds
        self.noise = {place: noiselike(8, seed=n, level=250) for n, place in enumerate(PLACES)}
        self.entries: dict[str, list[dict]] = {}
        self.tracks: dict[str, list[str]] = {}
        self.number = count()

    def build(self) -> tuple[Path, Path]:
        for place, wave in self.noise.items():
            for day in ("150203_010", "150204_020"):
                for c in range(1, 7):
                    self.write_audio(self.audio / "backgrounds" / f"BGD_{day}_{place}.CH{c}.wav", wave)
        for speaker, said in WSJ.items():
            self.training(speaker, said)
        for part, readers in READ.items():
            for speaker, said in readers.items():
                for name, text in said.items():
                    self.reading(part, speaker, name, text)
        self.annotations.mkdir()
        for subset, entries in self.entries.items():
            (self.annotations / f"{subset}.json").write_text(json.dumps(entries, indent=1))
        for subset in ("dt05_real", "dt05_simu", "et05_real", "et05_simu"):
            (self.annotations / f"{subset}_1ch_track.list").write_text("".join(self.tracks[subset]))
        return self.chime4, self.wsj0

    def training(self, speaker: str, said: dict[str, str]) -> None:
        """A speaker of SI-84: the discs' transcripts, the recordings, and their simulated mixtures."""
        dots = self.wsj0 / "11-1.1" / "wsj0" / "si_tr_s" / speaker.lower() / f"{speaker.lower()}c0200.dot"
        dots.parent.mkdir(parents=True)
        dots.write_text("".join(f"{text} ({name.lower()})\n" for name, text in said.items()))
        for name in said:
            place = PLACES[next(self.number) % 4]
            wave = self.speechlike(self.seconds, seed=next(self.number))
            self.write_audio(self.audio / "isolated" / "tr05_org" / f"{speaker}_{name}_ORG.wav", wave)
            self.write(f"tr05_{place.lower()}_simu", f"{speaker}_{name}_{place}", range(1, 7), wave, place)
            sources = {"noise_wavfile": f"BGD_150203_010_{place}", "ir_wavfile": "F05_141106_010_BUS"}
            self.annotate("tr05_simu", speaker, name, place, len(wave), **sources)

    def reading(self, part: str, speaker: str, name: str, text: str) -> None:
        """What one reader reads in the booth and in every environment, recorded and (but for training) simulated."""
        booth = self.speechlike(self.seconds, seed=next(self.number))
        self.write(f"{part}_bth", f"{speaker}_{name}_BTH", range(7), booth)
        self.transcribe(f"{part}_bth", f"{speaker}_{name}_BTH", text)
        self.annotate(f"{part}_bth", speaker, name, "BTH", len(booth))
        for place in PLACES:
            spoken = f"{speaker}_{name}_{place}"
            kinds = [("real", range(7), self.speechlike(self.seconds + 0.1, seed=next(self.number)))]
            if part != "tr05":
                kinds.append(("simu", range(1, 7), booth))
            for kind, channels, wave in kinds:
                folder = f"{part}_{place.lower()}_{kind}"
                self.write(folder, spoken, channels, wave, place)
                self.transcribe(folder, spoken, text)
                self.annotate(f"{part}_{kind}", speaker, name, place, len(wave), wavfile=f"{speaker}_141106_010_{place}")
                channel = next(self.number) % 6 + 1
                self.tracks.setdefault(f"{part}_{kind}", []).append(f"{folder}/{spoken}.CH{channel}.wav\n")

    def write(self, folder: str, name: str, channels: range, wave: np.ndarray, place: str = "") -> None:
        """Each channel of a recording, in the noise of a place where one is given."""
        if place:
            wave = wave + self.noise[place][: len(wave)]
        for c in channels:
            samples = np.rint((1.2 - 0.1 * c) * wave).astype(np.int16)
            self.write_audio(self.audio / "isolated" / folder / f"{name}.CH{c}.wav", samples)

    def transcribe(self, folder: str, name: str, text: str) -> None:
        path = self.chime4 / "data" / "transcriptions" / folder / f"{name}.trn"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} {text}\n")

    def annotate(self, subset: str, speaker: str, wsj_name: str, place: str, length: int, **more: str) -> None:
        begin, end = ("noise_start", "noise_end") if subset.endswith("simu") else ("start", "end")
        entry = {"speaker": speaker, "wsj_name": wsj_name, "environment": place, begin: 1.5, end: 1.5 + length / RATE}
        self.entries.setdefault(subset, []).append(entry | more)


@pytest.fixture(scope="session")
def chime4_of_all(tmp_path_factory, speechlike, noiselike, write_audio) -> tuple[Path, Path]:
    """A miniature CHiME-4 and WSJ0 that nobody may change."""
    return Miniature(tmp_path_factory.mktemp("chime4"), speechlike, noiselike, write_audio).build()


@pytest.fixture
def tree(chime4_of_all, tmp_path) -> tuple[Path, Path]:
    """A copy of them."""
    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in chime4_of_all)


@pytest.fixture
def data(tree, kdse):
    """Stage 1 on the miniature, in the recipe folder: data(*more options)."""
    return lambda *more: kdse("data", "chime4", "--chime4", tree[0], "--wsj0", tree[1], *more)
