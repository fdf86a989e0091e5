"""What depends on clean speech alone is computed once, in stage 5, and is what the recogniser would make of it in training."""

import numpy as np
import pytest
import torch

from kdse.approaches import build
from kdse.approaches.context import BatchContext, EncoderOutput, TeacherInput
from kdse.approaches.kd import ATT_KL, SEQUENCE
from kdse.data.pack import LatentPack, Pack
from kdse.plugin.load import load_backend, load_teacher
from kdse.plugin.teacher import FrozenTeacher

ONE = torch.tensor([8000])


def wave(seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["train", "dev"])
def test_stage_5_keeps_the_latents_of_every_utterance(packs, backend, tokens, name):
    teacher, speech, kept = (
        load_teacher(backend, tokens),
        Pack(packs / "pack" / f"speech_{name}"),
        LatentPack(tokens / f"latents_{name}"),
    )
    assert list(kept) == list(speech) and kept.array().dtype == np.float32
    for utt in speech:
        clean = torch.from_numpy(speech[utt].astype(np.float32) / 32768)[None]
        with torch.no_grad():
            live = teacher.encode(clean, torch.tensor([clean.shape[1]]))
        np.testing.assert_allclose(kept[utt], live.latents[0, : live.frames[0]], rtol=0, atol=1e-5)


@pytest.mark.parametrize("sequence", [None, *sorted({*SEQUENCE} - {ATT_KL})])
def test_losses_agree(backend, sequence):
    """Each loss with the target given equals the one with the target computed; posteriors come from the given latents."""
    teacher = FrozenTeacher(load_backend(backend)[0], centroids=torch.randn(4, 16), distance=1.0)
    with torch.no_grad():
        latents, frames = teacher.encode(wave(1), ONE)[:2]
    approach = build("kd_q", {"lambda_q": 1.0, "sequence": sequence}) if sequence else build("kd", {})
    live = approach(wave(), wave(1), ONE, BatchContext(teachers=(TeacherInput(teacher),)))
    cached = approach(wave(), wave(1), ONE, BatchContext(teachers=(TeacherInput(teacher, (latents, frames)),)))
    assert live.keys() == cached.keys()
    for name in live:
        torch.testing.assert_close(cached[name][1], live[name][1], rtol=1e-5, atol=1e-6)


def test_a_given_target_is_not_computed(backend, monkeypatch):
    teacher = FrozenTeacher(load_backend(backend)[0])
    monkeypatch.setattr(teacher, "encode", None)
    found = teacher.target(wave(), ONE, (torch.zeros(1, 5, 16), torch.tensor([5])), posteriors=True)
    assert found.latents.abs().max() == 0 and found.log_probs.exp().sum(-1).allclose(torch.ones(1, 5))


def test_posteriors_of_an_inner_layer_are_computed(backend):
    """CTC is computed from the encoder's output, which latents of layer 1 are not."""
    teacher = FrozenTeacher(load_backend(backend)[0], layer=1)
    live = teacher.target(wave(), ONE, None, posteriors=True)
    found = teacher.target(wave(), ONE, (torch.zeros_like(live.latents), live.frames), posteriors=True)
    assert (
        isinstance(found, EncoderOutput)
        and torch.equal(found.log_probs, live.log_probs)
        and torch.equal(found.latents, live.latents)
    )


def test_training_is_the_same(train_se, backend, tokens, weights, tmp_path):
    """`cached: true` and `cached: false` lead to the same student.

    With batches of one, since padding changes an utterance's last frames a little, and at the corpus's own level: another level is
    a constant that utterance_mvn takes off, except in digital silence, of which these signals are full.
    """
    same = {"batch_bins": 1, "mix_conf": {"mix": {"gain_low_db": 0.0, "gain_high_db": 0.0}}}
    for cached in (True, False):
        out = tmp_path / str(cached)
        conf = {"precision": "fp32", "teacher_precision": "fp32", "cached": cached}
        assert train_se(out, "kd", "--backend", backend, "--tokens", tokens, kdse_conf=conf, **same) == 0
        assert ("kdse_latents" in (out / "train.yaml").read_text()) == cached
    a, b = weights(tmp_path / "True"), weights(tmp_path / "False")
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-4)


def test_latents_that_are_gone(train_se, backend, tokens, tmp_path, capsys):
    import shutil

    copy = tmp_path / "tokens"
    shutil.copytree(tokens, copy)
    shutil.rmtree(copy / "latents_dev")
    assert train_se(tmp_path / "run", "kd", "--backend", backend, "--tokens", copy) == 2
    assert f"{copy}/latents_dev is no pack of latents; run stage 5 (kdse tokens) first" in capsys.readouterr().err


def test_cached_is_yes_or_no(train_se, backend, tokens, tmp_path, capsys):
    assert train_se(tmp_path / "run", "kd", "--backend", backend, "--tokens", tokens, kdse_conf={"cached": "maybe"}) == 2
    assert "kdse_conf: cached is true or false, not 'maybe'" in capsys.readouterr().err


@pytest.mark.parametrize("able", [True, False])
def test_the_teacher_s_precision_is_decided_once_and_kept(train_se, backend, tokens, tmp_path, monkeypatch, capsys, able):
    """`auto` becomes what the processor has, in the configuration; on another processor it is another training."""
    from kdse.core.files import read_yaml

    words, auto = ["--backend", backend, "--tokens", tokens], {"kdse_conf": {"teacher_precision": "auto"}}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able})
    assert train_se(tmp_path / "run", "kd", *words, **auto) == 0
    assert read_yaml(tmp_path / "run" / "train.yaml")["kdse_conf"]["teacher_precision"] == ("bf16" if able else "fp32")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": not able})
    capsys.readouterr()
    assert train_se(tmp_path / "run", "kd", *words, **auto) == 0
    assert "runs again, because config.kdse_conf.teacher_precision changed from" in capsys.readouterr().out
    assert train_se(tmp_path / "plain", "kd", *words) == 0
    assert "teacher_precision" not in read_yaml(tmp_path / "plain" / "train.yaml")["kdse_conf"]  # float32
