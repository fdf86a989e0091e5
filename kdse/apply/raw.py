"""`kdse enhance --stream`: raw PCM from standard input to standard output, as it comes."""

import os
import select
import time

import numpy as np

from kdse.apply.enhancer import Enhancer, StreamingEnhancer
from kdse.apply.files import summary
from kdse.apply.formats import to_integers
from kdse.apply.places import check_open, tell, write_out
from kdse.core.errors import UserError
from kdse.runtime.stream import LOUDEST

WIDTHS = {"s16": 2, "s24": 3, "s32": 4, "f32": 4}
"""{format: bytes of a sample}, little-endian."""
CHUNK = 1 << 16
"""Bytes that are read at once, at most; what is there is taken as soon as it is there."""


def decoded(data: bytes, kind: str, channels: int) -> np.ndarray:
    """Whole frames of raw PCM as float32 (n, C), full scale ±1.

    >>> decoded(bytes([0, 0, 64, 0, 0, 192]), "s24", 1).tolist()
    [[0.5], [-0.5]]
    """
    if kind == "f32":
        x = np.frombuffer(data, "<f4")
    elif kind == "s24":
        whole = np.zeros((len(data) // 3, 4), np.uint8)
        whole[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        x = whole.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    else:
        x = np.frombuffer(data, f"<i{WIDTHS[kind]}").astype(np.float32) / np.float32(2 ** (8 * WIDTHS[kind] - 1))
    return x.reshape(-1, channels)


def encoded(x: np.ndarray, kind: str) -> tuple[bytes, int]:
    """Float samples (n, C) as raw PCM, and how many were clipped.

    >>> encoded(np.array([[0.5], [-0.5]]), "s24")
    (b'\\x00\\x00@\\x00\\x00\\xc0', 0)
    """
    if kind == "f32":
        return x.astype("<f4").tobytes(), 0
    whole, clipped = to_integers(x, 8 * WIDTHS[kind])
    data = whole.astype(f"<i{whole.itemsize}")
    if kind == "s24":
        data = np.ascontiguousarray(data).reshape(-1, 1).view(np.uint8)[:, 1:]
    return data.tobytes(), clipped


def enhance_stream(enhancer: Enhancer, kind: str = "s16", rate: int = 16000, channels: int = 1) -> None:
    """Enhance raw PCM until standard input ends, with a line on standard error at the end.

    Args:
        enhancer: the student.
        kind: of the samples, one of WIDTHS.
        rate: Hz.
        channels: interleaved.

    Raises: UserError where the input ends within a sample or holds NaN: after everything before it was written.
    """
    stream = StreamingEnhancer(enhancer.model, rate, channels, enhancer.output)
    for number, name in ((0, "input"), (1, "output")):
        check_open(number)
        if os.isatty(number):
            raise UserError(f"standard {name} is a terminal; --stream takes raw samples from a pipe and gives them to one")
    started, frame, rest, frames, clipped = time.monotonic(), WIDTHS[kind] * channels, b"", 0, 0

    def give(x: np.ndarray) -> None:
        nonlocal clipped
        data, beyond = encoded(x, kind)
        clipped += beyond
        write_out(data)

    while chunk := _read():
        rest += chunk
        whole = len(rest) - len(rest) % frame
        x, rest = decoded(rest[:whole], kind, channels), rest[whole:]
        frames += len(x)
        try:
            enhanced = stream.push(x)
        except UserError as e:
            bad = ~(np.abs(x) <= LOUDEST).all(axis=1)
            give(stream.push(x[: int(bad.argmax())]))
            give(stream.flush())
            raise UserError(f"standard input: {e}") from e
        give(enhanced)
    give(stream.flush())
    if clipped:
        tell(f"standard output: {clipped} sample{'s' * (clipped > 1)} clipped at full scale")
    if rest:
        raise UserError(f"standard input ends within a sample: {len(rest)} of {frame} bytes; are --format and --channels right?")
    if frames:
        tell(summary("standard output", frames / rate, time.monotonic() - started))


def _read() -> bytes:
    """What standard input has, b'' at its end."""
    while True:
        try:
            return os.read(0, CHUNK)
        except BlockingIOError:  # whoever opened it wanted it so
            select.select([0], [], [])
        except OSError as e:
            raise UserError(f"cannot read standard input: {e.strerror or e}") from e
