"""A backend that does not fit what is asked of it is refused in one sentence, before anything is trained or decoded."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from kdse.cli import main


@pytest.fixture
def said(capsys, tmp_path):
    """said(command, *words) -> the one line that the user sees; nothing is left in `out`."""

    def run(train, *words: object, **overrides) -> str:
        out = tmp_path / "exp" / "run"
        out.parent.mkdir(exist_ok=True)
        capsys.readouterr()
        assert train(out, *words, **overrides) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert not any((out / name).exists() for name in (".done", "run.yaml", "enh", "model.pth", "checkpoint.pth"))
        return line

    return run


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"encoder": "konformer"}, "encoder: there is no 'konformer' (did you mean 'conformer'?)"),
        (
            {"decoder": "transformr", "model_conf": {"ctc_weight": 0.3}},
            "decoder: there is no 'transformr' (did you mean 'transformer'?)",
        ),
        ({"encoder_conf": {"num_block": 2}}, "ConformerEncoder has no option 'num_block' (did you mean 'num_blocks'?)"),
        ({"frontend": "kdse_sll", "frontend_conf": None}, "frontend: there is no 'kdse_sll' (did you mean 'kdse_ssl'?)"),
        ({"frontend": "kdse_ssl", "frontend_conf": None}, "frontend_conf: no weights are given; write 'weights: PATH'"),
    ],
)
def test_a_config_of_no_backend(said, train_asr, overrides, message):
    if overrides.get("frontend_conf", 0) is None:  # in place of the options of log mel features
        overrides = {**overrides, "frontend_conf": dict.fromkeys(("n_fft", "win_length", "hop_length", "fs", "n_mels"))}
    assert message in said(train_asr, **overrides)


@pytest.fixture(scope="module")
def without_ctc(packs, train_asr) -> Path:
    """A backend with an attention decoder alone, and its tokens beside it."""
    out = packs.parent / "exp" / "asr_attention"
    decoder = {"attention_heads": 2, "linear_units": 16, "num_blocks": 1}
    model, best = {"ctc_weight": 0.0, "report_cer": False, "report_wer": False}, [["valid", "acc", "max"]]
    assert train_asr(out, decoder="transformer", decoder_conf=decoder, model_conf=model, best_model_criterion=best) == 0
    config = out.parent / "clusters.yaml"
    config.write_text("clusters: 3\n")
    words = ["--backend", out, "--dump", packs, "--config", config, "--out", out.parent / "tokens_attention"]
    assert main(["tokens", *map(str, words)]) == 0
    return out


@pytest.mark.parametrize("sequence", ["ctc_kl", "seq_kd"])
def test_sequence_losses_of_a_backend_without_ctc(said, train_se, without_ctc, tmp_path, sequence):
    options = tmp_path / "kd_q.yaml"
    options.write_text(f"approach: kd_q\nlambda_q: 1.0\nsequence: {sequence}\n")
    words = ("--approach_config", options, "--backend", without_ctc, "--tokens", without_ctc.parent / "tokens_attention")
    line = said(train_se, "kd_q", *words)
    assert f"learns from CTC posteriors ({sequence}), and the backend {without_ctc} has no CTC branch" in line


def test_what_needs_no_ctc_does_without(train_se, without_ctc, tmp_path):
    options = tmp_path / "kd_q.yaml"
    options.write_text("approach: kd_q\nlambda_q: 1.0\nsequence: gram\n")
    words = ("--approach_config", options, "--backend", without_ctc, "--tokens", without_ctc.parent / "tokens_attention")
    assert train_se(tmp_path / "exp" / "run", "kd_q", *words) == 0


def test_greedy_ctc_of_a_backend_without_ctc(without_ctc, noisy_set, tmp_path, capsys):
    words = ["--run", tmp_path / "exp" / "mct_noisy_seed0", "--backend", without_ctc, "--corpus", "tiny"]
    assert main(["decode", *map(str, words), "--dump", str(noisy_set.parent), "--sets", noisy_set.name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no CTC branch" in line


@pytest.fixture
def broken(backend, tmp_path) -> Path:
    """A copy of a finished backend, to be broken."""
    return Path(shutil.copytree(backend, tmp_path / "exp" / "asr_broken"))


def test_a_token_list_that_does_not_match(said, train_se, broken, tokens):
    config = yaml.safe_load((broken / "config.yaml").read_text())
    config["token_list"].insert(3, "EXTRA")
    (broken / "config.yaml").write_text(yaml.safe_dump(config))
    line = said(train_se, "kd", "--backend", broken, "--tokens", tokens)
    assert "the token list does not match the model: it has 15 tokens, and its checkpoint was trained with 14" in line


def test_a_checkpoint_of_another_model(said, train_se, broken, tokens):
    state = torch.load(broken / "model.pth", weights_only=True)
    torch.save({key: value for key, value in state.items() if "encoders.1." not in key}, broken / "model.pth")
    line = said(train_se, "kd", "--backend", broken, "--tokens", tokens)
    assert "is of another architecture: it lacks 'encoder.encoders.1." in line
