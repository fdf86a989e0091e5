"""Which systems and recognisers a user's words mean."""

import math
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from kdse.apply.files import Student as Settings
from kdse.compare.command import parse_command
from kdse.compare.recordings import TEXTS
from kdse.compare.systems import LogMMSE, Mixed, PeerSystem, Student, System
from kdse.core.errors import UserError, did_you_mean
from kdse.enhancers.peers import PEERS, WHOLE, install_command

OWN = (LogMMSE(),)
"""Enhancers that come with kdse."""
SETTINGS = ("floor", "exponent", "mix")
_WITH_SETTINGS = re.compile(rf"(?P<model>.+?)(?P<settings>(?:,(?:{'|'.join(SETTINGS)})=[^,]*)*)")


def choose_systems(
    models: Sequence[str],
    settings: dict[str, float | None],
    enhancers: Sequence[str] | None,
    peers: Path,
    commands: Sequence[str],
) -> tuple[list[System], list[str]]:
    """The systems, and a line for each enhancer that is not there.

    Args:
        models: students, each with settings of its own if need be: "general,mix=0.2".
        settings: of all students that do not say otherwise.
        enhancers: names of others, with observation adding if need be: "GTCRN,mix=0.4"; None for all.
        peers: folder of the peers' packages.
        commands: as `parse_command` takes them.
    Raises: UserError for a name, a setting or a command that cannot be.
    """
    systems: list[System] = [student(text, settings) for text in models]
    absent, to_install = [], False
    for name, mix in _names(enhancers):
        own = next((system for system in OWN if system.name == name), None)
        if own and find_spec("scipy") is None:
            absent.append(f"{name}: not compared: it takes the package scipy")
            continue
        if not own and (why := (PEERS.get(name) or WHOLE[name]).missing(peers)):
            absent.append(f"{name}: {why.replace('measured', 'compared')}")
            to_install |= why == "not installed"
            continue
        system = own or PeerSystem(name, peers)
        systems.append(Mixed(system, mix) if mix else system)
    if to_install:
        absent.append(f"to install: {install_command(peers)}")
    absent = list(dict.fromkeys(absent))
    return [*systems, *map(parse_command, commands)], absent


def student(text: str, settings: dict[str, float | None]) -> Student:
    """A student by its model and settings, loaded once to see that both are right.

    Raises: UserError where they are not.
    """
    found = _WITH_SETTINGS.fullmatch(text)
    if found is None:
        raise UserError("--model has an empty name")
    own: dict[str, float | None] = {}
    for pair in found["settings"].split(",")[1:]:
        key, _, value = pair.partition("=")
        if key in own:
            raise UserError(f"--model {text} says {key} twice")
        try:
            own[key] = float(value)
        except ValueError as e:
            raise UserError(f"--model {text}: {key} is a number, not '{value}'") from e
    values = {key: own.get(key, settings.get(key)) for key in SETTINGS}
    chosen = Settings(found["model"], **values)
    chosen.load()
    told = [f"{key} {value:g}" for key, value in values.items() if value is not None]
    return Student(", ".join([_short(found["model"]), *told]), chosen)


def _short(model: str) -> str:
    """A model's name: of a path the last part that tells something."""
    path = Path(model)
    if path.suffix == ".onnx":
        return path.parent.parent.name if path.name == "model.onnx" and path.parent.name == "export" else path.stem
    return path.name or model


def _names(given: Sequence[str] | None) -> list[tuple[str, float]]:
    """The enhancers that a user names, each with its mix, in whatever case, with or without spaces and hyphens; the beginning of a
    name means all that begin so.

    Raises: UserError for one that there is not, or a mix that cannot be.
    """
    every = [*PEERS, *WHOLE, *(system.name for system in OWN)]
    if given is None:
        return [(name, 0.0) for name in every]
    names: list[tuple[str, float]] = []
    for text in given:
        told, mixed, share = text.partition(",mix=")
        plain = _plain(told)
        exact = [name for name in every if _plain(name) == plain]
        found = exact or [name for name in every if plain and _plain(name).startswith(plain)]
        if not found:
            raise UserError(f"there is no enhancer '{told}'{did_you_mean(told, every)}; there are {', '.join(every)}{_form(text)}")
        mix = _share(text, share) if mixed else 0.0
        names += [(name, mix) for name in found]
    return list(dict.fromkeys(names))


def _form(text: str) -> str:
    """How settings are written, for one who tried."""
    return "; observation adding is written NAME,mix=0.4" if "," in text or "=" in text else ""


def _share(text: str, share: str) -> float:
    """The mix of "NAME,mix=SHARE"."""
    try:
        mix = float(share)
    except ValueError:
        mix = math.nan
    if not 0 <= mix <= 1:
        raise UserError(f"--enhancers {text}: mix is a share of the noisy signal between 0 and 1, not '{share}'")
    return mix


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def default_recognisers(folder: Path) -> list[str]:
    """Whisper where there is a text."""
    return ["whisper"] if any((folder / name).is_file() for name in TEXTS) else []
