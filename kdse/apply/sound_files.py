"""Sound files in blocks: read in constant memory, and written with a look back whether everything is there."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import soundfile

from kdse.apply.formats import BITS, Format, to_integers
from kdse.core.errors import UserError
from kdse.data.truncation import truncation

BLOCK = 1 << 16
"""Samples of a block, all channels together."""
_UNKNOWN = 2**62
"""libsndfile states more samples than this where it does not know how many there are."""
_FULL = 1 << 20
"""Free bytes below which a disk is full."""


class SoundReader:
    """A sound file of any format that libsndfile knows, block by block.

    Args:
        file: the number of an open, seekable file, at its beginning; it stays open.
        name: for messages.

    Attributes:
        format: Format.
        frames: samples of each channel; 0 where the file does not say.
        tags: {title, artist, …: text}.

    Raises: UserError where this is no sound file, it holds no samples, or its header says that something is missing.
    """

    def __init__(self, file: int, name: str):
        self.name = name
        with open(file, "rb", buffering=0, closefd=False) as raw:
            cut = truncation(raw, name)
        if not os.fstat(file).st_size:
            raise UserError(f"{name} is empty")
        if cut:
            raise UserError(f"{name} is truncated: {cut}")
        try:
            self._file = _Forward(file, closefd=False)
        except soundfile.SoundFileError as e:
            raise UserError(f"{name} is damaged or no sound file that can be read ({_reason(e)})") from e
        self.format = Format(self._file.format, self._file.subtype, self._file.samplerate, self._file.channels)
        if not self._file.frames:
            raise UserError(f"{name} holds no samples")
        self.frames = self._file.frames if self._file.frames < _UNKNOWN else 0
        self.tags = {key: text for key, text in self._file.copy_metadata().items() if text and key != "software"}

    @property
    def blocks(self) -> int | None:
        """How many blocks there are; None where that is not known."""
        return math.ceil(self.frames / self._block) or None

    @property
    def _block(self) -> int:
        return math.ceil(BLOCK / self.format.channels)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the samples, float32 (n, C), full scale ±1: integers times a power of two, lossy ones as they are decoded; float64
        where the file has such, so that what is beyond float32 is not taken for infinite.

        Raises: UserError where the file is damaged or ends too early.
        """
        done, dtype = 0, "float64" if self.format.kind == "DOUBLE" else "float32"
        while True:
            try:
                block = self._file.read(self._block, dtype=dtype, always_2d=True)
            except soundfile.SoundFileError as e:
                raise UserError(f"{self.name} is damaged or truncated after sample {done} ({_reason(e)})") from e
            if not len(block):
                break
            done += len(block)
            yield block
        if done < self.frames:
            raise UserError(f"{self.name} is truncated: it ends {self.frames - done} samples before the length its header states")
        if not done:
            raise UserError(f"{self.name} holds no samples")


class _Forward(soundfile.SoundFile):
    """A file that is read once, from its beginning on. soundfile seeks after each block of a seekable one, which takes time and
    fails at the end of a FLAC file that does not state its length."""

    def seekable(self) -> bool:
        return False


class SoundWriter:
    """A sound file, written block by block; `close` it, whatever happens.

    Args:
        file: a path, or the number of an open file.
        form: its format.
        tags: {title, artist, …: text}; what the container has no place for is left out.
        name: for messages.

    Attributes:
        clipped: samples beyond full scale so far.

    Raises: UserError where the container does not take such a sound.
    """

    def __init__(self, file: Path | int, form: Format, tags: dict[str, str], name: str):
        self.form, self.name, self.clipped = form, name, 0
        self._place, self._frames = file, 0
        target = file if isinstance(file, int) else os.fsencode(file)  # soundfile encodes only what is UTF-8
        if isinstance(file, Path):
            with self._failures():
                file.touch()  # this says why it cannot be written, libsndfile does not
        try:
            self._file = soundfile.SoundFile(target, "w", form.rate, form.channels, form.kind, format=form.container, closefd=False)
        except soundfile.SoundFileError as e:
            shape = f"{form.channels} channel{'s' * (form.channels > 1)} at {form.rate} Hz"
            raise UserError(f"cannot write {name}: {self._why(e)}; {form.container} ({form.kind}) with {shape}") from e
        for key, text in tags.items():
            if form.container == "MP3" and not text.isascii():
                continue  # LAME takes it for Latin-1
            with suppress(soundfile.SoundFileError):  # no place for it
                setattr(self._file, key, text)

    def write(self, x: np.ndarray) -> None:
        """Write float32 (n, C), full scale ±1; integers are rounded to nearest and clipped at full scale.

        Raises: UserError where nothing more can be written.
        """
        self._frames += len(x)
        if self.form.kind in BITS:
            x, clipped = to_integers(x, BITS[self.form.kind])
            self.clipped += clipped
        with self._failures():
            self._file.write(x)

    def close(self) -> None:
        """Close the file, and go no further: what is in it may be incomplete."""
        with suppress(soundfile.SoundFileError):
            self._file.close()

    def finish(self) -> None:
        """Close the file, see it on the disk, and look whether all samples are in it: an encoder may lose the last ones unsaid.

        Raises: UserError where they are not.
        """
        with self._failures():
            self._file.close()
            handle = os.dup(self._place) if isinstance(self._place, int) else os.open(self._place, os.O_RDONLY)
            try:
                os.fsync(handle)
                os.lseek(handle, 0, os.SEEK_SET)
                with soundfile.SoundFile(handle, closefd=False) as written:
                    there, rate = written.frames, written.samplerate
            finally:
                os.close(handle)
        if there != self._frames:
            raise UserError(f"cannot write {self.name}: only {there} of {self._frames} samples came to be in it")
        if rate != self.form.rate:
            raise UserError(f"cannot write {self.name}: {self.form.container} makes {rate} Hz of {self.form.rate} Hz")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.SoundFileError, OSError) as e:
            raise UserError(f"cannot write {self.name}: {self._why(e)}") from e

    def _why(self, error: Exception) -> str:
        """Why nothing can be written; libsndfile knows no more than that the system would not."""
        disk = os.statvfs(self._place if isinstance(self._place, int) else self._place.parent)
        if disk.f_bavail * disk.f_frsize < _FULL:
            return "the disk is full"
        return error.strerror or str(error) if isinstance(error, OSError) else _reason(error)


def _reason(error: soundfile.SoundFileError) -> str:
    """What libsndfile says, without its own words for 'error'."""
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").strip(" .")
