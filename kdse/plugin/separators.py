"""Our networks as ESPnet separators."""

import inspect
from collections import OrderedDict
from typing import Any

import torch
from espnet2.enh.separator.abs_separator import AbsSeparator
from torch import nn

from kdse.core.errors import UserError, did_you_mean
from kdse.nets.registry import STUDENTS, find
from kdse.nets.unet import Stream

DEFAULT_SIZE = "m"


class MaskSeparator(AbsSeparator):
    """A network that returns a mask for a spectrum, behind ESPnet's STFT encoder and decoder (`use_builtin_complex` true).

    Args:
        net: called with a complex spectrum (B, T, F), returns a real or complex mask of the same shape.
        num_spk: 1.
    """

    def __init__(self, net: nn.Module, num_spk: int = 1):
        super().__init__()
        if num_spk != 1:
            raise UserError(f"{type(net).__name__} enhances one speaker, not num_spk={num_spk}")
        self.net = net

    @property
    def num_spk(self) -> int:
        return 1

    def forward(self, input, ilens, additional=None):
        """Mask a complex (B, T, F) spectrum; returns ([enhanced], ilens, {"mask_spk1": mask})."""
        spectrum = input if torch.is_complex(input) else torch.complex(input.real, input.imag)
        mask = self.net(spectrum)
        return [spectrum * mask], ilens, OrderedDict(mask_spk1=mask)

    def forward_streaming(self, input_frame, buffer=None):
        """Mask the next frame (B, 1, F); returns ([enhanced], what to give as `buffer` with the next, {"mask_spk1": mask}).

        This is what ESPnet's `SeparateSpeechStreaming` calls, without a buffer at the beginning of an utterance.

        Raises: UserError where the network has no `step`.
        """
        if not hasattr(self.net, "step"):
            raise UserError(f"{type(self.net).__name__} has no step(): it enhances whole utterances only")
        stream = Stream() if buffer is None else buffer
        mask = self.net.step(input_frame, stream)
        return [input_frame * mask], stream, OrderedDict(mask_spk1=mask)


def separator(name: str) -> type[MaskSeparator]:
    """The ESPnet separator of a student, made from (bins, num_spk, **separator_conf)."""
    net = find(name)

    class Separator(MaskSeparator):
        def __init__(self, input_dim: int, num_spk: int = 1, **options):
            super().__init__(net(input_dim, **net_options(name, net, options)), num_spk)

    Separator.__name__ = Separator.__qualname__ = f"Kdse{net.__name__}"
    return Separator


def net_options(name: str, net: type, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a student's network: those of its size, where it has sizes, and what `separator_conf` sets beside it.

    Args:
        options: a `separator_conf`; None stands for an option that is not set.

    Raises: UserError for an option or a size that the network does not have.
    """
    sizes = getattr(net, "sizes", {})
    names = [*list(inspect.signature(net).parameters)[1:], *(["size"] if sizes else [])]
    for option in options:
        if option not in names:
            raise UserError(f"{name} has no option '{option}'{did_you_mean(option, names)}")
    chosen = {option: value for option, value in options.items() if option != "size" and value is not None}
    if not sizes:
        return chosen
    size = options.get("size", DEFAULT_SIZE)
    if size not in sizes:
        raise UserError(f"{name} has no size '{size}'{did_you_mean(size, sizes)}; there are {', '.join(sizes)}")
    return {**sizes[size], **chosen}


SEPARATORS = {name: separator(name) for name in STUDENTS}
"""{name: class}, as ESPnet finds them."""
