"""Whisper as a teacher: any encoder can stand behind the interface, and its decoder's words reach the student."""

from pathlib import Path

import pytest
import torch

from kdse.approaches import build
from kdse.approaches.context import BatchContext, TeacherInput
from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.core.step import Step
from kdse.data.pack import LatentPack, Pack
from kdse.plugin.load import load_front_end, load_teacher
from kdse.plugin.model import DistillationModel
from kdse.plugin.whisper_teacher import SILENCE, WhisperTeacher
from kdse.whisper.model import FRAME, Whisper
from tests.whisper.tiny import SIZE, arrays, write, write_stage_5

LENGTHS = torch.tensor([8000, 6000])
WORDS = (torch.tensor([[11, 12, 13], [14, 0, 0]]), torch.tensor([3, 1]))
WORDS_ALONE = {"lambda_r": 0.0, "lambda_e": 0.0, "lambda_d": 0.0, "lambda_q": 1.0, "sequence": "att_kl"}


def waves(seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def whisper() -> Path:
    """A folder of stage 3 with a Whisper of two layers."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "asr_whisper"
        folder.mkdir()
        (folder / "model.bin").write_bytes(write(arrays()))
        Step(folder, {"adopted": "here"}, "tiny").finish()
        yield folder


@pytest.fixture(scope="module")
def teacher(whisper) -> WhisperTeacher:
    made = load_teacher(whisper, None)
    made.centroids = torch.randn(4, SIZE, generator=torch.Generator().manual_seed(0))
    return made


@pytest.fixture
def model(standalone, teacher) -> DistillationModel:
    return DistillationModel(load_front_end(standalone[0])[0], build("kd_q", WORDS_ALONE), teachers=[teacher]).train()


def heard(model: DistillationModel, noisy: torch.Tensor, clean: torch.Tensor) -> tuple:
    return model(noisy, LENGTHS, clean, speech_ref1_lengths=LENGTHS, target_text=WORDS[0], target_text_lengths=WORDS[1])


def test_a_folder_with_whispers_weights_is_whisper(teacher):
    assert isinstance(teacher, WhisperTeacher) and teacher.layers == 2 and teacher.size == SIZE and teacher.ctc is None


def test_half_a_second_of_silence_is_heard_after_each_utterance(teacher):
    output = teacher.encode(waves(), LENGTHS)
    assert output.frames.tolist() == [(n + SILENCE + FRAME - 1) // FRAME for n in LENGTHS.tolist()]
    other = waves()
    other[1, 6000:] = 1.0  # what stands in a batch after an utterance is not heard
    assert torch.equal(teacher.encode(other, LENGTHS).latents, output.latents)


def test_words_reach_every_weight_of_the_student(model):
    loss, stats, _ = heard(model, waves(), waves(1))
    loss.backward()
    assert loss.item() == pytest.approx(stats["l_q"].item()) and stats["l_q"] > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        if parameter.dim() > 1:
            assert parameter.grad.abs().max() > 0, name
    assert not list(teacher_parameters(model))


def teacher_parameters(model: DistillationModel) -> list:
    return [name for name, _ in model.named_parameters() if not name.startswith("enh_model.")]


def test_nothing_is_lost_where_nothing_is_changed(teacher):
    """ŝ = s: each loss of the recogniser is 0, with cached targets and without."""
    approach = build("kd_q", WORDS_ALONE | {"lambda_e": 1.0, "lambda_d": 1.0})
    latents, frames = teacher.encode(waves(), LENGTHS)[:2]
    for cached in (None, (latents, frames)):
        losses = approach(waves(), waves(), LENGTHS, BatchContext(teachers=(TeacherInput(teacher, cached, WORDS),)))
        for name in ("l_e", "l_d", "l_q"):
            assert abs(losses[name][1].item()) < 1e-5, (name, cached is None)


def test_padding_of_words_changes_nothing(teacher):
    """Tokens after an utterance's own do not count: other ones give the same loss."""
    approach, (words, counts) = build("kd_q", WORDS_ALONE), WORDS
    other = words.clone()
    other[1, 1:] = 99
    a, b = (
        approach(waves(), waves(1), LENGTHS, BatchContext(teachers=(TeacherInput(teacher, None, (w, counts)),)))["l_q"][1]
        for w in (words, other)
    )
    assert a.item() == pytest.approx(b.item(), rel=1e-5)


def test_jitter_moves_both_signals(teacher):
    """Silence in front of ŝ and s: ŝ = s still costs nothing; and against cached targets, the frames in front are left out."""
    approach = build("kd_q", WORDS_ALONE | {"lambda_e": 1.0, "position_jitter": 0.5})
    torch.manual_seed(0)
    context = BatchContext(teachers=(TeacherInput(teacher, None, WORDS),), training=True)
    shifts = {approach.silence_in_front(context) for _ in range(200)}
    assert min(shifts) == 0 and max(shifts) == 7680 and all(shift % 640 == 0 for shift in shifts)
    for _ in range(3):
        losses = approach(waves(), waves(), LENGTHS, context)
        assert abs(losses["l_e"][1].item()) < 1e-5 and abs(losses["l_q"][1].item()) < 1e-5
    cached = teacher.encode(waves(), LENGTHS)[:2]
    moved = BatchContext(teachers=(TeacherInput(teacher, cached, WORDS),), training=True)
    assert all(approach(waves(), waves(), LENGTHS, moved)["l_e"][1].isfinite() for _ in range(3))
    assert approach.silence_in_front(BatchContext()) == 0  # validation


def test_bfloat16_is_near_float32(whisper, teacher):
    low = load_teacher(whisper, None, precision="bf16")
    a, b = (t.encode(waves(), LENGTHS) for t in (teacher, low))
    assert (a.latents - b.latents).norm() / a.latents.norm() < 0.02


def test_an_inner_layer_is_tapped_and_the_decoder_hears_the_last(whisper, teacher):
    inner = load_teacher(whisper, None, layer=1)
    output, last = inner.encode(waves(), LENGTHS), teacher.encode(waves(), LENGTHS)
    assert not torch.allclose(output.latents, last.latents) and torch.equal(output.encoded, last.encoded)
    given = inner.target(waves(), LENGTHS, (output.latents, output.frames), posteriors=True)
    assert torch.equal(given.encoded, last.encoded)


def test_kd_trains_on_whispers_words_through_espnet(train_se, packs, whisper, tmp_path, weights, capsys):
    """By the command line, from the files that stage 5 writes."""
    tokens = tmp_path / "tokens"
    config = tmp_path / "tokens.yaml"
    config.write_text("clusters: 4\n")
    write_stage_5(whisper, tokens, packs, config)
    approach = tmp_path / "kd_q.yaml"
    approach.write_text("approach: kd_q\nlambda_e: 0\nlambda_d: 0\nlambda_q: 1\nsequence: att_kl\nposition_jitter: 0.2\n")
    out = tmp_path / "kd_q_tiny_seed0"
    assert train_se(out, "kd_q", "--approach_config", approach, "--backend", whisper, "--tokens", tokens) == 0, capsys.readouterr()
    assert weights(out) and read_yaml(out / "run.yaml")["teachers"] == ["asr_whisper"]
    assert set(LatentPack(tokens / "latents_train")) == set(Pack(packs / "pack" / "speech_train"))


def test_latents_that_were_cached_without_the_shift_are_refused(train_se, packs, whisper, tmp_path, capsys):
    tokens = tmp_path / "tokens"
    (tmp_path / "tokens.yaml").write_text("clusters: 4\n")
    write_stage_5(whisper, tokens, packs, tmp_path / "tokens.yaml")
    approach = tmp_path / "kd.yaml"
    approach.write_text("approach: kd\nlambda_e: 1\nposition_jitter: 0.2\n")
    assert train_se(tmp_path / "kd", "kd", "--approach_config", approach, "--backend", whisper, "--tokens", tokens) == 2
    assert "position_jitter moves latents from where stage 5 cached them" in capsys.readouterr().err


def test_a_recogniser_without_a_decoder_has_no_words(train_se, backend, tokens, tmp_path, capsys):
    approach = tmp_path / "kd_q.yaml"
    approach.write_text("approach: kd_q\nlambda_q: 1\nsequence: att_kl\n")
    assert train_se(tmp_path / "kd_q", "kd_q", "--approach_config", approach, "--backend", backend, "--tokens", tokens) == 2
    assert "only a teacher with a decoder, such as Whisper, has hypotheses" in capsys.readouterr().err


def test_an_unknown_vocabulary_is_refused():
    values = arrays()
    values["decoder/embeddings/weight"] = values["decoder/embeddings/weight"][:100]
    with pytest.raises(UserError, match="known with 51865 or 51864 tokens, not with 100"):
        WhisperTeacher(Whisper.load(write(values)))
