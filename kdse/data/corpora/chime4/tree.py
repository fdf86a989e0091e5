"""CHiME-4's annotations, track lists and transcripts; `corpus.py` names the sources of their formats."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import read_text

ENVIRONMENTS = ("BUS", "CAF", "PED", "STR")
AUDIO = Path("data/audio/16kHz")
_CHANNEL = re.compile(r"\.CH[0-6]$")


@dataclass(frozen=True)
class Annotation:
    """One entry of data/annotations/<part>_<kind>.json; `name` is SPEAKER_WSJNAME_ENVIRONMENT, `seconds` how long it is."""

    name: str
    speaker: str
    wsj_name: str
    environment: str
    seconds: float


def read_annotations(chime4: Path, name: str) -> list[Annotation]:
    """The entries of data/annotations/<name>.json, in their order."""
    path = chime4 / "data" / "annotations" / f"{name}.json"
    if not path.is_file():
        raise UserError(f"{chime4} has no annotation {path}; is the corpus complete?")
    try:
        entries = json.loads(read_text(path))
    except ValueError as e:
        raise UserError(f"{path} is not JSON: {e}") from e
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path} must be a list of utterances")
    annotations = [_annotation(entry, name, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]
    twice = next((key for key, count in Counter(a.name for a in annotations).items() if count > 1), None)
    if twice:
        raise UserError(f"{path}: utterance {twice} is given twice")
    return annotations


def _annotation(entry: Any, subset: str, where: str) -> Annotation:
    # Simulated items are as long as the stretch of noise that was taken for them.
    begin, end = ("noise_start", "noise_end") if subset.endswith("simu") else ("start", "end")
    environment = "BTH" if subset.endswith("bth") else None
    try:
        speaker, wsj_name = str(entry["speaker"]), str(entry["wsj_name"])
        environment = environment or str(entry["environment"]).upper()
        seconds = float(entry[end]) - float(entry[begin])
    except (TypeError, KeyError, ValueError) as e:
        fields = f"speaker, wsj_name, environment, {begin} and {end}"
        raise UserError(f"{where} lacks one of {fields}, or holds no number there ({e})") from e
    if environment not in (*ENVIRONMENTS, "BTH"):
        raise UserError(f"{where}: the environment is one of {', '.join(ENVIRONMENTS)}, not '{environment}'")
    return Annotation(f"{speaker}_{wsj_name}_{environment}", speaker, wsj_name, environment, seconds)


def read_track_list(chime4: Path, name: str) -> dict[str, Path]:
    """{SPEAKER_WSJNAME_ENVIRONMENT: the channel that the one-channel track has of it} of a dev or test set."""
    path = chime4 / "data" / "annotations" / f"{name}_1ch_track.list"
    if not path.is_file():
        raise UserError(f"there is no {path}; the track lists came apart from the audio, with the challenge's CHiME4_diff package")
    tracks: dict[str, Path] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        file = Path(line.split()[0])
        part, kind = name.split("_")
        key, folder = _CHANNEL.sub("", file.stem), f"{part}_{file.stem.split('_')[-1][:3].lower()}_{kind}"
        if not _CHANNEL.search(file.stem) or file.suffix != ".wav" or file.parent.name != folder:
            example = f"{part}_bus_{kind}/SPEAKER_WSJNAME_BUS.CH1.wav"
            raise UserError(f"{path}, line {number}: expected a file like {example}, got '{line.strip()}'")
        if key in tracks:
            raise UserError(f"{path}, line {number}: utterance {key} is given twice")
        tracks[key] = chime4 / AUDIO / "isolated" / file
    return tracks


def track_of(chime4: Path, subset: str, annotations: list[Annotation]) -> dict[str, Path]:
    """`read_track_list` of a set, which must have the utterances that are annotated."""
    listed, names = read_track_list(chime4, subset), {a.name for a in annotations}
    folder, track_list, annotated = chime4 / "data" / "annotations", f"{subset}_1ch_track.list", f"{subset}.json"
    only_listed = next((name for name in sorted(listed) if name not in names), None)
    if only_listed:
        raise UserError(f"{folder / annotated} has no utterance {only_listed}, which {track_list} has")
    only_annotated = next((name for name in sorted(names) if name not in listed), None)
    if only_annotated:
        raise UserError(f"{folder / track_list} has no utterance {only_annotated}, which {annotated} has")
    return listed


def read_transcript(chime4: Path, folder: str, name: str) -> str:
    """The words of data/transcriptions/<folder>/<name>.trn, a line 'NAME WORDS'."""
    path = chime4 / "data" / "transcriptions" / folder / f"{name}.trn"
    if not path.is_file():
        raise UserError(f"utterance {name} has no transcript: there is no {path}")
    said, _, text = read_text(path).strip().partition(" ")
    if said != name:
        raise UserError(f"{path}: the transcript is of '{said}', not of utterance {name}")
    return text
