"""The backends of conf/asr are ESPnet models of the size they say; each trains, is listened to, and teaches."""

from pathlib import Path

import pytest
import torch
import torchaudio

from kdse.cli import main
from kdse.core.config import read_config
from kdse.plugin.load import load_backend, load_teacher
from kdse.plugin.task import MixingASRTask
from tests.plugin.tiny_ssl import BY_LAYER as TINY_SSL

CONF = Path(__file__).resolve().parents[2] / "conf" / "asr"
UNITS = 90
BACKENDS = [("conformer", 3.5), ("transformer", 4.4), ("e_branchformer", 4.1), ("rnn", 3.8), ("transducer", 3.7)]


@pytest.mark.parametrize("name, millions", BACKENDS)
def test_a_backend_of_the_size_its_config_says(name, millions):
    """Built by ESPnet; a second of noise and three tokens give a finite loss and gradients for every parameter."""
    config = read_config(CONF / f"{name}.yaml")
    parser = MixingASRTask.get_parser()
    args = parser.parse_args(["--output_dir", "unused"])
    for key, value in config.items():
        if key not in ("kdse_subwords", "mix_conf"):
            assert hasattr(args, key), key
            setattr(args, key, value)
    args.token_list = ["<blank>", "<unk>", *(f"t{i}" for i in range(UNITS - 3)), "<sos/eos>"]
    torch.manual_seed(0)
    model = MixingASRTask.build_model(args)
    assert f"{millions} M" in (CONF / f"{name}.yaml").read_text()
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.1)
    speech = 0.1 * torch.randn(2, 16000)
    loss, _, _ = model(speech, torch.tensor([16000, 16000]), torch.tensor([[2, 3, 4]] * 2), torch.tensor([3, 3]))
    loss.backward()
    assert torch.isfinite(loss)
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


BLOCK = {"output_size": 16, "attention_heads": 2, "linear_units": 16, "num_blocks": 1}
SMALL = {
    "conformer": {"encoder_conf": BLOCK},
    "transformer": {"encoder_conf": BLOCK, "decoder_conf": {"linear_units": 16, "num_blocks": 1, "attention_heads": 2}},
    "e_branchformer": {
        "encoder_conf": BLOCK | {"cgmlp_linear_units": 16},
        "decoder_conf": {"linear_units": 16, "num_blocks": 1, "attention_heads": 2},
    },
    "rnn": {
        "encoder_conf": {"num_layers": 1, "hidden_size": 8, "output_size": 8},
        "decoder_conf": {"hidden_size": 8, "att_conf": {"adim": 8, "aconv_chans": 2, "aconv_filts": 3}},
    },
    "transducer": {"encoder_conf": BLOCK, "decoder_conf": {"hidden_size": 8}, "joint_net_conf": {"joint_space_size": 8}},
    "ssl": {
        "frontend_conf": {"model": "wav2vec2_model", "model_conf": TINY_SSL},
        "preencoder_conf": {"input_size": 12, "output_size": 16},
        "encoder_conf": BLOCK,
    },
}


@pytest.fixture(scope="module")
def ssl_weights(tmp_path_factory) -> Path:
    """A network with a CTC head as torchaudio publishes them, with random weights."""
    path = tmp_path_factory.mktemp("ssl") / "tiny.pth"
    torch.manual_seed(1)
    torch.save(torchaudio.models.wav2vec2_model(**TINY_SSL | {"aux_num_out": 5}).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def mini(tmp_path_factory) -> Path:
    """Stages 1 and 2 of the smallest mini."""
    pytest.importorskip("hibari", reason="mini speaks through text-to-speech wheels; 'make setup' installs them")
    root = tmp_path_factory.mktemp("mini")
    assert main(["data", "mini", "--size", "smallest", "--out", str(root / "data")]) == 0
    mix = ["--data", str(root / "data"), "--dump", str(root / "dump"), "--sets", str(CONF.parent / "mix" / "default.yaml")]
    assert main(["mix", *mix]) == 0
    return root


def test_every_config_is_trained_here():
    frozen = {"whisper", "ssl_encoder"}  # test_whisper_backend.py, test_ssl.py
    assert SMALL.keys() | frozen == {path.stem for path in CONF.glob("*.yaml")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_backend_trains_decodes_and_teaches(name, mini, ssl_weights, student_yaml, short, yaml_file, tmp_path):
    """From conf/asr at a tiny size, on mini: stage 3, words, acoustic tokens, a gradient in the waveform, and a student of `kd`."""
    config = {"base": str(CONF / f"{name}.yaml"), "kdse_subwords": {"vocab_size": 40}, **SMALL[name]}
    if name == "ssl":
        config["frontend_conf"] = config["frontend_conf"] | {"weights": str(ssl_weights)}
    yaml = yaml_file(tmp_path / "conf" / f"{name}.yaml", config | short | {"max_epoch": 1})
    out, tokens, data = tmp_path / "exp" / f"asr_{name}", tmp_path / "exp" / "tokens", ["--dump", mini / "dump", "--corpus", "mini"]
    assert main(["train", "asr", *map(str, ["--config", yaml, "--out", out, "--data", mini / "data", *data])]) == 0

    words = ["--run", tmp_path / "exp" / "mct_noisy_seed0", "--backend", out, "--sets", "dev_noisy", *data]
    assert main(["decode", *map(str, words)]) == 0
    found = tmp_path / "exp" / "mct_noisy_seed0" / "decode" / out.name / "dev_noisy" / "text"
    references = (mini / "dump" / "dev_noisy" / "text").read_text().splitlines()
    assert [line.split()[0] for line in found.read_text().splitlines()] == [line.split()[0] for line in references]

    clusters = yaml_file(tmp_path / "conf" / "tokens.yaml", {"clusters": 3})
    assert main(["tokens", *map(str, ["--backend", out, "--dump", mini / "dump", "--config", clusters, "--out", tokens])]) == 0
    teacher = load_teacher(out, tokens)
    wave = (0.1 * torch.randn(2, 16000)).requires_grad_()
    encoded = teacher.encode(wave, torch.tensor([16000, 16000]), posteriors=True)
    assert encoded.log_probs.shape[:2] == encoded.latents.shape[:2]
    encoded.latents.square().sum().backward()
    assert torch.isfinite(wave.grad).all() and (wave.grad != 0).any(1).all()
    assert [n for n, p in teacher.asr.named_parameters() if p.grad is not None] == []
    student = yaml_file(tmp_path / "conf" / "student.yaml", {"base": str(student_yaml), "max_epoch": 1})
    words = ["--approach", "kd", "--config", student, "--out", tmp_path / "exp" / "kd", "--backend", out, "--tokens", tokens, *data]
    assert main(["train", "se", *map(str, words)]) == 0


def test_a_frozen_network_keeps_its_weights_and_brings_them_along(packs, ssl_weights, short, yaml_file, tmp_path, capsys):
    """Training changes what is behind it; afterwards the file of weights is not needed. Without weights nothing is trained."""
    overrides = SMALL["ssl"]["frontend_conf"] | {"weights": str(ssl_weights)}
    config = {"base": str(CONF / "ssl.yaml"), **SMALL["ssl"], "frontend_conf": overrides}
    config |= short | {"kdse_subwords": {"vocab_size": 12, "model_type": "char"}}

    def train(out: Path) -> int:
        words = ["--config", yaml_file(tmp_path / "ssl.yaml", config), "--out", out, "--dump", packs, "--corpus", "tiny"]
        return main(["train", "asr", *map(str, words), "--data", str(packs.parent / "data")])

    assert train(tmp_path / "exp" / "asr_ssl") == 0
    given = torch.load(ssl_weights, weights_only=True)
    model, args = load_backend(tmp_path / "exp" / "asr_ssl")
    found = {key.removeprefix("frontend.upstream."): value for key, value in model.state_dict().items()}
    assert all(torch.equal(value, found[key]) for key, value in given.items() if not key.startswith("aux."))
    assert args.frontend_conf["weights"] is None and (model.frontend.mix != 0).any()
    for weights, message in ((None, "no weights are given"), ("gone.pth", "gone.pth is no file")):
        config["frontend_conf"]["weights"] = weights
        assert train(tmp_path / "exp" / "asr_none") == 2
        assert message in capsys.readouterr().err and not (tmp_path / "exp" / "asr_none").exists()
    config["frontend_conf"] |= {"weights": str(ssl_weights), "layer": 3}
    assert train(tmp_path / "exp" / "asr_none") == 2
    assert "has 2 layers and no layer 3" in capsys.readouterr().err


def test_padding_changes_no_feature_of_a_network(ssl_weights):
    """Where convolutions are normalised by layer, features of an utterance do not depend on the batch it stands in."""
    from kdse.plugin.ssl import SSLFrontend

    frontend = SSLFrontend("wav2vec2_model", str(ssl_weights), model_conf=TINY_SSL).eval()
    waves = 0.1 * torch.randn(2, 8000)
    waves[1, 5000:] = 7.0  # whatever stands behind the end
    with torch.no_grad():
        both, frames = frontend(waves, torch.tensor([8000, 5000]))
        alone, _ = frontend(waves[1:, :5000], torch.tensor([5000]))
    assert frames[1] == alone.shape[1]
    torch.testing.assert_close(both[1, : frames[1]], alone[0], rtol=1e-4, atol=1e-5)
