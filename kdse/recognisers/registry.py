"""The one list of recognisers, and the YAML that chooses one. A recogniser's code is imported when it is asked for."""

import importlib
from pathlib import Path

from kdse.core.config import override, read_config
from kdse.core.errors import UserError, did_you_mean
from kdse.recognisers.base import Options, Recogniser
from kdse.runs.naming import ESPNET

RECOGNISERS = {
    ESPNET: "kdse.recognisers.espnet:Espnet",
    "whisper": "kdse.recognisers.whisper:Whisper",
    "pocketsphinx": "kdse.recognisers.pocketsphinx:PocketSphinx",
    "command": "kdse.recognisers.command:Command",
}
"""{name: module:class}. To add a recogniser: its file, its YAML in conf/decode, and one line here."""


def find(name: str, where: str = "") -> type[Recogniser]:
    """The class of a recogniser.

    Raises: UserError for what is no name in the registry.
    """
    names = ", ".join(RECOGNISERS)
    if not isinstance(name, str):
        raise UserError(f"{where}: recogniser is a name, one of {names}, not {name!r}".removeprefix(": "))
    if name not in RECOGNISERS:
        nearest = did_you_mean(name, RECOGNISERS)
        raise UserError(f"{where}: there is no recogniser '{name}'{nearest}; there are: {names}".removeprefix(": "))
    module, _, attribute = RECOGNISERS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def read_recogniser(path: Path | None) -> tuple[str, Options]:
    """The name of the recogniser that a YAML chooses, and its options; ESPnet's with its defaults without a YAML.

    Raises: UserError where there is no such recogniser, or an option is unknown or not of its default's type.
    """
    values = read_config(path) if path else {}
    name = values.pop("recogniser", ESPNET)
    kind = find(name, str(path)).Options
    override(kind, values, str(path))
    options = kind(**values)  # numbers as they are written, so that what is finished stays finished
    if options.batch_seconds <= 0:
        raise UserError(f"{path}: batch_seconds must be above 0, not {options.batch_seconds:g}")
    options.check(str(path))
    if name != ESPNET and path.stem.startswith("asr_"):
        raise UserError(f"{path}: rows name the recogniser by this file, and names with 'asr_' are those of backends; rename it")
    return name, options
