"""The recognisers that listen: by a name, a YAML of conf/decode, or the place of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kdse.apply.listen import TOKENS_PER_SECOND, load_recogniser
from kdse.compare.enhance import Enhanced
from kdse.compare.kept import Kept
from kdse.compare.systems import slug
from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import fingerprint, sha256
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import FULL_SCALE, RATE, read_audio
from kdse.recognisers.base import Options, Recogniser
from kdse.recognisers.batching import batches
from kdse.recognisers.registry import ESPNET, find, read_recogniser

BUILT_IN: dict[str, tuple[str, dict[str, Any]]] = {
    "whisper": ("whisper", {"tokens_per_second": TOKENS_PER_SECOND}),
    "whisper_tiny": ("whisper", {"model": "tiny.en", "tokens_per_second": TOKENS_PER_SECOND}),
    "pocketsphinx": ("pocketsphinx", {}),
}
"""{name: (recogniser, options)} as the YAML of that name in conf/decode says, which an installed kdse does not have."""


@dataclass(frozen=True)
class Listener:
    """A recogniser that is loaded by the processes that need it.

    Attributes:
        name: in tables and rows.
        given: what the user wrote.
    """

    name: str
    given: str

    @property
    def writes_freely(self) -> bool:
        """Whether it writes digits and punctuation as it likes; ESPnet's are trained on transcripts."""
        return self._kind() != ESPNET

    def _kind(self) -> str:
        if self.given in BUILT_IN:
            return BUILT_IN[self.given][0]
        if _is_yaml(self.given):
            return read_recogniser(Path(self.given))[0]
        return "whisper" if _is_whisper(self.given) else ESPNET

    @property
    def batch_seconds(self) -> float:
        """Audio that it takes at once."""
        return self._options().batch_seconds

    @property
    def equal_lengths(self) -> bool:
        """Whether it takes waves of one length only at once."""
        return find(self._kind()).equal_lengths

    def _options(self) -> Options:
        """Its options, as far as the user chose them."""
        if self.given in BUILT_IN:
            name, values = BUILT_IN[self.given]
            return find(name).Options(**values)
        return read_recogniser(Path(self.given))[1] if _is_yaml(self.given) else Options()

    def state(self) -> dict[str, Any]:
        """Everything beside the audio that its words depend on; plain values."""
        kind = self._kind()
        if self.given in BUILT_IN or _is_yaml(self.given):
            return {"recogniser": kind, "options": self._options().state()}
        if kind == "whisper":
            return {"recogniser": kind, "model": sha256(Path(self.given) / "model.bin")}
        from kdse.training.model_files import find_model  # YAML and archives: for ESPnet's models alone

        files = find_model(Path(self.given))
        try:
            return {
                "recogniser": kind,
                "config": fingerprint(files.config),
                "files": {name: sha256(path) for name, path in files.paths.items()},
            }
        finally:
            files.close()

    def load(self) -> Recogniser:
        """Load it.

        Raises: UserError where a package, weights or the model are missing.
        """
        if self.given in BUILT_IN:
            return find(BUILT_IN[self.given][0])(self._options())
        if _is_yaml(self.given):
            return load_recogniser(config=Path(self.given))
        return load_recogniser(self.given)


def choose_recognisers(given: Sequence[str]) -> list[Listener]:
    """The recognisers that a user names.

    Raises: UserError where there is no such recogniser, or two would have one name.
    """
    listeners = [Listener(_name(text), text) for text in given]
    names = [listener.name for listener in listeners]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two recognisers are called '{name}'; rename a folder or a YAML")
    for listener in listeners:
        if _is_yaml(listener.given) and find(listener._kind()).needs_backend:
            raise UserError(f"{listener.given} searches with an ESPnet model; name the model's folder instead")
        listener.state()
    return listeners


def _name(given: str) -> str:
    if given in BUILT_IN:
        return given
    path = Path(given)
    if not path.exists():
        hint = did_you_mean(given, BUILT_IN)
        raise UserError(
            f"there is no recogniser '{given}'{hint}; give {', '.join(BUILT_IN)}, a YAML of conf/decode, or a model's folder"
        )
    return path.resolve().stem if path.is_file() else path.resolve().name


def _is_yaml(given: str) -> bool:
    return Path(given).suffix in (".yaml", ".yml") and Path(given).is_file()


def _is_whisper(given: str) -> bool:
    return (Path(given) / "model.bin").is_file()


@dataclass(frozen=True)
class Transcripts:
    """What a recogniser wrote.

    Attributes:
        decode: how it searched.
        words: {system: {key: words}}.
    """

    decode: str
    words: dict[str, dict[str, str]]


@dataclass(frozen=True)
class _Batch:
    listener: Listener
    system: str
    keys: tuple[str, ...]
    files: tuple[Path, ...]


def transcribe(
    listener: Listener, audio: dict[str, Enhanced], seconds: dict[str, float], out: Path, nj: int, what: str = ""
) -> Transcripts:
    """The words of every recording of every system, those known from before included.

    Args:
        audio: {system: its files}.
        seconds: {key: length}.
        out: words are kept in `out`/words.
        what: said with the recogniser's name.
    """
    kept = Kept(out / "words" / f"{slug(listener.name)}.jsonl", listener.state(), listener.name)
    work: list[_Batch] = []
    for system, enhanced in audio.items():
        left = {key: path for key, path in enhanced.files.items() if kept.get(f"{system}/{key}", enhanced.sha256[key]) is None}
        work += _batches(listener, system, left, seconds)
    if not work:
        say(f"{listener.name}{what}: done before, skipped")
    done = in_processes(_transcribe, work, nj, f"{listener.name}{what}: batches") if work else ()
    for batch, (decode, found) in zip(work, done, strict=True):
        for key, text in zip(batch.keys, found, strict=True):
            kept.add(f"{batch.system}/{key}", audio[batch.system].sha256[key], [decode, text])
    known = {
        system: {key: kept.get(f"{system}/{key}", enhanced.sha256[key]) for key in enhanced.files}
        for system, enhanced in audio.items()
    }
    decodes = {decode for of_system in known.values() for decode, _ in of_system.values()}
    return Transcripts(min(decodes), {system: {key: text for key, (_, text) in found.items()} for system, found in known.items()})


def _batches(listener: Listener, system: str, files: dict[str, Path], seconds: dict[str, float]) -> list[_Batch]:
    """Recordings that are recognised together, the shortest first."""
    keys = sorted(files, key=lambda key: (seconds[key], key))
    lengths = [round(seconds[key] * RATE) for key in keys]
    together = batches(lengths, listener.batch_seconds, listener.equal_lengths)
    chosen = [tuple(keys[i] for i in batch) for batch in together]
    return [_Batch(listener, system, batch, tuple(files[key] for key in batch)) for batch in chosen]


def _transcribe(batch: _Batch) -> tuple[str, list[str]]:
    """How the recogniser searches, and the words of each file."""
    recogniser = _loaded(batch.listener)
    waves = [read_audio(path, key).astype(np.float32) / np.float32(FULL_SCALE) for key, path in zip(batch.keys, batch.files)]
    return recogniser.decode, [" ".join(hypothesis.words.split()) for hypothesis in recogniser.transcribe(waves)]


@lru_cache(maxsize=1)
def _loaded(listener: Listener) -> Recogniser:
    return listener.load()
