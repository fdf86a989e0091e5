"""The frozen recogniser: unchanged, outside the checkpoint, and nevertheless a path for the gradient."""

import pytest
import torch

from kdse.approaches import build
from kdse.approaches.base import Approach
from kdse.approaches.context import BatchContext, TeacherInput
from kdse.approaches.kd import ATT_KL, KD, SEQUENCE
from kdse.core.errors import UserError
from kdse.plugin.load import load_backend, load_front_end, load_teacher
from kdse.plugin.model import Clock, DistillationModel
from kdse.plugin.teacher import FrozenTeacher

LENGTHS = torch.tensor([8000, 6000])


def waves(seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def teacher(backend, tokens) -> FrozenTeacher:
    return load_teacher(backend, tokens)


@pytest.fixture
def front_end(standalone):
    return load_front_end(standalone[0])[0]


def test_training_changes_no_bit_of_it(kd, backend, same):
    """Parameters and buffers (the Conformer's batch statistics among them) after a `kd` training are the file's."""
    trained = kd[1].teacher.asr.state_dict()
    assert any("running_mean" in name for name in trained)
    given = torch.load(backend / "model.pth", weights_only=True)
    assert same(trained, {name: value.to(trained[name].dtype) for name, value in given.items()})
    assert not kd[1].teacher.asr.training


def test_it_is_in_no_checkpoint(kd, weights):
    assert kd[1].start and all(name.startswith("enh_model.") for name in kd[1].start)
    assert {"enh_model." + name for name in weights(kd[0])} == set(kd[1].start)


def test_the_student_learned(kd, standalone, weights, same):
    """The two approaches went different ways from the same start."""
    for run, seen in (kd, standalone):
        start = {name.removeprefix("enh_model."): value for name, value in seen.start.items()}
        assert not any(torch.equal(start[name], value) for name, value in weights(run).items() if value.dim() > 1)
    assert not same(weights(kd[0]), weights(standalone[0]))


def test_train_mode_does_not_reach_it(front_end, teacher):
    """`model.train()` would switch on dropout and SpecAugment and move batch statistics."""
    model = DistillationModel(front_end, build("kd", {}), teachers=[teacher])
    model.train()
    assert model.enh_model.training and not any(module.training for module in teacher.asr.modules())
    assert not set(map(id, teacher.asr.parameters())) & set(map(id, model.parameters()))
    before = {name: value.clone() for name, value in teacher.asr.state_dict().items()}
    a, b = (model(waves(), LENGTHS, waves(1), speech_ref1_lengths=LENGTHS)[1] for _ in range(2))
    assert a["l_e"] == b["l_e"]
    assert all(torch.equal(before[name], value) for name, value in teacher.asr.state_dict().items())


@pytest.mark.parametrize("name", ["l_e", "l_d"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_gradient_flows_through_it(front_end, backend, tokens, name, precision):
    """L_e or L_d alone reaches every weight of the student, and none of the teacher."""
    teacher = load_teacher(backend, tokens, precision=precision)
    weights = {f"lambda_{letter}": float(name == f"l_{letter}") for letter in "red"}
    model = DistillationModel(front_end, build("kd", weights), teachers=[teacher], precision=precision).train()
    loss, stats, weight = model(waves(), LENGTHS, waves(1), speech_ref1_lengths=LENGTHS)
    loss.backward()
    assert loss.item() == pytest.approx(stats[name].item()) and weight == 2
    for key, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), key
        if parameter.dim() > 1:
            assert parameter.grad.abs().max() > 0, key
    assert all(p.grad is None and not p.requires_grad for p in teacher.asr.parameters())


def test_losses_are_weighted_and_logged_by_name(front_end, teacher):
    weights = {"lambda_r": 0.5, "lambda_e": 2.0, "lambda_d": 3.0}
    model = DistillationModel(front_end, build("kd", weights), teachers=[teacher])
    loss, stats, _ = model(waves(), LENGTHS, waves(1), speech_ref1_lengths=LENGTHS)
    assert set(stats) == {"l_r", "l_e", "l_d", "token_error_rate", "loss"}
    expected = 0.5 * stats["l_r"] + 2 * stats["l_e"] + 3 * stats["l_d"]
    assert loss.item() == pytest.approx(expected.item()) == stats["loss"].item()
    assert 0 <= stats["token_error_rate"] <= 1


@pytest.mark.parametrize("sequence", sorted({*SEQUENCE} - {ATT_KL}))
def test_sequence_losses_reach_the_student(front_end, teacher, sequence):
    weights = {"lambda_r": 0.0, "lambda_e": 0.0, "lambda_d": 0.0, "lambda_q": 1.0, "sequence": sequence}
    model = DistillationModel(front_end, build("kd_q", weights), teachers=[teacher]).train()
    loss, stats, _ = model(waves(), LENGTHS, waves(1), speech_ref1_lengths=LENGTHS)
    loss.backward()
    assert loss.item() == pytest.approx(stats["l_q"].item()) and stats["l_q"] >= 0
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    assert sequence == "seq_kd" or any(parameter.grad.abs().max() > 0 for parameter in model.parameters())


def test_a_large_front_end_teaches_where_it_is_better(front_end, standalone, teacher, same):
    """`kd_t`: L_t reaches the student, and the SE teacher neither changes nor enters the checkpoint."""
    se_teacher = load_front_end(standalone[0])[0].train()
    before = {name: value.clone() for name, value in se_teacher.state_dict().items()}
    weights = {"lambda_r": 0.0, "lambda_e": 0.0, "lambda_d": 0.0, "lambda_t": 1.0, "gated": False}
    torch.nn.init.normal_(next(front_end.parameters()), std=0.5)  # a student that differs from its teacher
    model = DistillationModel(front_end, build("kd_t", weights), teachers=[teacher], se_teacher=se_teacher).train()
    loss, stats, _ = model(waves(), LENGTHS, waves(1), speech_ref1_lengths=LENGTHS)
    loss.backward()
    assert loss.item() == pytest.approx(stats["l_t"].item()) and stats["l_t"] > 0
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in front_end.parameters())
    assert same(before, se_teacher.state_dict()) and not se_teacher.training
    assert not any(id(p) in set(map(id, model.parameters())) for p in se_teacher.parameters())


def test_kd_full_trains_through_espnet(train_se, backend, tokens, standalone, tmp_path, weights, capsys):
    """With both teachers, by the command line; the student that comes out is a plain front end."""
    (tmp_path / "kd_full.yaml").write_text("{lambda_q: 1.0, sequence: gram, lambda_t: 1.0}")
    words = ["--backend", backend, "--tokens", tokens, "--approach_config", tmp_path / "kd_full.yaml"]
    assert train_se(tmp_path / "run", "kd_full", *words) == 2
    assert "approach kd_full learns from a large front end: give --se_teacher" in capsys.readouterr().err
    assert train_se(tmp_path / "run", "kd_full", *words, "--se_teacher", standalone[0]) == 0
    assert weights(tmp_path / "run").keys() == weights(standalone[0]).keys()


def test_reconstruction_loses_weight_while_training(front_end, teacher):
    """From 1 to lambda_r over half of the epochs; validation always has lambda_r."""
    model = DistillationModel(
        front_end, build("kd", {"lambda_r": 0.01, "anneal_fraction": 0.5}), teachers=[teacher], clock=Clock(4)
    )
    for training, epoch, weight in ((True, 1, 1.0), (True, 2, 0.1), (True, 3, 0.01), (True, 4, 0.01), (False, 1, 0.01)):
        model.train(training)
        model.clock.epoch = epoch
        loss, stats, _ = model(waves(), LENGTHS, waves(1), speech_ref1_lengths=LENGTHS)
        assert loss.item() == pytest.approx((weight * stats["l_r"] + stats["l_e"] + stats["l_d"]).item(), rel=1e-4)


def test_the_clock_follows_the_epochs(train_se, backend, tokens, tmp_path, monkeypatch):
    """Two epochs through ESPnet's trainer: progress 0, then a half, and 1 in validation."""
    seen = []
    monkeypatch.setattr(KD, "weight_r", lambda self, progress: seen.append(progress) or 1.0)
    assert train_se(tmp_path / "run", "kd", "--backend", backend, "--tokens", tokens) == 0
    assert list(dict.fromkeys(seen)) == [0.0, 1.0, 0.5] and seen[-1] == 1.0


def test_a_perfect_student_loses_nothing(front_end, teacher):
    """ŝ = s: the recogniser sees the same latents and tokens."""
    wave = waves()
    losses = build("kd", {})(wave, wave, LENGTHS, BatchContext(teachers=(TeacherInput(teacher),)))
    assert losses["l_e"][1] == losses["l_d"][1] == losses["token_error_rate"][1] == 0


def test_losses_see_no_bfloat16(front_end, teacher, backend, tokens):
    """Networks run in bfloat16, losses outside: eight bits of a squared distance are no distance."""
    seen = []

    class Looking(Approach):
        def __call__(self, enhanced, clean, lengths, context):
            latents, *_ = context.teachers[0].teacher.encode(clean, lengths)
            seen.append((torch.is_autocast_enabled("cpu"), enhanced.dtype, latents.dtype))
            return {"l_r": (1.0, enhanced.square().mean())}

    low = load_teacher(backend, tokens, precision="bf16")
    DistillationModel(front_end, Looking(), teachers=[low], precision="bf16")(waves(), LENGTHS, waves(1))
    assert seen == [(False, torch.float32, torch.float32)]
    a, b = low.encode(waves(1), LENGTHS)[0], teacher.encode(waves(1), LENGTHS)[0]
    assert not torch.equal(a, b)
    torch.testing.assert_close(a, b, rtol=0, atol=0.1)


@pytest.mark.parametrize("encoder, conf", [("transformer", {}), ("conformer", {"rel_pos_type": "latest", "cnn_module_kernel": 3})])
def test_a_tapped_layer(asr_model, encoder, conf):
    """Layers count from 1; the last one, normalised, is the encoder's output (layer 0), the others differ from it."""
    asr = asr_model(encoder, **conf)
    output, frames = FrozenTeacher(asr).encode(waves(), LENGTHS)[:2]
    tapped = [FrozenTeacher(asr, layer).encode(waves(), LENGTHS)[:2] for layer in (1, 2, 3)]
    for latents, lengths in tapped:
        assert latents.shape == output.shape == (2, int(frames.max()), 16) and torch.equal(lengths, frames)
    torch.testing.assert_close(asr.encoder.after_norm(tapped[2][0]), output)
    assert not torch.isclose(tapped[0][0], tapped[1][0]).all() and not torch.isclose(tapped[1][0], tapped[2][0]).all()


def test_a_tapped_layer_feeds_the_next(asr_model):
    """Transformer blocks 2 and 3 applied by hand to what layer 1 gives are the encoder's output."""
    asr, lengths = asr_model("transformer"), torch.tensor([8000])
    output, *_ = FrozenTeacher(asr).encode(waves()[:1], lengths)
    hidden, frames = FrozenTeacher(asr, 1).encode(waves()[:1], lengths)[:2]
    mask = torch.ones(1, 1, int(frames), dtype=torch.bool)
    for block in list(asr.encoder.encoders)[1:]:
        hidden, mask = block(hidden, mask)
    torch.testing.assert_close(asr.encoder.after_norm(hidden), output)


def test_gradient_flows_through_a_tapped_layer(asr_model):
    """And stops there: what lies behind the layer does not count."""
    asr = asr_model("transformer")
    wave = waves().requires_grad_(True)
    latents, *_ = FrozenTeacher(asr, 1).encode(wave, LENGTHS)
    latents[0].square().sum().backward()
    assert wave.grad[0].abs().max() > 0 and wave.grad[1].abs().max() == 0


def test_what_lies_behind_a_tapped_layer_is_computed_only_for_posteriors(asr_model):
    asr, computed = asr_model("transformer"), []
    for number, block in enumerate(asr.encoder.encoders, 1):
        block.register_forward_hook(lambda *_, number=number: computed.append(number))
    teacher = FrozenTeacher(asr, 2)
    short, long = teacher.encode(waves(), LENGTHS), teacher.encode(waves(), LENGTHS, posteriors=True)
    assert computed == [1, 2, 1, 2, 3] and short.log_probs is None
    assert torch.equal(short.latents, long.latents)
    whole = asr_model("transformer").eval().encode(waves(), LENGTHS)[0]
    torch.testing.assert_close(long.log_probs, asr.ctc.log_softmax(whole))


def test_tokens_bring_their_layer(teacher, tokens):
    from kdse.tokens.codebook import load_tokens

    book = load_tokens(tokens)
    assert teacher.layer == book.layer == 1 and teacher.distance == book.distance > 0
    assert torch.equal(teacher.centroids, torch.from_numpy(book.centroids)) and teacher.centroids.shape == (4, 16)


def test_padding_hardly_reaches_the_latents(backend):
    """Latents of an item beside a longer one are nearly its own: ESPnet's subsampling counts up to two frames more, half zeros,
    and its convolutions look a few frames into the padding."""
    teacher = FrozenTeacher(load_backend(backend)[0])
    wave = waves()
    wave[1, 6000:] = 0
    both, frames = teacher.encode(wave, LENGTHS)[:2]
    alone, (count,) = teacher.encode(wave[1:, :6000], LENGTHS[1:])[:2]
    assert 0 <= frames[1] - count <= 2
    inner = slice(0, int(count) - 3)
    apart = (teacher.encode(waves(1), LENGTHS)[0][1, inner] - alone[0, inner]).square().mean()
    assert (both[1, inner] - alone[0, inner]).square().mean() < 0.02 * apart


def test_distilling_with_observation_adding(front_end, teacher):
    """The recogniser is given ŝ + ω(y − ŝ), ω below `oa_max_weight` in training and half of it in validation; L_r is of ŝ alone."""
    approach, noisy, enhanced = build("kd", {"oa_max_weight": 0.5}), waves(2), waves(3).requires_grad_(True)
    shares = (approach.recogniser_input(enhanced, BatchContext(noisy=noisy)) - enhanced) / (noisy - enhanced)
    assert shares.std(1).max() < 1e-4 and shares.min() >= 0 and shares.max() < 0.5 and shares[0, 0] != shares[1, 0]
    torch.testing.assert_close(approach.recogniser_input(waves(3), BatchContext(noisy=noisy)), 0.75 * waves(3) + 0.25 * noisy)
    model = DistillationModel(front_end, approach, teachers=[teacher]).train()
    loss, stats, _ = model(waves(), LENGTHS, waves(1))
    loss.backward()
    plain = DistillationModel(front_end, build("kd", {}), teachers=[teacher]).train()(waves(), LENGTHS, waves(1))[1]
    assert stats["l_r"] == plain["l_r"] and stats["l_e"] != plain["l_e"]
    with pytest.raises(UserError, match="oa_max_weight is a share of the noisy signal between 0 and 1, not 2"):
        build("kd", {"oa_max_weight": 2.0})
    with pytest.raises(UserError, match="oa_min_weight is between 0 and oa_max_weight"):
        build("kd", {"oa_max_weight": 0.3, "oa_min_weight": 0.4})


def test_observation_adding_has_a_range():
    """ω between 0.4 and 0.6: each utterance its own in training, the mean in validation."""
    approach, noisy = build("kd", {"oa_min_weight": 0.4, "oa_max_weight": 0.6}), torch.ones(500, 10)
    context = BatchContext(noisy=noisy)
    trained = approach.recogniser_input(torch.zeros(500, 10).requires_grad_(), context)
    assert 0.4 <= trained.min() < 0.41 and 0.59 < trained.max() <= 0.6 and (trained.std(1) < 1e-6).all()
    assert torch.allclose(approach.recogniser_input(torch.zeros(500, 10), context), torch.tensor(0.5))
