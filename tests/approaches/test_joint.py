"""What the joint approaches compute from a batch, with stand-ins for the networks: numbers by hand."""

from dataclasses import replace

import pytest
import torch

from kdse.approaches import APPROACHES, build
from kdse.approaches.context import BatchContext
from kdse.core.errors import UserError

S = torch.tensor([[1.0, 0.0, -1.0, 0.0]])
LENGTHS = torch.tensor([4])


def context(**fields) -> BatchContext:
    """L_ASR of a wave is the sum of its absolute samples; its features are its samples, one a frame."""
    networks = {"recognise": lambda wave: wave.abs().sum(), "features": lambda wave: (wave[..., None], LENGTHS)}
    return BatchContext(**{**networks, "noisy": 3 * S, "training": True, **fields})


def values(losses) -> dict:
    return {name: (weight, float(value)) for name, (weight, value) in losses.items()}


def test_joint_straight_weighs_the_two():
    losses = values(build("joint_straight", {"lambda_asr": 0.3})(2 * S, S, LENGTHS, context()))
    assert losses["l_asr"] == (0.3, 4.0) and losses["l_r"][0] == pytest.approx(0.7)


def test_joint_aso_has_l_r_alone_in_its_first_step_and_both_in_its_second():
    approach = build("joint_aso", {"alpha_1": 0.9, "alpha_2": 0.6})
    first = values(approach(2 * S, S, LENGTHS, context(optimiser=0)))
    assert first.keys() == {"l_r"} and first["l_r"][0] == 0.9
    for optimiser in (1, None):  # in validation none takes an update
        second = values(approach(2 * S, S, LENGTHS, context(optimiser=optimiser)))
        assert second["l_asr"] == (pytest.approx(0.4), 4.0) and second["l_r"] == (0.6, first["l_r"][1])


def test_joint_aso_aux_adds_the_distance_of_features():
    """ŝ − s = s, so the mean square is that of s: (1 + 0 + 1 + 0)/4."""
    losses = values(build("joint_aso_aux", {"features": True, "alpha_1": 0.8})(2 * S, S, LENGTHS, context(optimiser=0)))
    assert losses["l_f"] == (pytest.approx(0.2), 0.5)


def test_mct_all_hears_the_three_in_their_shares():
    approach, many = build("mct_all", {"clean": 0.2, "noisy": 0.4}), S.repeat(4000, 1)
    recognised = []
    watched = context(noisy=3 * many, recognise=lambda wave: recognised.append(wave) or wave.sum())
    torch.manual_seed(0)
    losses = approach(2 * many, many, LENGTHS.repeat(4000), watched)
    level = recognised[0].abs().amax(1)
    shares = [float((level == value).float().mean()) for value in (1, 3, 2)]
    assert shares == pytest.approx([0.2, 0.4, 0.4], abs=0.03)
    assert losses["l_asr"][0] == 1 and losses["l_r"][0] == 0
    approach(2 * many, many, LENGTHS.repeat(4000), replace(watched, training=False))
    assert torch.equal(recognised[1], 2 * many)


def test_mimic_is_kd_without_tokens():
    mimic, kd = build("mimic", {}), build("kd", {})
    assert (mimic.lambda_r, mimic.lambda_e, mimic.lambda_d, mimic.anneal_fraction) == (1.0, 1.0, 0.0, 0.0) and kd.lambda_d == 1.0


def test_aliases_and_variants():
    assert build("kd_r", {}) == build("standalone_se", {})
    assert {name: info.variant_of for name, info in APPROACHES.items() if info.variant_of} == {
        **dict.fromkeys(("kd_re", "kd_rd", "kd_full", "kd_q", "kd_t"), "kd"),
        **dict.fromkeys(("clso", "gclb", "srpr"), "d4am"),
        "joint_aso_aux": "joint_aso",
    }


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("joint_straight", {"lambda_asr": 1.5}, "lambda_asr is a weight between 0 and 1, not 1.5"),
        ("joint_grad", {"ratio": -1.0}, "ratio is more than 0"),
        ("joint_aso", {"alpha_1": 0.0}, "alpha_1 is a weight between 0 and 1, not 0.0"),
        ("joint_aso", {"lambda_asr": 0.3}, "joint_aso has alpha_2 in place of lambda_asr"),
        ("mct_all", {"clean": 0.7, "noisy": 0.7}, "probabilities whose sum is 1 at most, not 0.7 and 0.7"),
        ("d4am", {"gclp": False}, "gclb"),
        ("joint_gard", {}, "did you mean 'joint_grad'"),
    ],
)
def test_wrong_options_are_named(name, options, message):
    with pytest.raises(UserError, match=message):
        build(name, options)
