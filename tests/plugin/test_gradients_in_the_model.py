"""What the model hands to the trainer: the gradients that the approach's rule makes of λ·L_ASR and (1 − λ)·L_r."""

import pytest
import torch

from kdse.approaches import build
from kdse.approaches.context import BatchContext
from kdse.approaches.d4am import Calibration
from kdse.approaches.gradients import Sum
from kdse.approaches.joint_grad import remedy
from kdse.plugin.model import DistillationModel
from kdse.plugin.teacher import FrozenTeacher

BOTH = ("se", "backend")
LENGTHS, TEXT, COUNTS = torch.tensor([8000, 7000]), torch.tensor([[2, 3], [3, -1]]), torch.tensor([2, 1])


class FrontEnd(torch.nn.Module):
    """A filter of five taps in the place of ESPnet's enhancement model."""

    normalize_variance = False

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.filter = torch.nn.Conv1d(1, 1, 5, padding=2)

    def forward_enhance(self, wave, lengths, additional):
        return [self.filter(wave[:, None])[:, 0]], None, None


@pytest.fixture
def recogniser(asr_model):
    return asr_model("conformer", rel_pos_type="latest", dropout_rate=0.0, positional_dropout_rate=0.0, attention_dropout_rate=0.0)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    noisy, noise = (0.1 * torch.randn(2, 8000, generator=generator) for _ in range(2))
    clean = 0.7 * noisy + 0.1 * noise
    return {"speech_mix": noisy, "speech_mix_lengths": LENGTHS, "speech_ref1": clean, "text": TEXT.clone(), "text_lengths": COUNTS}


def by_hand(model, recogniser, batch, weights):
    """(a, e, gradient of the recogniser) of the weighted losses, straight from autograd."""
    enhanced = model.enh_model.forward_enhance(batch["speech_mix"], LENGTHS, {})[0][0]
    l_asr = recogniser(enhanced, LENGTHS, TEXT.clone(), COUNTS)[0]
    l_r = build("standalone_se", {})(enhanced, batch["speech_ref1"], LENGTHS, BatchContext())["l_r"][1]
    front, own = list(model.enh_model.parameters()), [p for p in recogniser.parameters() if p.requires_grad]
    found = torch.autograd.grad(weights[0] * l_asr, [*front, *own], retain_graph=True)
    return found[: len(front)], torch.autograd.grad(weights[1] * l_r, front), found[len(front) :]


@pytest.mark.parametrize("name", ["joint_grad", "joint_straight"])
def test_joint_approaches(name, recogniser, batch, monkeypatch):
    monkeypatch.setattr(Sum, "every", 1)
    model = DistillationModel(FrontEnd(), build(name, {"lambda_asr": 0.3}), trains=BOTH, asr_model=recogniser).train()
    loss, stats, _ = model(**batch)
    loss.backward()
    a, e, of_backend = by_hand(model, recogniser, batch, (0.3, 0.7))
    made = (
        [sum(remedy(x, y)) for x, y in zip(a, e, strict=True)]
        if name == "joint_grad"
        else [x + y for x, y in zip(a, e, strict=True)]
    )
    for p, g in zip([*model.enh_model.parameters(), *recogniser.parameters()], [*made, *of_backend], strict=True):
        assert torch.allclose(p.grad, g, rtol=1e-3, atol=1e-6)
    assert loss.item() == pytest.approx(0.3 * stats["l_asr"].item() + 0.7 * stats["l_r"].item())
    assert {"grad_cosine", "grad_ratio", "grad_conflicts"} <= stats.keys()


def test_between_two_looks_the_gradients_are_the_same(recogniser, batch):
    """joint_straight takes its gradients apart every tenth time; the other times one backward pass does."""
    found = []
    for update in (0, 9):
        model = DistillationModel(FrontEnd(), build("joint_straight", {}), trains=BOTH, asr_model=recogniser).train()
        model.zero_grad()
        model.clock.update = update
        loss, stats, _ = model(**batch)
        loss.backward()
        found.append((torch.cat([p.grad.flatten() for p in model.parameters()]), "grad_cosine" in stats))
    (plain, looked_at), (apart, looked_at_too) = found
    assert (looked_at, looked_at_too) == (False, True)
    assert torch.allclose(plain, apart, rtol=1e-3, atol=1e-6)


def test_d4am(recogniser, batch):
    """The front end alone gets a gradient, the calibrated one of unweighted losses."""
    teacher = FrozenTeacher(recogniser)
    model = DistillationModel(FrontEnd(), build("d4am", {}), teachers=[teacher]).train()
    loss, stats, _ = model(**batch)
    loss.backward()
    a, e, _ = by_hand(model, recogniser, batch, (1.0, 1.0))
    expected, seen = Calibration()(list(a), list(e))
    for p, g in zip(model.enh_model.parameters(), expected, strict=True):
        assert torch.allclose(p.grad, g, rtol=1e-3, atol=1e-6)
    assert all(p.grad is None for p in recogniser.parameters()) and not recogniser.training
    assert stats["alpha_g"].item() == pytest.approx(seen["alpha_g"].item(), rel=1e-3, abs=1e-6)


def test_validation_has_no_surgery(recogniser, batch):
    model = DistillationModel(FrontEnd(), build("joint_grad", {}), trains=BOTH, asr_model=recogniser).eval()
    with torch.no_grad():
        _, stats, _ = model(**batch)
    assert "grad_cosine" not in stats and {"l_asr", "l_r"} <= stats.keys()


def test_the_state_of_an_approach_has_its_old_names_in_checkpoints(recogniser):
    """A training that was cut goes on, and ESPnet averages the models of its epochs from before and after."""
    teacher = FrozenTeacher(recogniser, centroids=torch.zeros(4, 16))
    for name, expected in (("d4am", {"rule.alpha_s", "rule.total", "rule.updates"}), ("paap", {"memory.counts", "memory.sums"})):
        state = DistillationModel(FrontEnd(), build(name, {}), teachers=[teacher]).state_dict()
        assert expected <= state.keys() and not any("teacher" in key or "asr" in key for key in state)
