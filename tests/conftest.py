"""The order of tests, and what those of trained models share, made once a session: packs, a backend, tokens, runs."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.cli import main
from kdse.core.step import Step
from kdse.data.pack import Pack

ENCODER = {"output_size": 16, "attention_heads": 2, "linear_units": 16}
ASR = {
    "frontend_conf": {"n_fft": 512, "win_length": 400, "hop_length": 160, "fs": "16k", "n_mels": 20},
    "normalize": "utterance_mvn",
    "encoder": "conformer",
    "encoder_conf": ENCODER | {"num_blocks": 2, "rel_pos_type": "latest", "cnn_module_kernel": 3},
    "decoder": None,
    "model_conf": {"ctc_weight": 1.0, "report_cer": False, "report_wer": False},
    "best_model_criterion": [["valid", "loss_ctc", "min"]],
    "kdse_subwords": {"vocab_size": 12, "model_type": "char"},
}
STUDENT = {
    "criterions": [],
    "encoder": "stft",
    "encoder_conf": {"n_fft": 512, "hop_length": 256, "use_builtin_complex": True},
    "separator": "kdse_dccrn",
    "separator_conf": {"channels": [2, 3, 4], "units": 5},
    "decoder": "stft",
    "decoder_conf": {"n_fft": 512, "hop_length": 256},
    "best_model_criterion": [["valid", "loss", "min"]],
}
TRAINING = {
    "batch_type": "numel",
    "batch_bins": 24000,
    "num_workers": 0,
    "num_iters_per_epoch": 2,
    "max_epoch": 2,
    "optim": "adamw",
    "optim_conf": {"lr": 0.005},
    "scheduler": "onecyclelr",
    "scheduler_conf": {"max_lr": 0.005, "total_steps": 4},
    "keep_nbest_models": 2,
    "use_matplotlib": False,
}
TEXTS = ("GO LEFT", "STOP", "NO", "TWO", "GO ON", "RIGHT", "LEFT", "ONE", "NINE TWO")


def pytest_collection_modifyitems(items: list) -> None:
    """Move files with a test of a recipe to the front, so that no process is left alone with one at the end."""
    first = {item.path for item in items if item.get_closest_marker("recipe")}
    items.sort(key=lambda item: item.path not in first)


def speechlike(seconds: float, seed: int) -> np.ndarray:
    """int16 (N,): noise in bursts."""
    rng = np.random.default_rng(seed)
    n = int(seconds * 16000)
    return np.rint(3000 * np.clip(np.sin(np.arange(n) / 1200 + seed), 0, None) * rng.standard_normal(n)).astype(np.int16)


def write_yaml(path: Path, value: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def packs(tmp_path_factory) -> Path:
    """A dump folder with packs of speech and noise, and the data dirs that a backend's texts come from."""
    root, rng = tmp_path_factory.mktemp("recipe"), np.random.default_rng(0)
    speech = {f"u{i}": speechlike(0.5 + 0.05 * i, i) for i in range(9)}
    for part, names in (("train", list(speech)[:6]), ("dev", list(speech)[6:])):
        Pack.write(root / "dump" / "pack" / f"speech_{part}", [(utt, speech[utt]) for utt in names])
        noises = [(f"n{i}", np.rint(800 * rng.standard_normal(20000)).astype(np.int16)) for i in range(3)]
        Pack.write(root / "dump" / "pack" / f"noise_{part}", noises)
        (root / "data" / part).mkdir(parents=True)
        (root / "data" / part / "text").write_text("".join(f"{utt} {TEXTS[int(utt[1:])]}\n" for utt in names))
    return root / "dump"


@pytest.fixture(scope="session")
def student_yaml(packs) -> Path:
    return write_yaml(packs.parent / "conf" / "tiny.yaml", STUDENT | TRAINING)


@pytest.fixture(scope="session")
def short() -> dict:
    """Options of a training of four updates at most; the cycle of its learning rate is as long as it is."""
    return {key: value for key, value in TRAINING.items() if key != "scheduler_conf"} | {"scheduler_conf": {"max_lr": 0.005}}


@pytest.fixture(scope="session")
def yaml_file() -> Callable[[Path, dict], Path]:
    return write_yaml


@pytest.fixture(scope="session")
def train_asr(packs) -> Callable[..., int]:
    """train_asr(out, *options, **overrides of the YAML) -> exit code of `kdse train asr`."""

    def train(out: Path, *options: object, **overrides) -> int:
        config = write_yaml(packs.parent / "conf" / "asr.yaml", ASR | TRAINING)
        if overrides:
            config = write_yaml(out.parent / f"{out.name}.yaml", {"base": str(config), **overrides})
        words = ["--config", config, "--out", out, "--dump", packs, "--data", packs.parent / "data", "--corpus", "tiny", *options]
        return main(["train", "asr", *map(str, words)])

    return train


@pytest.fixture(scope="session")
def backend(packs, train_asr) -> Path:
    """A Conformer-CTC of two blocks after four updates by `kdse train asr`."""
    out = packs.parent / "exp" / "asr"
    assert train_asr(out) == 0
    return out


@pytest.fixture(scope="session")
def tokens(packs, backend) -> Path:
    """Four acoustic tokens of the backend's first layer."""
    out = packs.parent / "exp" / "tokens"
    config = write_yaml(packs.parent / "conf" / "tokens.yaml", {"layer": 1, "clusters": 4})
    assert main(["tokens", *map(str, ["--backend", backend, "--dump", packs, "--config", config, "--out", out])]) == 0
    return out


@pytest.fixture(scope="session")
def train_se(packs, student_yaml) -> Callable[..., int]:
    """train_se(out, approach, *options, **overrides of the YAML) -> exit code of `kdse train se`."""

    def train(out: Path, approach: str, *options: object, **overrides) -> int:
        config = student_yaml
        if overrides:
            config = write_yaml(out.parent / f"{out.name}.yaml", {"base": str(student_yaml), **overrides})
        words = ["--approach", approach, "--config", config, "--out", out, "--dump", packs, "--corpus", "tiny", *options]
        return main(["train", "se", *map(str, words)])

    return train


@dataclass
class Seen:
    """What went through the model while it was trained.

    Attributes:
        start: the front end's weights before the first update.
        batches: ("train" or "valid", hash of the noisy waveforms, hash of the clean ones), in order.
        teacher: the frozen recogniser, or None.
    """

    start: dict[str, torch.Tensor] = field(default_factory=dict)
    batches: list[tuple[str, str, str]] = field(default_factory=list)
    teacher: object = None


@pytest.fixture(scope="session")
def watched() -> Callable[[], Iterator[Seen]]:
    """`with watched() as seen:` records the trainings of the block."""
    from contextlib import contextmanager

    from kdse.plugin.model import DistillationModel

    @contextmanager
    def watch() -> Iterator[Seen]:
        seen, forward = Seen(), DistillationModel.forward

        def recording(self, speech_mix, speech_mix_lengths, speech_ref1, **rest):
            if not seen.start:
                seen.start.update({name: value.clone() for name, value in self.state_dict().items()})
            seen.teacher = next(iter(self.teachers), None)
            digests = (sha256(x.numpy().tobytes()).hexdigest() for x in (speech_mix, speech_ref1))
            seen.batches.append(("train" if self.training else "valid", *digests))
            return forward(self, speech_mix, speech_mix_lengths, speech_ref1, **rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DistillationModel, "forward", recording)
            yield seen

    return watch


@pytest.fixture(scope="session")
def standalone(packs, train_se, watched) -> tuple[Path, Seen]:
    """A finished `standalone_se` run and what was seen in it."""
    out = packs.parent / "exp" / "standalone_se_tiny_seed0"
    with watched() as seen:
        assert train_se(out, "standalone_se") == 0
    return out, seen


@pytest.fixture(scope="session")
def kd(packs, train_se, watched, backend, tokens) -> tuple[Path, Seen]:
    """A finished `kd` run and what was seen in it."""
    out = packs.parent / "exp" / "kd_tiny_seed0"
    with watched() as seen:
        assert train_se(out, "kd", "--backend", backend, "--tokens", tokens) == 0
    return out, seen


@pytest.fixture
def noisy_set(packs, tmp_path, write_wav) -> Path:
    """A finished set `tiny` of three noisy utterances in a dump folder of its own."""
    folder = tmp_path / "dump" / "tiny"
    lines = [f"t{i} {write_wav(tmp_path / 'wav' / f't{i}.wav', speechlike(0.4 + 0.2 * i, 50 + i))}\n" for i in range(3)]
    folder.mkdir(parents=True)
    (folder / "wav.scp").write_text("".join(lines))
    Step(folder, {"made": "here"}, "tiny").finish()
    return folder


@pytest.fixture(scope="session")
def write_wav() -> Callable[[Path, np.ndarray], Path]:
    import soundfile

    def write(path: Path, samples: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, 16000, subtype="PCM_16")
        return path

    return write


@pytest.fixture(scope="session")
def weights() -> Callable[[Path], dict[str, torch.Tensor]]:
    """The state dict of a run's front end."""
    return lambda run: torch.load(run / "enh" / "model.pth", weights_only=True)


@pytest.fixture(scope="session")
def same() -> Callable[[dict, dict], bool]:
    """Whether two state dicts have the same names and bits."""
    return lambda a, b: a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """All files below a folder with their content."""
    return lambda folder: {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def asr_model() -> Callable[..., torch.nn.Module]:
    """Called with an encoder and its options: a tiny CTC recogniser with random weights, built by ESPnet."""

    def build(encoder: str, **conf) -> torch.nn.Module:
        from espnet2.tasks.asr import ASRTask

        options = {
            "token_list": ["<blank>", "<unk>", "a", "<sos/eos>"],
            "frontend_conf": {"n_fft": 512, "hop_length": 160, "n_mels": 20},
            "normalize": "utterance_mvn",
            "encoder": encoder,
            "encoder_conf": ENCODER | {"num_blocks": 3} | conf,
            "decoder": None,
            "model_conf": {"ctc_weight": 1.0},
        }
        torch.manual_seed(0)
        return ASRTask.build_model(argparse.Namespace(**ASRTask.get_default_config() | options))

    return build


@pytest.fixture(scope="session")
def lived_in() -> Callable[[torch.nn.Module], torch.nn.Module]:
    """A network of 257 bins in eval mode, whose biases and statistics of batch norm are not those of a fresh one."""

    def live(net: torch.nn.Module, seed: int = 1) -> torch.nn.Module:
        random = torch.Generator().manual_seed(seed)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, mean=0.02, std=0.15, generator=random)
        net.train()(torch.randn(2, 14, 257, dtype=torch.complex64, generator=random))
        return net.eval().requires_grad_(False)

    return live


@pytest.fixture(scope="session")
def exported() -> Callable[..., bytes]:
    """exported(net, int8=False, **metadata) -> the ONNX file of a network of 257 bins, made without ESPnet."""
    from kdse.export.networks import ENHANCED, SPECTRUM, frame_graph
    from kdse.runtime.model import STATES, shape_text

    def export(net: torch.nn.Module, int8: bool = False, **metadata: object) -> bytes:
        graph, spectrum = frame_graph(net, 257, int8), (1, 257, 1, 2)
        states = {name: graph.states[name] for name in STATES}
        stft = {"sample_rate": 16000, "n_fft": 512, "hop_length": 256, "window_length": 512, "window_type": "hann"}
        shapes = {f"{name}_shape": shape_text(shape) for name, shape in states.items()}
        texts = {name: str(value) for name, value in ({"model_type": "gtcrn", "version": 1} | stft | shapes | metadata).items()}
        outputs = {ENHANCED: spectrum} | {f"{name}_out": shape for name, shape in states.items()}
        return graph.model({SPECTRUM: spectrum} | states, outputs, texts).SerializeToString()

    return export
