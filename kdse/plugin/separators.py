"""Our networks as ESPnet separators."""

from collections import OrderedDict

import torch
from espnet2.enh.separator.abs_separator import AbsSeparator
from torch import nn

from kdse.core.errors import UserError, did_you_mean
from kdse.nets import bandcrn, dccrn
from kdse.nets.unet import Stream


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


def masking(net: type[nn.Module]) -> type[MaskSeparator]:
    """The separator of a network that is made from (bins, **separator_conf)."""

    class Separator(MaskSeparator):
        def __init__(self, input_dim: int, num_spk: int = 1, **options):
            super().__init__(net(input_dim, **options), num_spk)

    Separator.__name__ = Separator.__qualname__ = f"Kdse{net.__name__}"
    return Separator


def chosen(sizes: dict[str, tuple], name: str, size: str, channels: list | None, units: int | None) -> tuple[tuple, int]:
    """Channels and units of a size, unless they are given.

    Raises: UserError where the network `name` has no such size.
    """
    if size not in sizes:
        raise UserError(f"{name} has no size '{size}'{did_you_mean(size, sizes)}; there are {', '.join(sizes)}")
    preset = sizes[size]
    return tuple(channels or preset[0]), units or preset[1]


class KdseDCCRN(MaskSeparator):
    """`separator: kdse_dccrn`: a causal student, complex masks.

    Args:
        input_dim: frequency bins, given by ESPnet.
        num_spk: 1.
        size: "s", "m" or "l" (about 60 k, 200 k and 1 M parameters at 257 bins), unless `channels` and `units` are given.
        channels, units: see `kdse.nets.dccrn.DCCRN`.
    """

    def __init__(self, input_dim: int, num_spk: int = 1, size: str = "m", channels: list | None = None, units: int | None = None):
        super().__init__(dccrn.DCCRN(input_dim, *chosen(dccrn.SIZES, "kdse_dccrn", size, channels, units)), num_spk)


class KdseBandCRN(MaskSeparator):
    """`separator: kdse_bandcrn`: the headline student, causal, one gain for each of 64 bands.

    Args: as of `KdseDCCRN`; channels and units: see `kdse.nets.bandcrn.BandCRN`.
    """

    def __init__(self, input_dim: int, num_spk: int = 1, size: str = "m", channels: list | None = None, units: int | None = None):
        super().__init__(bandcrn.BandCRN(input_dim, *chosen(bandcrn.SIZES, "kdse_bandcrn", size, channels, units)), num_spk)


SEPARATORS = {  # keys in lower case: ESPnet lowers what it reads
    "kdse_dccrn": KdseDCCRN,
    "kdse_bandcrn": KdseBandCRN,
}
