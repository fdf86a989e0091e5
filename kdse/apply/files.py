"""`kdse enhance IN OUT`: one sound file through a student, in constant memory."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.apply.enhancer import Enhancer, StreamingEnhancer
from kdse.apply.formats import output_format
from kdse.apply.places import PIPE, check_target, reading, tell, writing
from kdse.apply.sound_files import SoundReader
from kdse.core.errors import UserError
from kdse.core.progress import bar, terminal

Watch = Callable[[SoundReader], Iterable[np.ndarray]]
"""Gives a file's blocks on, and may show how far it is, or stop."""


@dataclass(frozen=True)
class Student:
    """What `Enhancer.from_pretrained` takes; processes load the model by themselves."""

    model: str
    floor: float | None = None
    exponent: float | None = None
    mix: float | None = None

    def load(self) -> Enhancer:
        """Load it."""
        return Enhancer.from_pretrained(self.model, floor=self.floor, exponent=self.exponent, mix=self.mix)


@dataclass(frozen=True)
class Done:
    """What became of a file.

    Attributes:
        seconds: of audio.
        notes: what the user should know, a sentence each.
    """

    seconds: float
    notes: tuple[str, ...]


def enhance_file(source: str, target: str, enhancer: Enhancer, force: bool = False) -> None:
    """Enhance one sound file, with a bar on a terminal and a line on standard error at the end.

    Args:
        source, target: paths, or '-' for standard input and output, which carries WAV.
        enhancer: the student.
        force: whether an older output may be replaced.

    Raises: UserError for everything a user can mend; the output then is as it was.
    """
    started = time.monotonic()
    done = enhance_sound(source, target, enhancer, force, lambda sound: bar(sound, source, sound.blocks, terminal()))
    for note in done.notes:
        tell(note)
    tell(summary("standard output" if target == PIPE else target, done.seconds, time.monotonic() - started))


def summary(what: str, seconds: float, took: float) -> str:
    """The last line.

    >>> summary("a.wav", 20.0, 0.5)
    'a.wav: 20.0 s of audio enhanced in 0.5 s (real-time factor 0.025)'
    """
    return f"{what}: {seconds:.1f} s of audio enhanced in {took:.1f} s (real-time factor {took / seconds:.3f})"


def enhance_sound(source: str, target: str, enhancer: Enhancer, force: bool = False, watch: Watch = iter) -> Done:
    """Enhance one sound file, as `enhance_file`, without a word."""
    check_target(target, source, force)
    name, suffix = ("standard output", ".wav") if target == PIPE else (target, Path(target).suffix.lower())
    with reading(source) as sound:
        form, note = output_format(name, suffix, sound.format, sound.frames)
        try:
            stream = StreamingEnhancer(enhancer.model, form.rate, form.channels, enhancer.output)
        except UserError as e:
            raise UserError(f"{sound.name}: {e}") from e
        with writing(target, form, sound.tags, force) as writer:
            frames = 0
            for block in _enhanced(watch(sound), stream, sound.name):
                writer.write(block)
                frames += len(block)
    notes = [note] if note else []
    if writer.clipped:
        notes.append(f"{name}: {writer.clipped} sample{'s' * (writer.clipped > 1)} clipped at full scale")
    return Done(frames / form.rate, tuple(notes))


def _enhanced(blocks: Iterable[np.ndarray], stream: StreamingEnhancer, name: str) -> Iterator[np.ndarray]:
    """(n, C) blocks through the student; together as many samples as came."""
    for block in blocks:
        try:
            yield stream.push(block)
        except UserError as e:
            raise UserError(f"{name}: {e}") from e
    yield stream.flush()
