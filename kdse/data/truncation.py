"""Sound files that end too early. libsndfile reads most of them without complaint; their headers know better.

Needs the standard library alone. Known are WAV, RF64, W64, AIFF, IFF, CAF, AU, SPHERE and Ogg; FLAC and MP3 show it when they
are read.
"""

import io
import re
from typing import BinaryIO

from kdse.core.errors import UserError

_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_OPEN_WAV, _OPEN_AIFF = 0x7FFFF000, 0x7F000000
"""Lengths from these on leave the length open: what programs state who write to a pipe (sox, ffmpeg, arecord)."""
_OGG_PAGE = 27 + 255 + 255 * 255
"""Bytes of an Ogg page, at most."""


def truncation(file: BinaryIO, name: str) -> str:
    """Say how a sound file is truncated, '' where it is whole or its header does not tell.

    Args:
        file: seekable, at its beginning; it is left there.
        name: for errors.

    Raises: UserError for a compression that nothing here can read.

    >>> truncation(io.BytesIO(b"RIFF\\x24\\0\\0\\0WAVEdata\\x08\\0\\0\\0abcd"), "a.wav")
    'it ends 4 bytes before the length its header states'
    """
    head = file.read(4096)
    size = file.seek(0, io.SEEK_END)
    try:
        if head[:4] == b"OggS":
            return _ogg(file, size)
        missing = _end(file, head, size, name) - size
    finally:
        file.seek(0)
    return f"it ends {missing} bytes before the length its header states" if missing > 0 else ""


def _end(file: BinaryIO, head: bytes, size: int, name: str) -> int:
    """Where the samples end by the header; 0 where it leaves that open."""
    match head[:4]:
        case b"RIFF":
            return _chunks_end(file, size, "little", (b"data",), _OPEN_WAV)
        case b"RIFX":
            return _chunks_end(file, size, "big", (b"data",), _OPEN_WAV)
        case b"RF64" | b"BW64":
            length = int.from_bytes(head[28:36], "little") if head[12:16] == b"ds64" else 0
            return _chunks_end(file, size, "little", (b"data",), _OPEN_WAV, length)
        case b"FORM":
            return _chunks_end(file, size, "big", (b"SSND", b"BODY"), _OPEN_AIFF)
        case b"caff":
            return _caf_end(file, size)
        case b".snd" | b"dns.":
            order = "big" if head[:4] == b".snd" else "little"
            start, length = (int.from_bytes(head[at : at + 4], order) for at in (4, 8))
            return 0 if length == 0xFFFFFFFF else start + length
    if head[:16] == _W64:
        return _w64_end(file, size)
    return _sphere_end(head, name) if head.startswith(b"NIST_1A") else 0


def _chunks_end(file: BinaryIO, size: int, order: str, wanted: tuple[bytes, ...], open_from: int, long: int = 0) -> int:
    """RIFF and IFF: 12 bytes, then chunks of a name, a length of 32 bits and so many bytes, padded to an even number.

    Args:
        wanted: names of the chunk with the samples.
        open_from: lengths from this on are none.
        long: length of that chunk where 32 bits do not hold it (RF64).
    """
    position = 12
    while position + 8 <= size:
        file.seek(position)
        chunk, length = file.read(4), int.from_bytes(file.read(4), order)
        position += 8
        if chunk in wanted:
            if length >= open_from:
                length = long
            return position + length if length else 0
        position += length + length % 2
    return 0


def _caf_end(file: BinaryIO, size: int) -> int:
    """CAF: 8 bytes, then chunks of a name, a length of 64 bits (−1 is open), and so many bytes."""
    position = 8
    while position + 12 <= size:
        file.seek(position)
        chunk, length = file.read(4), int.from_bytes(file.read(8), "big", signed=True)
        if length < 0 or not chunk.isalnum():
            return 0
        position += 12 + length
    return position


def _w64_end(file: BinaryIO, size: int) -> int:
    """W64: 40 bytes, then chunks of a name of 16 bytes, a length of 64 bits that counts both, and so many bytes, padded to 8."""
    position = 40
    while position + 24 <= size:
        file.seek(position)
        chunk, length = file.read(16), int.from_bytes(file.read(8), "little")
        if chunk == _W64_DATA:
            return position + length
        if length < 24:
            break
        position += length + -length % 8
    return 0


def _sphere_end(head: bytes, name: str) -> int:
    """SPHERE: the header is text."""
    if b"shorten" in head:
        raise UserError(f"{name} is compressed with shorten, which cannot be read; unpack it first (sph2pipe -f wav IN OUT)")
    keys = (b"sample_count", b"channel_count", b"sample_n_bytes")
    count, channels, width = (re.search(rb"\n%s -i (\d+)" % key, head) for key in keys)
    if not count or not width:
        return 0
    return int(head[8:16].split()[0]) + int(count[1]) * (int(channels[1]) if channels else 1) * int(width[1])


def _ogg(file: BinaryIO, size: int) -> str:
    """Ogg: the last page must be whole, and say that it is the last."""
    start = max(0, size - 2 * _OGG_PAGE)
    file.seek(start)
    tail = file.read(size - start)
    page = tail[max(0, tail.rfind(b"OggS")) :]
    segments = page[26] if len(page) > 26 else 255
    if len(page) < 27 + segments + sum(page[27 : 27 + segments]):
        return "its last page is cut"
    return "" if page[5] & 4 else "its last page does not say that it is the last"
