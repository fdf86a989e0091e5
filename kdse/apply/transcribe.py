"""`kdse transcribe`: the words of noisy speech without and with a front end, side by side."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from kdse.apply.enhancer import Enhancer, StreamingEnhancer, resampled
from kdse.apply.listen import words_of
from kdse.apply.places import reading
from kdse.apply.sound_files import SoundReader
from kdse.apply.word_diff import same_words, word_diff
from kdse.core.errors import UserError
from kdse.core.progress import bar, terminal
from kdse.runtime.stream import checked

if TYPE_CHECKING:
    from kdse.recognisers.base import Recogniser

SHORTEST, LONGEST = 14.0, 28.0
"""Seconds of the pieces that a long recording is cut into; Whisper takes 30 s at once."""
MOMENT = 0.2
"""Seconds that must be quiet for a cut."""
STEP = 160
"""Samples between two moments."""
NOTHING = "(no words)"
Watch = Callable[[SoundReader], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Heard:
    """A recording for a recogniser.

    Attributes:
        name: of the file.
        rate: of the file, Hz.
        channels: of the file.
        noisy, enhanced: (N,) float32 at 16 kHz, mono.
    """

    name: str
    rate: int
    channels: int
    noisy: np.ndarray
    enhanced: np.ndarray


@dataclass(frozen=True)
class Transcript:
    """What was recognised.

    Attributes:
        name: of the file.
        seconds: its length.
        rate: Hz.
        channels: which were mixed.
        without, enhanced: words, without and with the front end.
    """

    name: str
    seconds: float
    rate: int
    channels: int
    without: str
    enhanced: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "seconds": self.seconds,
            "rate": self.rate,
            "channels": self.channels,
            "without": self.without,
            "with": self.enhanced,
            "same_words": same_words(self.without, self.enhanced),
        }

    def text(self, colour: bool = False) -> str:
        """Four lines: the file, both texts, and what differs; in colour for a terminal."""
        changed = "no word"
        if not same_words(self.without, self.enhanced):
            changed = word_diff(self.without, self.enhanced, colour)
        rows = (("without", self.without or NOTHING), ("with", self.enhanced or NOTHING), ("changed", changed))
        return "\n".join([self.name, *(f"  {label:<9}{text}" for label, text in rows)])


def hear(source: str, enhancer: Enhancer, watch: Watch = iter) -> Heard:
    """Read a sound file, enhance each channel by itself, and mix what was and what is to mono.

    Args:
        source: a path, or '-' for standard input.
        enhancer: the front end.
        watch: gives the file's blocks on, and may show how far it is.

    Raises: UserError where it cannot be read, or holds NaN or infinite samples.
    """
    with reading(source) as sound:
        form, rate = sound.format, enhancer.model.rate
        stream = StreamingEnhancer(enhancer.model, rate, form.channels, enhancer.output)
        noisy, enhanced = [], []
        for block in _at_rate(_checked(watch(sound), sound.name), form.rate, rate, form.channels):
            noisy.append(block.mean(axis=1))
            enhanced.append(stream.push(block).mean(axis=1))
        enhanced.append(stream.flush().mean(axis=1))
        return Heard(sound.name, form.rate, form.channels, np.concatenate(noisy), np.concatenate(enhanced))


def transcribe(heard: Heard, recogniser: "Recogniser", rate: int) -> Transcript:
    """Recognise a recording, cut where the enhanced one pauses, without and with the front end.

    Args:
        heard: its samples.
        recogniser: for both.
        rate: of the samples, Hz.

    Raises: UserError where the recogniser cannot work.
    """
    cuts = pieces(heard.enhanced, rate)
    words: tuple[list[str], list[str]] = ([], [])
    for cut in bar(cuts, f"{heard.name}, recognition", len(cuts), terminal()):
        for texts, text in zip(words, words_of(recogniser, [heard.noisy[cut], heard.enhanced[cut]]), strict=True):
            texts.append(text)
    without, enhanced = (" ".join(filter(None, texts)) for texts in words)
    return Transcript(heard.name, len(heard.noisy) / rate, heard.rate, heard.channels, without, enhanced)


def pieces(x: np.ndarray, rate: int) -> list[slice]:
    """Cut a signal (N,), N > 0, into pieces of 14 to 28 s (the last: up to 28 s), each cut amid the quietest 0.2 s there are."""
    longest, shortest, width = int(LONGEST * rate), int(SHORTEST * rate), int(MOMENT * rate)
    cuts = [0]
    while len(x) - cuts[-1] > longest:
        place = x[cuts[-1] + shortest : cuts[-1] + longest].astype(np.float64)
        energy = np.concatenate([[0.0], np.cumsum(place**2)])
        moments = (energy[width:] - energy[:-width])[::STEP]
        cuts.append(cuts[-1] + shortest + int(moments.argmin()) * STEP + width // 2)
    return [slice(begin, end) for begin, end in zip(cuts, [*cuts[1:], len(x)], strict=True)]


def _checked(blocks: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    """Blocks (n, C) without what cannot be audio."""
    done = 0
    for block in blocks:
        try:
            yield checked(block, done)
        except UserError as e:
            raise UserError(f"{name}: {e}") from e
        done += len(block)


def _at_rate(blocks: Iterable[np.ndarray], rate: int, to: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks (n, C) at another sampling rate."""
    stream = None if rate == to else soxr.ResampleStream(rate, to, channels)
    for block in blocks:
        yield resampled(stream, block, last=False)
    yield resampled(stream, np.zeros((0, channels), np.float32), last=True)
