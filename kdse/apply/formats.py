"""Which format a sound file is written in: its suffix says the container, the input the kind of samples."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from kdse.core.errors import UserError, did_you_mean

SUFFIXES = {
    ".wav": "WAV",
    ".wave": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".oga": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
    ".aif": "AIFF",
    ".aiff": "AIFF",
    ".aifc": "AIFF",
    ".au": "AU",
    ".snd": "AU",
    ".caf": "CAF",
    ".w64": "W64",
    ".rf64": "RF64",
    ".sph": "NIST",
    ".nist": "NIST",
    ".voc": "VOC",
    ".paf": "PAF",
    ".avr": "AVR",
    ".ircam": "IRCAM",
    ".svx": "SVX",
}
"""{suffix: libsndfile's container} of what can be read and written."""
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ULAW": 16, "ALAW": 16}
"""Kinds of samples that are written as integers of so many bits."""
KINDS = (*BITS, "FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III")
"""Kinds of samples that are written: those that keep the number of samples."""
_NEAREST = {
    "PCM_U8": ("PCM_S8",),
    "PCM_S8": ("PCM_U8",),
    "PCM_32": ("PCM_24",),
    "FLOAT": ("PCM_24",),
    "DOUBLE": ("FLOAT", "PCM_24"),
    "ALAC_20": ("PCM_24",),
    "ALAC_24": ("PCM_24",),
    "ALAC_32": ("PCM_32", "PCM_24"),
}
"""What is tried before the container's default where it does not have the input's kind."""
_BYTES = ("PCM_S8", "PCM_U8", "ULAW", "ALAW")
_WRONG = {(container, kind) for container in ("AIFF", "VOC") for kind in _BYTES} | {("PAF", "PCM_24"), ("WAV", "MPEG_LAYER_III")}
"""What libsndfile 1.2.2 offers and does wrong: it adds a sample to an odd number, or cannot after all."""
_VARIANTS = {"WAV": ("WAVEX", "RF64")}
"""Containers that share a suffix: the input's stays."""
_WAV_BYTES = 2**32 - 4096
"""More samples do not fit into a WAV file."""
_VORBIS_RATES = (1000, 192000)
"""libvorbis crashes on higher ones."""


@dataclass(frozen=True)
class Format:
    """A format by libsndfile's names.

    Attributes:
        container: such as WAV.
        kind: of the samples, such as PCM_16.
        rate: Hz.
        channels: how many.
    """

    container: str
    kind: str
    rate: int
    channels: int


def check_suffix(path: Path) -> None:
    """Raise UserError for a name that says no container."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        said = f"the suffix {path.suffix} of {path}" if suffix else f"the name {path}"
        hint = did_you_mean(suffix, SUFFIXES) or f"; use one of {' '.join(SUFFIXES)}"
        raise UserError(f"{said} names no format that can be written{hint}")


def output_format(name: str, suffix: str, source: Format, frames: int) -> tuple[Format, str]:
    """Choose the format of an output.

    Args:
        name: of the output, for messages.
        suffix: one of SUFFIXES.
        source: the input's format.
        frames: samples of a channel, as far as they are known.

    Returns: the format, and one sentence where its samples are of another kind than the input's, else ''.
    Raises: UserError where they do not fit.
    """
    container = SUFFIXES[suffix]
    if source.container in _VARIANTS.get(container, ()):
        container = source.container
    kind = "OPUS" if suffix == ".opus" else _kind(container, source.kind)
    chosen = Format(container, kind, source.rate, source.channels)
    if kind == "VORBIS" and not _VORBIS_RATES[0] <= source.rate <= _VORBIS_RATES[1]:
        raise UserError(f"{name}: Vorbis holds no sound of {source.rate} Hz; name the output .wav or .flac")
    if container in ("WAV", "WAVEX") and frames * source.channels * _width(kind) > _WAV_BYTES:
        raise UserError(f"{name} would be longer than a WAV file can be (4 GiB); name the output .rf64 or .w64")
    if kind == source.kind:
        return chosen, ""
    return chosen, f"{name}: {container} holds no {source.kind} here; written as {kind}"


def _kind(container: str, kind: str) -> str:
    """The input's kind of samples, or what comes nearest to it in a container."""
    for candidate in (kind, *_NEAREST.get(kind, ())):
        if candidate in KINDS and can_hold(container, candidate):
            return candidate
    return soundfile.default_subtype(container)


def can_hold(container: str, kind: str) -> bool:
    """Whether a container is written with this kind of samples, and keeps their number."""
    return (container, kind) not in _WRONG and soundfile.check_format(container, kind)


def _width(kind: str) -> int:
    """Bytes of a sample."""
    return {"FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}.get(kind) or BITS[kind] // 8


def to_integers(x: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
    """Quantise float samples, full scale ±1, to integers of so many bits, to nearest.

    Returns: int16 or int32 (where 8 or 24 bits stand in the upper ones, as libsndfile takes them), and how many samples lay
        beyond full scale and were clipped.

    >>> to_integers(np.array([0.5, -1.0, 1.5]), 16)
    (array([ 16384, -32768,  32767], dtype=int16), 1)
    """
    most = 2.0 ** (bits - 1)
    scaled = np.rint(x.astype(np.float64) * most)
    clipped = int(np.count_nonzero((scaled > most - 1) | (scaled < -most)))
    whole = np.clip(scaled, -most, most - 1)
    return (whole.astype(np.int16) if bits == 16 else whole.astype(np.int32) << np.int32(32 - bits)), clipped
