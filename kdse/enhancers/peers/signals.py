"""Peers as functions of whole signals, and several of them as one enhancer."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError, did_you_mean
from kdse.core.wheels import PEERS_FOLDER
from kdse.data.audio import RATE
from kdse.enhancers.align import LONGEST, aligned, at_rate, delay, fit
from kdse.enhancers.peers import PEERS, install_command
from kdse.enhancers.peers.base import Function, Peer, Wheel

GAP = np.zeros(RATE * 3 // 10, np.float32)
"""What a stream hears between two signals: long enough for its lookahead, so that none leaks into the next."""


def signals(wheel: Wheel, folder: Path) -> Callable[[], Function]:
    """What makes a function without memory of earlier signals, at the wheel's rate; what takes time is done once, here."""
    if not isinstance(wheel, Peer):
        function = wheel.make(folder)
        return lambda: function
    scratch = tempfile.TemporaryDirectory(prefix="kdse-")
    prepared = wheel.prepare(folder, Path(scratch.name))
    wheel.make(prepared)  # while what was prepared is there: sessions are kept
    return lambda: _by_frames(wheel, prepared, scratch)


def _by_frames(peer: Peer, prepared: Path, kept: tempfile.TemporaryDirectory) -> Function:
    """A fresh stream; `kept` is what it was prepared in."""
    process = peer.make(prepared)

    def enhance(signal: np.ndarray) -> np.ndarray:
        assert kept.name
        frames = np.pad(signal, (0, -len(signal) % peer.hop)).reshape(-1, peer.hop)
        return np.concatenate([process(frame) for frame in frames])[: len(signal)]

    return enhance


def find_peers(names: Sequence[str], folder: Path = PEERS_FOLDER) -> list[Peer]:
    """The peers of these names, all of them installed in `folder`.

    Raises: UserError for an unknown one, and for one that is not installed, with the command that installs it.
    """
    for name in names:
        if name not in PEERS:
            raise UserError(f"there is no enhancer '{name}'{did_you_mean(name, PEERS)}; there are {', '.join(PEERS)}")
        if missing := PEERS[name].missing(folder):
            raise UserError(f"{name}: {missing}; install it: {install_command(folder)}")
    return [PEERS[name] for name in names]


def delays(names: Sequence[str], speech: np.ndarray, folder: Path = PEERS_FOLDER) -> tuple[int, ...]:
    """By how many samples of its own rate each of these peers is late, measured on clean speech, float32 (N,) at 16 kHz."""
    late = []
    for peer in find_peers(names, folder):
        signal = at_rate(speech, RATE, peer.rate).astype(np.float32)
        late.append(delay(signal, signals(peer, folder)()(signal), round(LONGEST * peer.rate)) or 0)
    return tuple(late)


class MeanOfPeers:
    """The mean of what several peers make of a signal, aligned with it to the sample.

    Args:
        names: of `PEERS`.
        late: their `delays`.
        folder: where their wheels were unpacked.

    Signals of one call go through one stream, `GAP` apart, because some peers take half a second to begin a stream.
    """

    def __init__(self, names: Sequence[str], late: Sequence[int], folder: Path = PEERS_FOLDER):
        self._peers = [(peer.rate, signals(peer, folder), n) for peer, n in zip(find_peers(names, folder), late, strict=True)]

    def __call__(self, waves: Sequence[np.ndarray]) -> list[np.ndarray]:
        """float32 (N,) signals at 16 kHz in ±1 -> as many, of the same lengths."""
        long = np.concatenate([part for wave in waves for part in (GAP, wave)])
        mean = sum(_enhanced(long, *peer) for peer in self._peers) / len(self._peers)
        ends = np.cumsum([len(GAP) + len(wave) for wave in waves])
        return [mean[end - len(wave) : end].astype(np.float32) for end, wave in zip(ends, waves, strict=True)]


def _enhanced(signal: np.ndarray, rate: int, make: Callable[[], Function], late: int) -> np.ndarray:
    """(N,) at 16 kHz as a fresh stream of a peer returns it."""
    returned = aligned(make(), at_rate(signal, RATE, rate).astype(np.float32), late)
    return fit(at_rate(np.asarray(returned, np.float32), rate, RATE), len(signal))
