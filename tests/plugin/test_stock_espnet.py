"""ESPnet's own classes and programs take `separator: kdse_dccrn`, and what kdse trained, without kdse's training."""

import argparse
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.core.errors import UserError
from kdse.enhancers.learned import trained_enhancer

STOCK = """
# an ESPnet enhancement recipe's YAML with our separator in it
max_epoch: 1
batch_type: sorted
batch_size: 2
num_workers: 0
optim: adam
optim_conf: {lr: 1.0e-03}
init: xavier_uniform
best_model_criterion: [[valid, loss, min]]
keep_nbest_models: 1
use_matplotlib: false
encoder: stft
encoder_conf: {n_fft: 256, hop_length: 128, use_builtin_complex: true}
separator: kdse_dccrn
separator_conf: {size: s}
decoder: stft
decoder_conf: {n_fft: 256, hop_length: 128}
criterions:
- name: snr
  conf: {eps: 1.0e-07}
  wrapper: fixed_order
  wrapper_conf: {weight: 1.0}
"""
JOINT = """
max_epoch: 1
optim: adam
token_type: char
token_list: [<blank>, <unk>, A, <sos/eos>]
enh_encoder: stft
enh_encoder_conf: {n_fft: 256, hop_length: 128, use_builtin_complex: true}
enh_separator: KDSE_DCCRN
enh_separator_conf: {channels: [2, 3], units: 4}
enh_decoder: stft
enh_decoder_conf: {n_fft: 256, hop_length: 128}
enh_criterions: [{name: si_snr, conf: {}, wrapper: fixed_order, wrapper_conf: {}}]
frontend: default
frontend_conf: {n_fft: 256, hop_length: 128, n_mels: 20}
asr_encoder: transformer
asr_encoder_conf: {output_size: 16, attention_heads: 2, linear_units: 16, num_blocks: 1}
asr_model_conf: {ctc_weight: 1.0}
model_conf: {bypass_enh_prob: 0.0}
subtask_series: [enh, asr]
"""


@pytest.fixture
def scps(tmp_path, write_wav) -> dict[str, Path]:
    """wav.scp and spk1.scp of four noisy utterances, and their shape file."""
    rng = np.random.default_rng(0)
    lines: dict[str, list[str]] = {"wav": [], "spk1": [], "shape": []}
    for i in range(4):
        clean = np.rint(2000 * rng.standard_normal(6000 + 500 * i)).astype(np.int16)
        noisy = clean + np.rint(500 * rng.standard_normal(len(clean))).astype(np.int16)
        for name, samples in (("wav", noisy), ("spk1", clean)):
            lines[name].append(f"u{i} {write_wav(tmp_path / name / f'u{i}.wav', samples)}\n")
        lines["shape"].append(f"u{i} {len(clean)}\n")
    for name, text in lines.items():
        (tmp_path / f"{name}.scp").write_text("".join(text))
    return {name: tmp_path / f"{name}.scp" for name in lines}


def test_a_stock_yaml_trains(tmp_path, scps):
    """As the README says: `python -m kdse.plugin.enh_train`, two updates in a process of its own; ESPnet takes the result."""
    config = tmp_path / "train_enh.yaml"
    config.write_text(STOCK)
    words = ["--config", config, "--output_dir", tmp_path / "exp"]
    for part in ("train", "valid"):
        for name, scp in (("speech_mix", scps["wav"]), ("speech_ref1", scps["spk1"])):
            words += [f"--{part}_data_path_and_name_and_type", f"{scp},{name},sound"]
        words += [f"--{part}_shape_file", scps["shape"]]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "kdse.plugin.enh_train", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    log = done.stdout + done.stderr
    assert "1epoch results: [train]" in log and "KdseDCCRN" in log
    found = separate(tmp_path / "exp" / "config.yaml", tmp_path / "exp" / "1epoch.pth", torch.randn(1, 5000))
    assert found.shape == (1, 5000)


def program(name: str, config: Path, out: Path, monkeypatch) -> int:
    """Exit code of `python -m kdse.plugin.<name>`, run in this process, that builds its model and stops before training."""
    monkeypatch.setattr(sys, "argv", [name, "--config", str(config), "--output_dir", str(out), "--dry_run", "true"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module(f"kdse.plugin.{name}", run_name="__main__")
    return stop.value.code


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")
def test_a_user_s_mistake_is_one_sentence(tmp_path, monkeypatch, capsys):
    """Exit code 2 and the nearest known size, no traceback."""
    config = tmp_path / "train_enh.yaml"
    config.write_text(STOCK.replace("size: s", "size: xl"))
    assert program("enh_train", config, tmp_path / "exp", monkeypatch) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "kdse_dccrn has no size 'xl' (did you mean 'l'?); there are s, m, l"


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")
def test_the_joint_task_knows_the_separator(tmp_path, monkeypatch):
    """`python -m kdse.plugin.enh_s2t_train` builds SE + ASR around it; ESPnet lowers names, so their case does not count."""
    from espnet2.tasks.enh_s2t import EnhS2TTask

    config = tmp_path / "train_enh_s2t.yaml"
    config.write_text(JOINT)
    assert program("enh_s2t_train", config, tmp_path / "exp", monkeypatch) == 0
    args = argparse.Namespace(**yaml.safe_load((tmp_path / "exp" / "config.yaml").read_text()))
    assert type(EnhS2TTask.build_model(args).enh_model.separator).__name__ == "KdseDCCRN"


def test_the_separator_refuses_a_second_speaker():
    from kdse.plugin.separators import SEPARATORS

    with pytest.raises(UserError, match="one speaker, not num_spk=2"):
        SEPARATORS["kdse_dccrn"](129, num_spk=2)


def separate(config: Path, model: Path, noisy: torch.Tensor) -> torch.Tensor:
    """(B, N) by ESPnet's own SeparateSpeech."""
    from espnet2.bin.enh_inference import SeparateSpeech

    (found,) = SeparateSpeech(train_config=config, model_file=model)(noisy, fs=16000)
    return torch.as_tensor(found)


@pytest.mark.parametrize("run", ["standalone", "kd"])
def test_espnet_separates_to_the_same_samples(run, request):
    """A plain ESPnet model: SeparateSpeech and `kdse enhance-sets` agree in every bit, for lengths of any remainder."""
    folder, _ = request.getfixturevalue(run)
    ours = trained_enhancer(folder)
    for samples in (8000, 6401, 700):
        noisy = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(samples))
        theirs = separate(folder / "enh" / "config.yaml", folder / "enh" / "model.pth", noisy)[0]
        found = torch.from_numpy(ours(noisy[0].numpy()))
        assert torch.equal(found, theirs) and not torch.equal(found, noisy[0])


def test_normalisation_is_espnet_s(standalone):
    """A model with `normalize_variance` hears every utterance at unit power, in training and in SeparateSpeech alike."""
    from espnet2.bin.enh_inference import SeparateSpeech

    from kdse.plugin.load import load_front_end
    from kdse.plugin.model import enhance

    folder, _ = standalone
    theirs = SeparateSpeech(train_config=folder / "enh" / "config.yaml", model_file=folder / "enh" / "model.pth")
    ours, _ = load_front_end(folder)
    theirs.enh_model.normalize_variance = ours.normalize_variance = True
    noisy = 0.1 * torch.randn(1, 5000)
    with torch.no_grad():
        found = enhance(ours, noisy, torch.tensor([5000]))
        assert torch.equal(found, torch.as_tensor(theirs(noisy, fs=16000)[0]))
        torch.testing.assert_close(enhance(ours, 7 * noisy, torch.tensor([5000])), 7 * found)


def test_the_config_is_plain_espnet(standalone):
    """Nothing of approaches, teachers, mixtures or paths of this machine is left in what ships."""
    folder, _ = standalone
    config = yaml.safe_load((folder / "enh" / "config.yaml").read_text())
    assert config["separator"] == "kdse_dccrn" and config["criterions"] == []
    assert not [key for key in config if key.startswith(("kdse", "mix_", "train_", "valid_", "output"))]
    assert str(folder) not in (folder / "enh" / "config.yaml").read_text()
