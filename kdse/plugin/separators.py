"""Our networks as ESPnet separators."""

from collections import OrderedDict

import kdse.plugin.quiet  # noqa: F401  isort: skip
import torch
from espnet2.enh.separator.abs_separator import AbsSeparator

from kdse.errors import UserError, did_you_mean
from kdse.nets.dccrn import DCCRN, SIZES


class KdseDCCRN(AbsSeparator):
    """`separator: kdse_dccrn`: the causal student behind ESPnet's STFT encoder and decoder (`use_builtin_complex` true).

    Args:
        input_dim: frequency bins, given by ESPnet.
        num_spk: 1.
        size: "s", "m" or "l" (about 60 k, 200 k and 1 M parameters at 257 bins), unless `channels` and `units` are given.
        channels, units: see `kdse.nets.dccrn.DCCRN`.
    """

    def __init__(self, input_dim: int, num_spk: int = 1, size: str = "m", channels: list | None = None, units: int | None = None):
        super().__init__()
        if num_spk != 1:
            raise UserError(f"kdse_dccrn enhances one speaker, not num_spk={num_spk}")
        if size not in SIZES:
            raise UserError(f"kdse_dccrn has no size '{size}'{did_you_mean(size, SIZES)}; there are {', '.join(SIZES)}")
        preset = SIZES[size]
        self.net = DCCRN(input_dim, tuple(channels or preset[0]), units or preset[1])

    @property
    def num_spk(self) -> int:
        return 1

    def forward(self, input, ilens, additional=None):
        """Mask a complex (B, T, F) spectrum; returns ([enhanced], ilens, {"mask_spk1": mask})."""
        spectrum = input if torch.is_complex(input) else torch.complex(input.real, input.imag)
        mask = self.net(spectrum)
        return [spectrum * mask], ilens, OrderedDict(mask_spk1=mask)
