"""Models as CTranslate2 writes them: read to the bit, or refused in one sentence."""

from contextlib import suppress

import numpy as np
import pytest
import torch

from kdse.core.errors import UserError
from kdse.whisper.weights import read_model
from tests.whisper.tiny import arrays, write


def test_what_was_written_is_read():
    values = arrays()
    read = read_model(write(values), "tiny")
    assert read.keys() == values.keys()
    assert all(torch.equal(read[name], torch.from_numpy(value.astype(np.float32))) for name, value in values.items())


def test_int8_is_scaled_back_row_by_row():
    """CTranslate2 keeps round(scale · w); the scale of a row makes its largest value 127."""
    weight = np.array([[127, -64], [1, 127]], np.int8)
    values = {"a/weight": weight, "a/weight_scale": np.array([127.0, 12.7], np.float32)}
    read = read_model(write(values), "x")
    assert read.keys() == {"a/weight"}
    assert torch.allclose(read["a/weight"], torch.tensor([[1.0, -64 / 127], [1 / 12.7, 10.0]]))


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.999999])
def test_a_file_that_was_cut_is_refused(share):
    content = write({"a": np.ones((300, 100), np.float32)})
    with pytest.raises(UserError, match=r"whisper\.bin is no (Whisper )?model"):
        read_model(content[: int(share * len(content))], "whisper.bin")


@pytest.mark.parametrize(
    "content",
    [write({}, spec="TransformerSpec"), write({}, version=3), b"PK\3\4" + 100 * b"x", b"\xff" * 200],
    ids=["another network", "an older format", "an archive", "noise"],
)
def test_another_file_is_refused(content):
    with pytest.raises(UserError, match="no Whisper model"):
        read_model(content, "x")


def test_bits_that_flip_end_in_a_sentence_or_in_another_number():
    content = bytearray(write({"a/weight": np.ones((3, 4), np.float16)}))
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 0x80
        with suppress(UserError):
            read_model(bytes(flipped), "x")
