"""Weights from CTranslate2's model.bin, a list of named arrays."""

import struct

import numpy as np
import torch
from torch import Tensor

from kdse.core.errors import UserError

KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)
"""Array types by their number in a file; those after them (bfloat16, packed ones) do not occur in Whisper's."""
SPEC = "WhisperSpec"
MAX_RANK = 8


class _Reader:
    """Numbers, names and arrays, one after another."""

    def __init__(self, content: bytes, where: str):
        self.content, self.where, self.at = content, where, 0

    def take(self, count: int) -> memoryview:
        if not 0 <= count <= len(self.content) - self.at:
            raise UserError(f"{self.where} is no model of CTranslate2, or was cut short")
        self.at += count
        return memoryview(self.content)[self.at - count : self.at]

    def number(self, kind: str) -> int:
        return struct.unpack("<" + kind, self.take(struct.calcsize("<" + kind)))[0]

    def name(self) -> str:
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode("utf-8", "replace")

    def array(self) -> np.ndarray:
        rank = self.number("B")
        if rank > MAX_RANK:
            raise UserError(f"{self.where} is no model of CTranslate2, or was cut short")
        shape = [self.number("I") for _ in range(rank)]
        kind = self.number("B")
        data = self.take(self.number("I"))
        if kind >= len(KINDS) or len(data) != np.prod(shape, dtype=np.int64) * np.dtype(KINDS[kind]).itemsize:
            raise UserError(f"{self.where} holds an array of a type that kdse does not read; convert the model to float16")
        return np.frombuffer(data, KINDS[kind]).reshape(shape)


def read_model(content: bytes, where: str) -> dict[str, Tensor]:
    """Read a Whisper model: {name: float32 tensor}, names as CTranslate2 writes them ("encoder/conv1/weight").

    Arrays of int8 are scaled back by their `weight_scale`, a value for each row.

    Args:
        content: of model.bin, version 4 or later of the format.
        where: names the file in errors.
    Raises: UserError where it is no such file, or one of another network.
    """
    reader = _Reader(content, where)
    version = reader.number("I")
    spec = reader.name() if 4 <= version <= 99 else ""
    if spec != SPEC:
        raise UserError(f"{where} is no Whisper model in CTranslate2's format (version 4 or later)")
    reader.number("I")  # revision of the spec
    arrays = {}
    for _ in range(reader.number("I")):
        name = reader.name()
        arrays[name] = reader.array()
    return {name: _restored(name, array, arrays) for name, array in arrays.items() if not name.endswith("_scale")}


def _restored(name: str, array: np.ndarray, arrays: dict[str, np.ndarray]) -> Tensor:
    values = torch.from_numpy(array.astype(np.float32))
    scale = arrays.get(f"{name}_scale")
    if array.dtype != np.int8 or scale is None:
        return values
    return values / torch.from_numpy(scale.astype(np.float32)).reshape(-1, *[1] * (values.ndim - 1))
