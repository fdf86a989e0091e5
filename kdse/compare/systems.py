"""What is compared: nothing at all, students, peers, log-MMSE, and commands; each a function of a whole signal at its own rate."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import kdse
from kdse.apply.files import Student as Settings
from kdse.compare.recordings import CLEAN, NOISY
from kdse.core.errors import UserError
from kdse.core.files import sha256
from kdse.data.audio import RATE
from kdse.enhancers.peers import PEERS, WHOLE
from kdse.enhancers.peers.base import Function, Wheel
from kdse.enhancers.peers.signals import signals

LOG_MMSE = "log-MMSE"


class System(ABC):
    """One column of the comparison. It is loaded by the processes that need it.

    Attributes:
        name: in tables.
        kind: a word: "noisy", "clean", "student", "peer", "classical" or "command".
        rate: sampling rate in Hz at which it works; None for any.
        source: the signal that it takes, NOISY or CLEAN.
        delays: whether it may be late.
        mix: observation adding: (1 − mix) · output + mix · input, once the output is aligned.
    """

    name: str
    kind: str
    rate: int | None = RATE
    source: str = NOISY
    delays: bool = True
    mix: float = 0.0

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything beside the input that its output depends on; plain values."""

    @abstractmethod
    def load(self) -> Callable[[], Function]:
        """What makes a function without memory of earlier signals; what takes time is done once, here."""

    def facts(self) -> dict[str, Any]:
        """What a reader wants to know of it: version, licence, parameters; None where there is none."""
        return {"version": None, "licence": None, "parameters": None}


@dataclass(frozen=True)
class Untouched(System):
    """The signal as it is: noisy, or clean."""

    kind: str
    rate = None
    delays = False

    @property
    def name(self) -> str:
        return self.kind

    @property
    def source(self) -> str:
        return CLEAN if self.kind == CLEAN else NOISY

    def state(self) -> dict[str, Any]:
        return {}

    def load(self) -> Callable[[], Function]:
        return lambda: lambda signal: signal


@dataclass(frozen=True)
class Student(System):
    """A student of kdse in its own runtime."""

    name: str
    settings: Settings
    kind = "student"

    def state(self) -> dict[str, Any]:
        enhancer = self.settings.load()
        stage = {name: str(value) for name, value in asdict(enhancer.output).items()}  # a floor may be -inf, which JSON has not
        return {"model": sha256(enhancer.model.path), **stage}

    def load(self) -> Callable[[], Function]:
        enhancer = self.settings.load()
        return lambda: lambda signal: enhancer(signal, RATE)

    def facts(self) -> dict[str, Any]:
        parameters = self.settings.load().model.metadata.get("parameters", "")
        return super().facts() | {"version": kdse.__version__, "parameters": int(parameters) if parameters.isdigit() else None}


@dataclass(frozen=True)
class PeerSystem(System):
    """A peer of `kdse.enhancers.peers`, installed in `folder`."""

    peer: str
    folder: Path
    kind = "peer"

    @property
    def _wheel(self) -> Wheel:
        return PEERS.get(self.peer) or WHOLE[self.peer]

    @property
    def name(self) -> str:
        return self.peer

    @property
    def rate(self) -> int:
        return self._wheel.rate

    def state(self) -> dict[str, Any]:
        files = {name: sha256(self.folder / name) for name in self._wheel.files}
        return {"package": self._wheel.package, "version": self._wheel.version(self.folder), "sha256": files}

    def load(self) -> Callable[[], Function]:
        return signals(self._wheel, self.folder)

    def facts(self) -> dict[str, Any]:
        wheel = self._wheel
        return {"version": wheel.version(self.folder), "licence": wheel.licence, "parameters": wheel.parameters}


@dataclass(frozen=True)
class LogMMSE(System):
    """Log-MMSE of `kdse.enhancers.classical`."""

    name = f"{LOG_MMSE} (kdse)"
    kind = "classical"

    def state(self) -> dict[str, Any]:
        from kdse.enhancers import classical

        return {"sha256": sha256(classical.__file__)}

    def load(self) -> Callable[[], Function]:
        from kdse.enhancers.classical import log_mmse  # scipy, of the extra `train`

        return lambda: log_mmse


@dataclass(frozen=True)
class Mixed(System):
    """Another system with observation adding."""

    system: System
    mix: float

    @property
    def name(self) -> str:
        return f"{self.system.name}, mix {self.mix:g}"

    @property
    def kind(self) -> str:
        return self.system.kind

    @property
    def rate(self) -> int | None:
        return self.system.rate

    def state(self) -> dict[str, Any]:
        return self.system.state() | {"mix": self.mix}

    def load(self) -> Callable[[], Function]:
        return self.system.load()

    def facts(self) -> dict[str, Any]:
        return self.system.facts()


def slug(name: str) -> str:
    """A name as that of a folder.

    >>> slug("general, mix 0.2"), slug("RNNoise 0.1")
    ('general_mix_0.2', 'RNNoise_0.1')
    """
    kept = "".join(c if c.isalnum() or c in "-." else " " for c in name)
    short = "_".join(kept.split()).strip("._")
    return short or hashlib.sha256(name.encode()).hexdigest()[:12]


def check_names(systems: Sequence[System]) -> None:
    """Raise UserError where two systems would have one name, or one folder."""
    seen: dict[str, str] = {}
    for system in systems:
        key = slug(system.name).lower()
        if key in seen:
            raise UserError(f"two enhancers are called '{seen[key]}' and '{system.name}'; name each once, and commands differently")
        seen[key] = system.name
