"""What every separator that kdse registers must do, and every student that conf/student names."""

import argparse
import re
from pathlib import Path

import pytest
import torch

from kdse.core.config import read_config
from kdse.core.errors import UserError
from kdse.nets.dccrn import DCCRN
from kdse.plugin.separators import SEPARATORS, net_options

ROOT = Path(__file__).resolve().parents[2]
STUDENTS = sorted((ROOT / "conf" / "student").glob("*.yaml"))
TEACHERS = sorted(path for path in (ROOT / "conf" / "teacher").glob("*.yaml") if "enhancers" not in read_config(path))


@pytest.fixture(params=SEPARATORS.values(), ids=SEPARATORS)
def separator(request) -> type:
    return request.param


def spectrum(frames: int = 12, bins: int = 257, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(2, frames, bins, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def lived_in(separator: type) -> torch.nn.Module:
    """A separator in eval mode after a training forward, so that normalisation layers have statistics."""
    torch.manual_seed(0)
    made = separator(257).train()
    made(spectrum(), None)
    return made.eval()


def test_espnet_knows_it(separator):
    """In both lists from which ESPnet builds models, under a name in lower case."""
    from espnet2.tasks import enh, enh_s2t

    (name,) = (key for key, value in SEPARATORS.items() if value is separator)
    assert name == name.lower() and name.startswith("kdse_")
    assert enh.separator_choices.get_class(name) is enh_s2t.enh_separator_choices.get_class(name) is separator


@pytest.mark.parametrize("bins", [257, 129])
def test_masks_the_spectrum(separator, bins):
    if bins != 257 and separator is SEPARATORS["kdse_gtcrn"]:
        pytest.skip("GTCRN takes 257 bins alone")
    made = separator(bins).eval()
    (enhanced,), lengths, others = made(spectrum(bins=bins), torch.tensor([12, 9]))
    assert made.num_spk == 1 and enhanced.shape == (2, 12, bins) and lengths.tolist() == [12, 9]
    torch.testing.assert_close(enhanced, spectrum(bins=bins) * others["mask_spk1"])


@torch.no_grad()
def test_no_frame_sees_a_later_one(separator):
    made, one, other = lived_in(separator), spectrum(), spectrum(seed=1)
    before = made(one, None)[0][0]
    for t in (1, 5, 11):
        after = made(torch.cat([one[:, :t], other[:, t:]], 1), None)[0][0]
        assert torch.equal(before[:, :t], after[:, :t]) and not torch.isclose(before[:, t], after[:, t]).all()


@torch.no_grad()
def test_silence_stays_silent(separator):
    assert lived_in(separator)(torch.zeros(1, 5, 257, dtype=torch.complex64), None)[0][0].abs().max() == 0


def test_gradient_reaches_every_parameter(separator):
    made = lived_in(separator)
    (made(spectrum(), None)[0][0] - spectrum(seed=2)).abs().square().mean().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


def built(path: Path) -> torch.nn.Module:
    from espnet2.tasks.enh import EnhancementTask

    defaults = EnhancementTask.get_default_config() | {"separator_conf": {}}  # without those of the default separator
    return EnhancementTask.build_model(argparse.Namespace(**defaults | read_config(path)))


@pytest.mark.parametrize("path", [*STUDENTS, *TEACHERS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_configs_build_and_say_their_size(path, monkeypatch):
    """The number of parameters in the YAML's first line is the model's; 1.02 M or 'about 2 M' is rounder than 198 k."""
    monkeypatch.setattr("sys.argv", ["pytest"])
    number, unit = re.search(r"([\d.]+) ([kM]) parameters", path.read_text(encoding="utf-8")).groups()
    count = sum(p.numel() for p in built(path).parameters())
    assert count == pytest.approx(float(number) * {"k": 1e3, "M": 1e6}[unit], rel=0.01 if unit == "k" else 0.15)


def test_students_are_small():
    """The headline student has at most 200 k parameters."""
    assert sum(p.numel() for p in built(ROOT / "conf" / "student" / "dccrn-m.yaml").parameters()) <= 200_000


def test_options_of_a_size_give_way_to_those_that_are_set():
    assert net_options("kdse_dccrn", DCCRN, {}) == DCCRN.sizes["m"]
    assert net_options("kdse_dccrn", DCCRN, {"size": "s", "units": 5, "channels": None}) == DCCRN.sizes["s"] | {"units": 5}
    with pytest.raises(UserError, match=r"kdse_dccrn has no size 'xl'.*; there are s, m, l"):
        net_options("kdse_dccrn", DCCRN, {"size": "xl"})
    with pytest.raises(UserError, match=r"kdse_dccrn has no option 'unit' \(did you mean 'units'\?\)"):
        net_options("kdse_dccrn", DCCRN, {"unit": 5})
