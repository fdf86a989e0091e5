"""Self-supervised networks as teachers: whole latents, whatever stands beside an utterance, and a gradient to the waveform."""

import pytest
import torch

from kdse.approaches import build
from kdse.approaches.context import BatchContext, TeacherInput
from kdse.core.errors import UserError
from kdse.plugin.ssl import build as build_network
from kdse.plugin.ssl_teacher import SSLTeacher
from tests.plugin.tiny_ssl import NETWORKS, network

LENGTHS = torch.tensor([8000, 6000])


def waves(seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=NETWORKS)
def name(request) -> str:
    return request.param


def test_its_output_is_the_networks_own(name):
    """Of one utterance, as torchaudio's `forward` computes it; inner layers as `extract_features` gives them."""
    net = network(name).eval()
    teacher, wave = SSLTeacher(net, compared=(1, 2, 0)), waves()[:1]
    heard = (wave - wave.mean()) / (wave.var(correction=0) + 1e-5).sqrt() if name == "by layer" else wave
    output = teacher.encode(wave, LENGTHS[:1])
    with torch.no_grad():
        expected, (hidden, _) = net(heard)[0], net.extract_features(heard)
    for latents, other in zip((output.latents, *output.compared), (expected, *hidden, expected), strict=True):
        torch.testing.assert_close(latents, other, rtol=1e-4, atol=1e-5)
    assert output.latents.shape == (1, int(output.frames), teacher.size) and teacher.layers == 2
    assert abs(int(output.frames) - 8000 / 320) <= 1  # every 20 ms


def test_what_stands_beside_an_utterance_changes_nothing(name):
    """The longer neighbour, and whatever lies behind the end; also where a network normalises over the whole length."""
    teacher, both = SSLTeacher(network(name), 1), waves()
    both[1, 6000:] = 7.0
    output, alone = teacher.encode(both, LENGTHS), teacher.encode(waves()[1:, :6000], LENGTHS[1:])
    count = int(output.frames[1])
    assert count == int(alone.frames) < int(output.frames[0])
    torch.testing.assert_close(output.latents[1, :count], alone.latents[0], rtol=1e-4, atol=1e-5)


def test_gradient_flows_to_the_waveform_and_to_no_weight(name):
    net = network(name)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    wave = waves().requires_grad_()
    SSLTeacher(net).encode(wave, LENGTHS).latents.square().sum().backward()
    assert wave.grad.isfinite().all() and (wave.grad[0].abs() > 0).float().mean() > 0.9 and wave.grad[1, 6000:].abs().max() == 0
    assert not net.training and all(p.grad is None and not p.requires_grad for p in net.parameters())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_only_as_deep_as_the_deepest_layer(name):
    net, computed = network(name), []
    for number, layer in enumerate(net.encoder.transformer.layers, 1):
        layer.register_forward_hook(lambda *_, number=number: computed.append(number))
    SSLTeacher(net, 1).encode(waves()[:1], LENGTHS[:1])
    assert computed == [1]


def test_bfloat16_is_near_float32(name):
    exact, low = (SSLTeacher(network(name), precision=precision).encode(waves(), LENGTHS) for precision in ("fp32", "bf16"))
    assert low.latents.dtype == torch.float32 and not torch.equal(exact.latents, low.latents)
    assert (exact.latents - low.latents).norm() / exact.latents.norm() < 0.03


def test_a_perfect_student_loses_nothing(name):
    """ŝ = s, with targets of the cache and without; and the sequence level is that of an encoder alone."""
    teacher = SSLTeacher(network(name), centroids=torch.randn(4, 12, generator=torch.Generator().manual_seed(0)))
    approach = build("kd_q", {"lambda_q": 1.0, "sequence": "auto"})
    latents, frames = teacher.encode(waves(), LENGTHS)[:2]
    for cached in (None, (latents, frames)):
        context = BatchContext(teachers=(TeacherInput(teacher, cached),))
        losses = approach(waves(), waves(), LENGTHS, context)
        other = approach(waves(1), waves(), LENGTHS, context)
        for loss in ("l_e", "l_d", "l_q"):
            assert abs(losses[loss][1].item()) < 0.05 * other[loss][1].item(), (loss, cached is None)


def test_a_network_that_cannot_be():
    with pytest.raises(UserError, match=r"there is no model 'hubert_bas' \(did you mean 'hubert_base'\?\)"):
        build_network("hubert_bas")
    with pytest.raises(UserError, match=r"model_conf does not fit wav2vec2_model: .*missing"):
        build_network("wav2vec2_model")
