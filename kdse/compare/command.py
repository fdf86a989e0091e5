"""Any program that reads one WAV and writes another, as an enhancer."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from kdse.compare.systems import Function, System
from kdse.core.errors import UserError
from kdse.core.files import sha256
from kdse.data.audio import RATE, to_int16
from kdse.enhancers.align import at_rate

FORM = "'NAME=program {in} {out}', or 'NAME@48000=...' for one that takes another rate than 16 kHz"
PLACES = ("{in}", "{out}")
TIME_LIMIT = 600
"""Seconds that one recording may take."""
_FORM = re.compile(r"(?P<name>[^=@]+)(?:@(?P<rate>\d{4,6}))?=(?P<command>.+)", re.DOTALL)


@dataclass(frozen=True)
class Command(System):
    """A program, run without a shell: `{in}` among its words is a WAV (mono, 16 bit), `{out}` the WAV that it writes."""

    name: str
    words: tuple[str, ...]
    rate: int = RATE
    kind = "command"

    def state(self) -> dict[str, Any]:
        """With what the program and the files among the words hold."""
        files = {}
        for number, word in enumerate(self.words):
            path = word if number else shutil.which(word)
            if path and os.path.isfile(path) and os.access(path, os.R_OK):
                files[word] = sha256(path)
        return {"command": list(self.words), "rate": self.rate, "sha256": files}

    def load(self) -> Callable[[], Function]:
        return lambda: self._enhance

    def _enhance(self, noisy: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory(prefix="kdse-") as folder:
            given, made = Path(folder) / "in.wav", Path(folder) / "out.wav"
            soundfile.write(given, to_int16(noisy), self.rate, subtype="PCM_16")
            places = dict(zip(PLACES, (str(given), str(made)), strict=True))
            self._run([re.sub(r"\{in\}|\{out\}", lambda match: places[match[0]], word) for word in self.words])
            return self._read(made)

    def _run(self, words: list[str]) -> None:
        try:
            with tempfile.TemporaryFile() as said:  # a file, because nobody reads a pipe meanwhile
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
                )
                try:
                    code = process.wait(TIME_LIMIT)
                except subprocess.TimeoutExpired:
                    code = None
                finally:
                    with contextlib.suppress(ProcessLookupError):  # all that it started ends with it
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                said.seek(0)
                lines = [line.strip() for line in said.read().decode(errors="replace").splitlines() if line.strip()]
        except OSError as e:
            raise UserError(f"the command '{words[0]}' cannot be run: {e.strerror or e}") from e
        if code != 0:
            why = f"exit code {code}" if code is not None else f"ended after {TIME_LIMIT} s"
            raise UserError(f"the command '{words[0]}' failed ({why})" + (f"; it said: {lines[-1]}" if lines else ""))

    def _read(self, made: Path) -> np.ndarray:
        if not made.is_file():
            raise UserError(f"the command '{self.words[0]}' wrote no {PLACES[1]}")
        try:
            samples, rate = soundfile.read(made, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as e:
            raise UserError(f"the command '{self.words[0]}' wrote no sound file: {e}") from e
        return at_rate(samples.mean(axis=1), rate, self.rate)


def parse_command(text: str) -> Command:
    """The command that a user wrote.

    Raises: UserError where it is not of the form FORM.

    >>> parse_command("copy@48000=cp {in} {out}")
    Command(name='copy', words=('cp', '{in}', '{out}'), rate=48000)
    """
    found = _FORM.fullmatch(text)
    try:
        words = shlex.split(found["command"]) if found else []
    except ValueError as e:
        raise UserError(f"--command {text!r}: {e}") from e
    if not words or not found["name"].strip() or any(sum(word.count(place) for word in words) != 1 for place in PLACES):
        raise UserError(f"--command is {FORM}, not {text!r}")
    if shutil.which(words[0]) is None:
        raise UserError(f"--command {found['name']}: there is no program '{words[0]}'")
    rate = int(found["rate"] or RATE)
    if not 8000 <= rate <= 192000:
        raise UserError(f"--command {found['name']}: a rate is from 8000 to 192000 Hz, not {rate}")
    return Command(found["name"].strip(), tuple(words), rate)
