"""Our networks as ESPnet separators."""

from collections import OrderedDict

import kdse.plugin.quiet  # noqa: F401  isort: skip
import torch
from espnet2.enh.separator.abs_separator import AbsSeparator
from torch import nn

from kdse.errors import UserError, did_you_mean
from kdse.nets import bandcrn, dccrn


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


def masking(net: type[nn.Module]) -> type[MaskSeparator]:
    """The separator of a network that is made from (bins, **separator_conf)."""

    class Separator(MaskSeparator):
        def __init__(self, input_dim: int, num_spk: int = 1, **options):
            super().__init__(net(input_dim, **options), num_spk)

    Separator.__name__ = Separator.__qualname__ = f"Kdse{net.__name__}"
    return Separator


def sized(net: type[nn.Module], sizes: dict[str, tuple], name: str) -> type[MaskSeparator]:
    """The separator `name` of a network that is made from (bins, channels, units) and comes in sizes.

    Its options: `size`, a name of `sizes` (about 60 k, 200 k and 1 M parameters at 257 bins), and `channels` and `units`, which
    override the size's own.
    """

    class Separator(MaskSeparator):
        def __init__(
            self, input_dim: int, num_spk: int = 1, size: str = "m", channels: list | None = None, units: int | None = None
        ):
            if size not in sizes:
                raise UserError(f"{name} has no size '{size}'{did_you_mean(size, sizes)}; there are {', '.join(sizes)}")
            preset = sizes[size]
            super().__init__(net(input_dim, tuple(channels or preset[0]), units or preset[1]), num_spk)

    Separator.__name__ = Separator.__qualname__ = f"Kdse{net.__name__}"
    return Separator


SEPARATORS = {  # keys in lower case: ESPnet lowers what it reads
    "kdse_dccrn": sized(dccrn.DCCRN, dccrn.SIZES, "kdse_dccrn"),
    "kdse_bandcrn": sized(bandcrn.BandCRN, bandcrn.SIZES, "kdse_bandcrn"),
}
