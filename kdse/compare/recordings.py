"""The recordings that are compared on: any folder of sound files, or a Kaldi data dir."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdse.apply.places import reading
from kdse.core.errors import UserError
from kdse.core.parallel import in_processes
from kdse.data.audio import AUDIO_SUFFIXES, FULL_SCALE, RATE, check_samples, read_audio
from kdse.data.datadir import DataDir, read_table

NOISY, CLEAN = "noisy", "clean"
TEXTS = ("text", "text.tsv")
SHORTEST = 0.1
"""Seconds."""


@dataclass(frozen=True)
class Recording:
    """One recording. `key` is its name without suffix, with its folder; the rest as in `kdse.scoring.items.SetItem`.

    Attributes:
        sources: {NOISY: file or ark, CLEAN: likewise or None}.
        kaldi: they are entries of a wav.scp, at 16 kHz.
    """

    key: str
    noisy: str
    clean: str | None
    text: str | None
    utt: str
    speaker: str
    noise: str | None = None
    snr: float | None = None
    kaldi: bool = False

    def source(self, kind: str) -> str:
        """Where its NOISY or CLEAN signal is."""
        source = self.noisy if kind == NOISY else self.clean
        assert source is not None
        return source

    def read(self, kind: str) -> tuple[np.ndarray, int]:
        """float32 (N,) in ±1, the mean of its channels, and its sampling rate.

        Raises: UserError where it is damaged, empty or no sound file.
        """
        source = self.source(kind)
        if self.kaldi:
            return read_audio(source, self.key).astype(np.float32) / np.float32(FULL_SCALE), RATE
        with reading(source) as sound:
            samples = np.concatenate(list(sound)).mean(axis=1)
            rate = sound.format.rate
        check_samples(samples, source)
        return samples, rate


class Heard(NamedTuple):
    """What a look at a recording tells.

    Attributes:
        sha256: of its samples, by kind.
        seconds: how long it is.
    """

    sha256: dict[str, str]
    seconds: float


def read_recordings(folder: Path) -> list[Recording]:
    """The recordings of a folder, in the order of their names.

    Raises: UserError where there are none, or its parts do not fit together.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}" if not folder.exists() else f"{folder} is no folder")
    return _of_data_dir(folder) if (folder / "wav.scp").is_file() else _of_files(folder)


def look(recordings: list[Recording], nj: int) -> dict[str, Heard]:
    """Read every signal once, so that what is damaged is found before hours of work.

    Raises: UserError for the first one that cannot be compared.
    """
    return dict(zip((r.key for r in recordings), in_processes(_look, recordings, nj, "recordings read"), strict=True))


def _look(recording: Recording) -> Heard:
    digests, lengths = {}, {}
    for kind in (NOISY, CLEAN) if recording.clean else (NOISY,):
        samples, rate = recording.read(kind)
        digests[kind] = hashlib.sha256(f"{rate}".encode() + samples.tobytes()).hexdigest()
        lengths[kind] = len(samples), rate
    (length, rate), clean = lengths[NOISY], lengths.get(CLEAN, lengths[NOISY])
    if clean != (length, rate):
        raise UserError(
            f"{recording.clean} has {clean[0]} samples at {clean[1]} Hz, {recording.noisy} has {length} at {rate} Hz; "
            "a clean signal is as long as its noisy one"
        )
    if length < SHORTEST * rate:
        raise UserError(f"{recording.noisy} lasts {length / rate:.3f} s; a recording has {SHORTEST:g} s or more")
    return Heard(digests, length / rate)


def _of_data_dir(folder: Path) -> list[Recording]:
    data = DataDir(folder, needed=("wav.scp",))

    def value(table: str, key: str) -> str | None:
        return data[table].get(key) if table in data else None

    return [
        Recording(
            key=key,
            noisy=data["wav.scp"][key],
            clean=value("spk1.scp", key),
            text=value("text", key),
            utt=value("utt2orig", key) or key,
            speaker=value("utt2spk", key) or key,
            noise=value("utt2noise", key),
            snr=_snr(value("utt2snr", key), folder, key),
            kaldi=True,
        )
        for key in data.utts
    ]


def _snr(text: str | None, folder: Path, key: str) -> float | None:
    try:
        return None if text in (None, "inf", "+inf", "clean") else float(text.removesuffix("dB"))
    except ValueError as e:
        raise UserError(f"{folder / 'utt2snr'}: the SNR of utterance {key} is '{text}', not a number") from e


def _of_files(folder: Path) -> list[Recording]:
    inside = (folder / NOISY).is_dir()
    noisy = _sounds(folder / NOISY) if inside else _sounds(folder, deep=False)
    if not noisy:
        where = folder / NOISY if inside else f"{folder} or {folder / NOISY}"
        raise UserError(f"there is no sound file in {where}; {folder} is to hold noisy/*.wav (or .flac), or a wav.scp")
    clean = _sounds(folder / CLEAN)
    if (folder / CLEAN).is_dir() and not clean.keys() & noisy.keys():
        raise UserError(f"no file in {folder / CLEAN} has the name of one in {folder / NOISY}")
    texts = _texts(folder, set(noisy))
    return [
        Recording(key, str(path), str(clean[key]) if key in clean else None, texts and texts[key], key, key)
        for key, path in sorted(noisy.items())
    ]


def _sounds(folder: Path, deep: bool = True) -> dict[str, Path]:
    """{name with its folder, without suffix: file} of the sound files in a folder, hidden ones left out."""
    found: dict[str, Path] = {}
    for path in sorted(_files(folder, deep)):
        if path.suffix.lower() not in AUDIO_SUFFIXES:
            continue
        key = path.relative_to(folder).with_suffix("").as_posix()
        if any(c.isspace() for c in key):
            raise UserError(f"{path}: names of recordings have no spaces, because those in a text end with one")
        if key in found:
            raise UserError(f"{found[key]} and {path} have one name; leave one out")
        found[key] = path
    return found


def _files(folder: Path, deep: bool) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.rglob("*") if deep else folder.iterdir():
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
                yield path


def _texts(folder: Path, keys: set[str]) -> dict[str, str] | None:
    """{key: words}; None where there is no text. It may name more than there is.

    Raises: UserError where it lacks one, or there are two texts.
    """
    given = [folder / name for name in TEXTS if (folder / name).is_file()]
    if not given:
        return None
    if len(given) > 1:
        raise UserError(f"{given[0]} and {given[1]} are both there; leave one out")
    table = read_table(given[0])
    texts = {name.removesuffix(Path(name).suffix) if Path(name).suffix.lower() in AUDIO_SUFFIXES else name: words
             for name, words in table.items()}  # fmt: skip
    missing = sorted(keys - texts.keys())
    if missing:
        raise UserError(f"{given[0]} has no words of {missing[0]}" + (f", and of {len(missing) - 1} more" if missing[1:] else ""))
    return texts
