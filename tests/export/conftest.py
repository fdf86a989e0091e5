"""Networks of every size, with weights and statistics that are not those of fresh ones."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from kdse.nets import bandcrn, dccrn, gtcrn

SIZES = {
    f"{net.__name__.lower()}-{size}": (net, options)
    for net, sizes in ((bandcrn.BandCRN, bandcrn.SIZES), (dccrn.DCCRN, dccrn.SIZES))
    for size, options in sizes.items()
} | {"gtcrn": (gtcrn.GTCRN, {})}


@pytest.fixture(scope="session")
def net_of(lived_in) -> Callable[[str], torch.nn.Module]:
    """net_of("bandcrn-m") -> a network of that size in eval mode."""
    made = {}

    def build(name: str) -> torch.nn.Module:
        if name not in made:
            kind, options = SIZES[name]
            made[name] = lived_in(kind(257, **options))
        return made[name]

    return build


@pytest.fixture(scope="session", params=SIZES)
def net(request, net_of) -> torch.nn.Module:
    return net_of(request.param)


@pytest.fixture(scope="session")
def noisy() -> np.ndarray:
    """float32 (N,): three seconds in bursts, as loud as speech."""
    bursts = np.clip(np.sin(np.arange(48000) / 1200), 0.02, None)
    return (0.1 * bursts * np.random.default_rng(0).standard_normal(48000)).astype(np.float32)
