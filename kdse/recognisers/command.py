"""Any program that reads a list of WAV files and prints their words."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from kdse.core.errors import UserError
from kdse.core.files import sha256
from kdse.data.audio import RATE, to_int16
from kdse.recognisers.base import Hypothesis, Options, Recogniser

LAST, SHOWN = 3, 80
"""Lines of a failed command's own that are repeated, and characters of one that cannot be read."""


@dataclass(frozen=True)
class CommandOptions(Options):
    """conf/decode/command.yaml shows these.

    Attributes:
        batch_seconds: audio of one call, since a program takes its time to start.
        command: the program and its arguments, run without a shell. One more argument follows: a file with the path of a WAV
            (16 kHz, mono, 16 bit) on each line.
        stdin: give it that list on standard input instead.
        time_limit: seconds for one call.
    """

    batch_seconds: float = 3600.0
    command: tuple[str, ...] = ("",)
    stdin: bool = False
    time_limit: float = 7200.0

    def check(self, where: str) -> None:
        if not self.command or not self.command[0]:
            raise UserError(f"{where}: command is a list, the program and its arguments, such as [python, listen.py]")
        for word in self.command:
            if "\0" in word:
                raise UserError(f"{where}: command has a word with a NUL character: {word!r}")
        if self.time_limit <= 0:
            raise UserError(f"{where}: time_limit is a number of seconds above 0, not {self.time_limit}")

    def state(self) -> dict:
        """Without `time_limit`, which changes no words; with what the files among `command` hold."""
        files = {word: sha256(word) for word in self.command if os.path.isfile(word) and os.access(word, os.R_OK)}
        state = {name: value for name, value in super().state().items() if name != "time_limit"}
        return state | ({"sha256": files} if files else {})


class Command(Recogniser):
    """A program that prints a line for each WAV: `name words` in any order, the name being the file's with or without its folder
    and `.wav`, a colon or a comma after it or not; or, where no line begins with such a name, words alone in the order of the list.
    Of what it writes to standard error the end is shown where it fails.
    """

    Options = CommandOptions
    decode = "command"

    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        if not waves:
            return []
        with tempfile.TemporaryDirectory(prefix="kdse-") as folder:
            paths = [Path(folder) / f"kdse{number:06d}.wav" for number in range(len(waves))]
            for path, wave in zip(paths, waves, strict=True):
                soundfile.write(path, to_int16(wave), RATE, subtype="PCM_16")
            listed = Path(folder) / "wav.list"
            listed.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
            return [Hypothesis(words) for words in self._read(self._run(listed), paths)]

    def _run(self, listed: Path) -> str:
        """What the command prints."""
        words = [*map(str, self.options.command), *([] if self.options.stdin else [str(listed)])]
        try:
            # A session of its own, so that all that it started ends with it; files, because nobody reads a pipe meanwhile.
            with open(listed) as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                stdin = given if self.options.stdin else subprocess.DEVNULL
                process = subprocess.Popen(words, stdin=stdin, stdout=out, stderr=err, start_new_session=True)
                try:
                    code = process.wait(self.options.time_limit)
                except subprocess.TimeoutExpired:
                    code = None
                finally:
                    with contextlib.suppress(ProcessLookupError):  # nobody is left
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                printed, complaint = (_text(file) for file in (out, err))
        except OSError as e:
            raise UserError(f"the command '{words[0]}' cannot be run: {e.strerror or e}") from e
        if code != 0:
            why = f"exit code {code}" if code is not None else f"it was ended after time_limit, {self.options.time_limit:g} s"
            raise UserError(f"the command '{words[0]}' failed ({why}){_last_lines(complaint or printed)}")
        self._complaint = complaint
        return printed

    def _read(self, printed: str, paths: list[Path]) -> list[str]:
        """The words of each WAV."""
        lines = [line.strip() for line in printed.removesuffix("\n").split("\n")] if printed else []
        numbers, folders = {path.stem: number for number, path in enumerate(paths)}, {paths[0].parent, paths[0].parent.resolve()}
        begins = "|".join(re.escape(f"{folder}/") for folder in folders)  # whole, since it may have spaces
        begin = re.compile(rf"(?:{begins})?(kdse\d+)(?:\.wav)?(?:\s*[:,]|\s|$)\s*(.*)")
        named: list[tuple[int, str] | None] = []  # the number of the file and its words, of lines that begin with a name
        for line in lines:
            match = begin.match(line)
            named.append((numbers[match[1]], match[2]) if match and match[1] in numbers else None)
        if any(named):
            words = self._by_name(lines, named, paths)
        else:
            words = self._in_order(lines, len(paths))
        for text in words:
            if re.search(r"kdse\d{6}", text, re.IGNORECASE):
                self._refuse(f"printed the name of a file amid words: {text[:SHOWN]!r}")
            if any(unicodedata.category(c) == "Cc" and (c == "\r" or not c.isspace()) for c in text):
                self._refuse(f"printed a control character: {text[:SHOWN]!r}")
        return words

    def _in_order(self, lines: list[str], count: int) -> list[str]:
        """Words alone. An empty line is a hypothesis, too, unless all have theirs."""
        while len(lines) > count and not lines[-1]:
            lines = lines[:-1]
        if len(lines) != count:
            self._refuse(f"printed {len(lines)} lines for {count} files")
        return lines

    def _by_name(self, lines: list[str], named: list[tuple[int, str] | None], paths: list[Path]) -> list[str]:
        """Words of lines that begin with a name, each given as the number of its file and what follows."""
        words_of: dict[int, str] = {}
        for line, pair in zip(lines, named, strict=True):
            if not line:
                continue
            if pair is None:
                self._refuse(f"printed a line that begins with no name of a file, while others do: {line[:SHOWN]!r}")
            number, words = pair
            if number in words_of:
                self._refuse(f"printed two lines for {paths[number].name}")
            words_of[number] = words
        missing = [path.name for number, path in enumerate(paths) if number not in words_of]
        if missing:
            self._refuse(f"printed no line for {len(missing)} of {len(paths)} files, the first {missing[0]}")
        return [words_of[number] for number in range(len(paths))]

    def _refuse(self, what: str) -> None:
        raise UserError(f"the command '{self.options.command[0]}' {what}{_last_lines(self._complaint)}")


def _text(file) -> str:
    file.seek(0)
    return file.read().decode("utf-8-sig", errors="replace")


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()][-LAST:]
    return f"; it said: {' / '.join(lines)}" if lines else ""
