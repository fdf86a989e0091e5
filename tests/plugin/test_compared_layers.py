"""A teacher of several layers: each is compared, and none comes from the cache of stage 5, which holds one."""

import pytest
import torch

from kdse.core.errors import UserError
from kdse.plugin.load import load_teacher
from kdse.plugin.teacher import FrozenTeacher
from kdse.plugin.whisper_teacher import WhisperTeacher
from kdse.whisper.model import Whisper
from tests.whisper.tiny import arrays, write

LENGTHS = torch.tensor([8000, 6000])
WAVES = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["espnet", "whisper"])
def make(request, backend):
    """make(layer, compared) -> a teacher of two layers."""
    if request.param == "espnet":
        return lambda layer, compared=(): load_teacher(backend, None, layer, compared=compared)
    return lambda layer, compared=(): WhisperTeacher(Whisper.load(write(arrays())), layer, compared=compared)


def test_each_layer_is_the_one_that_a_teacher_of_it_has(make):
    """In the order that is asked for, 0 for the output; the layer of the tokens stays what it was."""
    alone = {layer: make(layer).encode(WAVES, LENGTHS).latents for layer in (0, 1, 2)}
    output = make(1, (2, 0, 1)).encode(WAVES, LENGTHS)
    assert len(output.compared) == 3 and torch.equal(output.latents, alone[1])
    for latents, layer in zip(output.compared, (2, 0, 1), strict=True):
        assert torch.equal(latents, alone[layer]), layer
    assert not torch.equal(alone[0], alone[1]) and make(1).encode(WAVES, LENGTHS).compared == ()


def test_cached_latents_are_not_enough(make):
    """A cache with nonsense changes nothing of a teacher with `layers`."""
    teacher = make(1, (1, 2))
    live, nonsense = teacher.encode(WAVES, LENGTHS), torch.zeros_like(teacher.encode(WAVES, LENGTHS).latents)
    target = teacher.target(WAVES, LENGTHS, (nonsense, live.frames))
    assert torch.equal(target.latents, live.latents) and torch.equal(target.compared[1], live.compared[1])
    assert not target.compared[1].requires_grad


def test_only_as_deep_as_the_deepest_layer(asr_model):
    asr, computed = asr_model("transformer"), []
    for number, block in enumerate(asr.encoder.encoders, 1):
        block.register_forward_hook(lambda *_, number=number: computed.append(number))
    FrozenTeacher(asr, 1, compared=(2,)).encode(WAVES, LENGTHS)
    assert computed == [1, 2]
    FrozenTeacher(asr, 1, compared=(0,)).encode(WAVES, LENGTHS)
    assert computed == [1, 2, 1, 2, 3]


def test_a_layer_that_is_not_there(backend):
    with pytest.raises(UserError, match=r"layers \[1, 3\] are not all there; the encoder of .* has 2 \(0 is its output\)"):
        load_teacher(backend, None, compared=(1, 3))
