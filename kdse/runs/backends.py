"""What the folder of stage 3 holds: the one list of kinds. Code of a kind is imported when it is asked for."""

import importlib
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from kdse.core.config import read_config
from kdse.core.errors import UserError, did_you_mean

ESPNET, WHISPER, SSL = "espnet", "whisper", "ssl"
WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
"""A Whisper model in CTranslate2's format."""


class Kind(NamedTuple):
    """A kind of backend.

    Attributes:
        teacher: "module:name" of what is called with (backend, precision, **tokens) and returns a teacher
            (`kdse.approaches.context.Teacher`); `tokens` are its layer, centroids, distance and compared.
        made_by: "module:name" of what stage 3 calls with (config, out, corpus); None for what is trained.
        file: in its folder, and in that of no other kind.
        has_decoder: stage 5 writes its hypotheses of clean speech, and `kd` may ask its decoder.
        has_words: stage 8 can decode with it.
    """

    teacher: str
    made_by: str | None = None
    file: str | None = None
    has_decoder: bool = False
    has_words: bool = True


KINDS = {
    ESPNET: Kind("kdse.plugin.load:espnet_teacher"),
    WHISPER: Kind(
        "kdse.plugin.whisper_teacher:WhisperTeacher.load",
        made_by="kdse.training.whisper:adopt_whisper",
        file=WHISPER_FILES[0],
        has_decoder=True,
    ),
    SSL: Kind(
        "kdse.plugin.ssl_teacher:SSLTeacher.load",
        made_by="kdse.training.ssl:adopt_ssl",
        file="ssl.pth",
        has_words=False,
    ),
}
"""{name: kind}; the name is what a backend's YAML says as `recogniser`. To add one: its teacher, its YAML in conf/asr, an entry."""


def kind_name(backend: Path | str) -> str:
    """The name in KINDS of the folder of a backend; ESPnet's where no other kind's file is there."""
    return next((name for name, kind in KINDS.items() if kind.file and (Path(backend) / kind.file).is_file()), ESPNET)


def kind_of(backend: Path | str) -> Kind:
    """The kind of the folder of a backend."""
    return KINDS[kind_name(backend)]


def is_whisper(backend: Path | str) -> bool:
    """Whether it is a Whisper model."""
    return kind_name(backend) == WHISPER


def found(place: str) -> Any:
    """The object of "module:name"."""
    module, _, name = place.partition(":")
    return attrgetter(name)(importlib.import_module(module))


def maker(config: Path) -> Callable[[Path, Path, str], None] | None:
    """What stage 3 calls with (config, out, corpus) for a backend's YAML; None for ESPnet's, which are trained.

    Raises: UserError where it names a recogniser that is no kind of backend.
    """
    name = read_config(config).get("recogniser", ESPNET)
    if not isinstance(name, str) or name not in KINDS:
        raise UserError(f"{config}: there is no backend '{name}'{did_you_mean(str(name), KINDS)}; there are: {', '.join(KINDS)}")
    place = KINDS[name].made_by
    return found(place) if place else None
