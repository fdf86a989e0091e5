"""A self-supervised network from stage 3 to a student: adopted, clustered, taught from; and refused where words are wanted."""

from pathlib import Path

import pytest
import torch
import yaml

from kdse.cli import main
from kdse.core.files import read_yaml
from kdse.core.step import done_hash
from kdse.data.pack import LatentPack, Pack
from kdse.plugin.load import load_teacher
from kdse.plugin.ssl_teacher import WEIGHTS, SSLTeacher
from kdse.runs.backends import KINDS, kind_name
from tests.plugin.tiny_ssl import NETWORKS, network

CONF = Path(__file__).resolve().parents[2] / "conf" / "asr" / "ssl_encoder.yaml"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Weights with heads, as torchaudio publishes those of a network that was fine-tuned."""
    path = tmp_path_factory.mktemp("ssl") / "tiny.pth"
    torch.save(network("by group").state_dict() | {"aux.weight": torch.zeros(5, 12), "aux.bias": torch.zeros(5)}, path)
    return path


def train(folder: Path, out: Path, **options) -> int:
    """Stage 3 with the repository's YAML as a base."""
    model, conf = NETWORKS["by group"]
    config = folder / "backend.yaml"
    config.write_text(yaml.safe_dump({"base": str(CONF), "model": model, "model_conf": conf} | options))
    return main(["train", "asr", "--config", str(config), "--out", str(out), "--corpus", "tiny"])


@pytest.fixture(scope="module")
def ssl(published, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exp")
    assert train(folder, folder / "asr_ssl", weights=str(published)) == 0
    return folder / "asr_ssl"


@pytest.fixture(scope="module")
def ssl_tokens(ssl, packs) -> Path:
    """Stage 5: four tokens of the first layer."""
    config, out = ssl.parent / "tokens.yaml", ssl.parent / "tokens"
    config.write_text("clusters: 4\nlayer: 1\n")
    assert main(["tokens", *map(str, ["--backend", ssl, "--dump", packs, "--config", config, "--out", out])]) == 0
    return out


def test_its_weights_are_the_backend(ssl, published, capsys):
    assert kind_name(ssl) == "ssl" and done_hash(ssl) and KINDS["ssl"].file == WEIGHTS
    given, kept = (torch.load(path, weights_only=True) for path in (published, ssl / WEIGHTS))
    assert kept.keys() == {name for name in given if not name.startswith("aux.")}
    assert all(torch.equal(value, given[name]) for name, value in kept.items())
    assert read_yaml(ssl / "run.yaml")["params"] == sum(value.numel() for value in network("by group").parameters())
    assert train(ssl.parent, ssl, weights=str(published)) == 0 and "done before, skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "no weights are given; write 'weights: PATH'"),
        ({"weights": "gone.pth"}, "gone.pth is no file"),
        ({"model": "hubert_bas"}, "did you mean 'hubert_base'?"),
        ({"layer": 3}, "there is no option 'layer'"),
        ({"model_conf": NETWORKS["by group"][1] | {"encoder_num_layers": 3}}, "is of another architecture"),
    ],
)
def test_what_cannot_be_adopted_leaves_nothing_behind(options, message, published, tmp_path, capsys):
    given = options if not options or "weights" in options else {"weights": str(published)} | options
    assert train(tmp_path, tmp_path / "asr_ssl", **given) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "asr_ssl" / WEIGHTS).exists()


def test_stage_5_keeps_its_latents(ssl, ssl_tokens, packs):
    teacher, latents = load_teacher(ssl, ssl_tokens), LatentPack(ssl_tokens / "latents_train")
    assert isinstance(teacher, SSLTeacher) and teacher.layer == 1 and teacher.centroids.shape == (4, 12)
    speech = Pack(packs / "pack" / "speech_train")
    assert set(latents) == set(speech)
    for utt in speech:
        wave = torch.from_numpy(speech[utt] / 2.0**15).float()[None]
        expected = teacher.encode(wave, torch.tensor([wave.shape[1]])).latents[0]
        assert torch.as_tensor(latents[utt]).float().sub(expected).norm() < 2e-3 * expected.norm()
    assert not list(ssl_tokens.glob("hypotheses*"))


def test_kd_trains_from_it_alone_and_beside_a_recogniser(ssl, ssl_tokens, backend, tokens, train_se, weights, same, tmp_path):
    found = []
    given = ("--backend", ssl, "--tokens", ssl_tokens)
    for name, words in {"alone": given, "both": (*given, "--teacher", backend, tokens)}.items():
        assert train_se(tmp_path / name, "kd", *words) == 0
        found.append(weights(tmp_path / name))
    assert not same(*found) and read_yaml(tmp_path / "both" / "run.yaml")["teachers"] == ["asr_ssl", backend.name]


def test_it_has_no_words(ssl, ssl_tokens, packs, train_se, tmp_path, capsys):
    """Refused in a sentence: decoding with it, its loss, its words and its CTC."""
    words = ["--run", tmp_path / "mct_noisy_seed0", "--backend", ssl, "--sets", "dev_noisy", "--dump", packs, "--corpus", "tiny"]
    assert main(["decode", *map(str, words)]) == 2
    assert "(of kind ssl) teaches latents and has no words: give --inference_config" in capsys.readouterr().err
    assert train_se(tmp_path / "run", "joint_grad", "--backend", ssl) == 2
    assert "approach joint_grad needs the loss of an ESPnet recogniser" in capsys.readouterr().err
    for kind, message in {"att_kl": "only a teacher with a decoder", "ctc_kl": "has no CTC branch"}.items():
        approach = tmp_path / f"{kind}.yaml"
        approach.write_text(f"approach: kd_q\nlambda_q: 1\nsequence: {kind}\n")
        given = ("--backend", ssl, "--tokens", ssl_tokens)
        assert train_se(tmp_path / "run", "kd_q", "--approach_config", approach, *given) == 2
        assert message in capsys.readouterr().err
