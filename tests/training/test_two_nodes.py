"""`kdse train` as two processes over gloo ends with the weights of one process with the same batches, in ESPnet's own trainer.

Utterances have one length and no part has batch normalisation or dropout: elsewhere these see each process's share of a batch, and
means over frames (L_e, L_d) are weighed by utterances between processes, as is usual with DDP.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.cli import main
from kdse.core import nodes
from kdse.data.pack import Pack

ROOT = Path(__file__).resolve().parents[2]
TRAINING = {
    "batch_type": "numel",
    "batch_bins": 4 * 9600,
    "num_workers": 0,
    "num_iters_per_epoch": 2,
    "max_epoch": 2,
    "keep_nbest_models": 1,
    "use_matplotlib": False,
}
ASR = {
    "frontend_conf": {"n_fft": 512, "win_length": 400, "hop_length": 160, "fs": "16k", "n_mels": 20},
    "normalize": "utterance_mvn",
    "encoder": "transformer",
    "encoder_conf": {
        "output_size": 16,
        "attention_heads": 2,
        "linear_units": 16,
        "num_blocks": 1,
        **dict.fromkeys(("dropout_rate", "positional_dropout_rate", "attention_dropout_rate"), 0.0),
    },
    "decoder": None,
    "ctc_conf": {"dropout_rate": 0.0},
    "model_conf": {"ctc_weight": 1.0, "report_cer": False, "report_wer": False},
    "best_model_criterion": [["valid", "loss_ctc", "min"]],
    "kdse_subwords": {"vocab_size": 12, "model_type": "char"},
    **TRAINING,
    "optim": "adam",
    "optim_conf": {"lr": 0.001},
}
STUDENT = {
    "criterions": [],
    "encoder": "stft",
    "encoder_conf": {"n_fft": 512, "hop_length": 256, "use_builtin_complex": True},
    "separator": "rnn",
    "separator_conf": {"rnn_type": "lstm", "num_spk": 1, "layer": 1, "unit": 8},
    "decoder": "stft",
    "decoder_conf": {"n_fft": 512, "hop_length": 256},
    "best_model_criterion": [["valid", "loss", "min"]],
    **TRAINING,
    "optim": "sgd",  # Adam's first step is the gradient's sign, which hides its size
    "optim_conf": {"lr": 0.05},
}


def words(*arguments: object) -> list[str]:
    return [str(a) for a in arguments]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A folder with packs, texts, a backend and tokens."""
    root = tmp_path_factory.mktemp("recipe")
    rng = np.random.default_rng(0)
    bursts = np.clip(np.sin(np.arange(9600) / 1200), 0, None)
    for part, utts in (("train", range(8)), ("dev", range(8, 11))):
        speech = [(f"u{i}", np.rint(3000 * np.roll(bursts, 700 * i) * rng.standard_normal(9600)).astype(np.int16)) for i in utts]
        noise = [(f"n{i}", np.rint(800 * rng.standard_normal(20000)).astype(np.int16)) for i in range(3)]
        Pack.write(root / "dump/pack" / f"speech_{part}", speech)
        Pack.write(root / "dump/pack" / f"noise_{part}", noise)
        (root / "data" / part).mkdir(parents=True)
        (root / "data" / part / "text").write_text("".join(f"u{i} {'GO ON LEFT'[: 2 + i % 7]}\n" for i in utts))
    for name, config in (("backend", ASR), ("student", STUDENT), ("tokens", {"layer": 1, "clusters": 4})):
        (root / f"{name}.yaml").write_text(yaml.safe_dump(config))
    assert main(training(root, "asr", root / "backend")) == 0
    given = words("--backend", root / "backend", "--config", root / "tokens.yaml", "--dump", root / "dump")
    assert main(["tokens", *given, "--out", str(root / "tokens")]) == 0
    return root


def training(recipe: Path, kind: str, out: Path) -> list[str]:
    """A `kdse train` command: of the backend, or of a front end by the approach `kind`."""
    given = words("--dump", recipe / "dump", "--data", recipe / "data", "--corpus", "tiny", "--out", out)
    if kind == "asr":
        return ["train", "asr", "--config", str(recipe / "backend.yaml"), *given]
    given += words("--config", recipe / "student.yaml", "--backend", recipe / "backend", "--tokens", recipe / "tokens")
    return ["train", "se", "--approach", kind, *given]


def launch(command: list[str], world: int, told: int | None = None) -> list[tuple[int, str]]:
    """(exit code, what was printed) of each process, where the command is told of `told` nodes."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launched = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)} if world > 1 else {}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "kdse.cli", *command, "--num_nodes", str(told or world)],
            env={**env, **launched, **({"RANK": str(rank)} if launched else {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(world)
    ]
    outputs = [process.communicate(timeout=600)[0] for process in started]
    return [(process.returncode, output) for process, output in zip(started, outputs)]


@pytest.mark.parametrize(
    ("world", "told", "message"),
    [(1, 2, "--num_nodes 2 needs a launcher that sets RANK"), (2, 1, "WORLD_SIZE in the environment is 2")],
)
def test_nodes_and_launcher_must_agree(recipe, tmp_path, world, told, message):
    for code, output in launch(training(recipe, "asr", tmp_path / "run"), world, told):
        assert code == 2
        assert message in output and "Traceback" not in output


def test_what_is_done_ends_both(recipe):
    first, further = launch(training(recipe, "asr", recipe / "backend"), 2)
    assert first[0] == 0 and "done before" in first[1]
    assert further == (0, "")


def test_leaving_ends_the_group():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    nodes.leave_group()
    assert not torch.distributed.is_initialized()
    nodes.leave_group()  # a training on one node has no group


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["kd", "joint_grad"])
def test_two_nodes_end_as_one(recipe, tmp_path, approach):
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(training(recipe, approach, one)) == 0
    first, further = launch(training(recipe, approach, two), 2)
    assert (first[0], further) == (0, (0, "")), first[1] + further[1]
    assert "epoch 2/2" in first[1] and (two / "train.1.log").exists()
    for part in ("enh", "asr") if approach == "joint_grad" else ("enh",):
        ours, theirs = (torch.load(run / part / "model.pth", weights_only=True) for run in (one, two))
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert torch.allclose(value, theirs[name], rtol=1e-5, atol=1e-6), name
