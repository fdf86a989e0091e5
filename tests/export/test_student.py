"""`kdse export` on trained runs: files that say what they are and give ESPnet's samples, or one sentence."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from kdse.apply.enhancer import Enhancer
from kdse.cli import main
from kdse.core.files import read_yaml
from kdse.data.audio import read_audio
from kdse.export import student as module
from kdse.export.student import Student
from kdse.nets.dccrn import DCCRN
from kdse.plugin.load import load_front_end
from kdse.runs.record import read_run
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage

SHARED = Path(__file__).resolve().parents[3] / "shared/data"


@pytest.fixture
def run(standalone, tmp_path) -> Path:
    """A finished run that may be changed."""
    return shutil.copytree(standalone[0], tmp_path / standalone[0].name)


@pytest.fixture(autouse=True)
def seconds(monkeypatch) -> int:
    """Fewer than a minute are compared, as often as here."""
    monkeypatch.setattr(module, "SECONDS", 3)
    return 3


def exported(run: Path, *options: str) -> dict[str, str]:
    assert main(["export", "--run", str(run), *options]) == 0
    return Model.load(run / "export/model.onnx").metadata


def refusal(run: Path, capsys, *options: str) -> str:
    """What is printed where an export is refused, once, and nothing is written."""
    capsys.readouterr()
    assert main(["export", "--run", str(run), *options]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and not (run / "export").exists()
    return err.removeprefix("kdse export: ").strip()


@pytest.mark.parametrize("trained", ["standalone", "kd"])
def test_files_say_what_they_are(trained, request, tmp_path):
    run = shutil.copytree(request.getfixturevalue(trained)[0], tmp_path / f"{trained}_tiny_seed0")
    about, record = exported(run), read_run(run)
    stated = {
        "model_type": "gtcrn",
        "version": "1",
        "sample_rate": "16000",
        "n_fft": "512",
        "hop_length": "256",
        "window_length": "512",
        "window_type": "hann",
        "floor_db": "-inf",
        "exponent": "1",
        "mix": "0",
        "network": "DCCRN",
        "weights": "float32",
        "name": record["run"],
        "approach": trained if trained == "kd" else "standalone_se",
        "corpus": "tiny",
        "seed": "0",
        "tra_cache_shape": "2,1,5",
        "inter_cache_shape": "2,1,5",
    }
    assert stated.items() <= about.items()
    assert about["teacher"] == str(record["teacher"]) if record["teacher"] is not None else "teacher" not in about
    net = load_front_end(run)[0].separator.net
    assert int(about["parameters"]) == sum(p.numel() for p in net.parameters())
    small = Model.load(run / "export/model.int8.onnx").metadata
    assert small | {"weights": "float32"} == about and small["weights"] == "int8"
    assert sorted(path.name for path in (run / "export").iterdir()) == [".done", "model.int8.onnx", "model.onnx"]


def test_samples_are_those_of_espnet(run, noisy):
    """Of the model that stage 7 enhances with, but for the end, where it divides by the rim of its last window."""
    exported(run)
    model, _ = load_front_end(run)
    with torch.inference_mode():
        wave, lengths = torch.from_numpy(noisy)[None], torch.tensor([len(noisy)])
        spectrum, frames = model.encoder(wave, lengths)
        [masked], _, _ = model.separator(spectrum, frames)
        wanted, _ = model.decoder(masked, lengths)
    got = Enhancer.from_pretrained(run)(noisy, 16000)
    whole = len(noisy) // 256 * 256
    np.testing.assert_allclose(got[:whole], wanted[0, :whole], rtol=0, atol=1e-4)
    assert np.abs(got - noisy).max() > 0.01


def test_what_is_done_is_skipped_until_its_options_change(run, capsys):
    assert exported(run)["mix"] == "0"
    files = {path: path.stat().st_mtime_ns for path in (run / "export").iterdir()}
    capsys.readouterr()
    exported(run)
    assert "done before, skipped" in capsys.readouterr().out
    assert files == {path: path.stat().st_mtime_ns for path in (run / "export").iterdir()}
    changed = exported(run, "--mix", "0.2", "--floor", "-16", "--exponent", "0.8")
    assert (changed["floor_db"], changed["exponent"], changed["mix"]) == ("-16", "0.8", "0.2")
    assert "runs again, because output.exponent changed from 1.0 to 0.8; output.floor_db changed" in capsys.readouterr().out
    assert Enhancer.from_pretrained(run).output == OutputStage(-16, 0.8, 0.2)
    (run / ".done").write_text((run / ".done").read_text().replace('"hash": "', '"hash": "1'))
    exported(run, "--mix", "0.2", "--floor", "-16", "--exponent", "0.8")
    assert "runs again, because model changed" in capsys.readouterr().out


def test_speech_of_a_set_is_compared(run, noisy_set, capsys, seconds):
    exported(run, "--check", str(noisy_set))
    lines = re.findall(
        r"model(\.int8)?\.onnx: \d+ kB; in (\S+) s of noisy speech at most (\S+) from torch", capsys.readouterr().out
    )
    assert [small for small, *_ in lines] == ["", ".int8"]
    wav = {path.stem: len(read_audio(str(path), path.stem)) for path in (noisy_set.parents[1] / "wav").iterdir()}
    assert float(lines[0][1]) == round(min(seconds, sum(wav.values()) / 16000)) and float(lines[0][2]) < 1e-4


def test_a_run_that_is_not_finished(run, tmp_path, capsys):
    (run / ".done").unlink()
    assert refusal(run, capsys) == f"{run} holds no finished front end; run stages 4 and 6 first"
    assert refusal(tmp_path / "gone", capsys) == f"{tmp_path / 'gone'} holds no finished front end; run stages 4 and 6 first"


def test_a_recogniser_is_no_front_end(backend, capsys):
    assert refusal(backend, capsys) == f"{backend} holds no finished front end; run stages 4 and 6 first"


def test_options_outside_their_range(run, capsys):
    assert refusal(run, capsys, "--mix", "1.5") == "the mix is a share of the noisy signal from 0 to 1, not 1.5"
    assert refusal(run, capsys, "--floor", "3") == "the floor is a gain in dB, 0 or less, not 3"


def test_an_se_teacher_is_refused(packs, student_yaml, yaml_file, tmp_path, capsys):
    """ESPnet's Conformer looks ahead."""
    sizes = {"num_spk": 1, "adim": 8, "aheads": 2, "layers": 1, "linear_units": 8, "conformer_enc_kernel_size": 3}
    teacher = read_yaml(student_yaml) | {"separator": "conformer", "separator_conf": sizes, "max_epoch": 1}
    config, out = yaml_file(tmp_path / "teacher.yaml", teacher), tmp_path / "se_teacher"
    words = ["--approach", "standalone_se", "--config", config, "--out", out, "--dump", packs, "--corpus", "tiny"]
    assert main(["train", "se", *map(str, words)]) == 0
    assert refusal(out, capsys) == f"{out} cannot be exported for single frames, because it has the separator conformer"


PLAIN = "only a plain STFT with a Hann window, centred and one-sided, can be exported"
LEVEL = "cannot be exported for single frames, because it normalises the level of the whole utterance"


@pytest.mark.parametrize(
    "part, options, sentence",
    [
        ("model_conf", {"normalize_variance": True}, LEVEL),
        ("encoder_conf", {"normalized": True}, PLAIN),
        ("encoder_conf", {"window": "hamming"}, PLAIN),
        ("encoder_conf", {"center": False}, PLAIN),
    ],
)
def test_what_a_frame_cannot_do(run, yaml_file, capsys, part, options, sentence):
    config = read_yaml(run / "enh/config.yaml")
    yaml_file(run / "enh/config.yaml", config | {part: config[part] | options})
    assert sentence in refusal(run, capsys)


def test_a_file_that_is_not_torch_is_not_written(run, capsys, monkeypatch):
    monkeypatch.setattr(Student, "difference", lambda *_: (0.01, 20.0))
    assert refusal(run, capsys) == f"{run}: samples of the ONNX file differ from torch's by 1.0e-02, more than 0.0001"


def test_the_check_sees_a_difference(run, noisy):
    """Of another network, and of one weight."""
    student = Student.of(run)
    model = Model(student.onnx(OutputStage(floor_db=-3, mix=0.5)), "model.onnx")
    largest, snr = student.difference(model, noisy)
    assert largest < 1e-6 and snr > 100  # without floor and mix
    with torch.no_grad():
        student.net.last.real += 0.05
    largest, snr = student.difference(model, noisy)
    assert largest > 1e-4 and snr < 60


def real_noisy_speech(seconds: int) -> np.ndarray:
    """float32 (N,): utterances of LibriSpeech one after another, and noises of split `train` at 5 dB."""
    speech, noises = sorted((SHARED / "LibriSpeech/test-other").rglob("*.flac")), sorted((SHARED / "noise/train").rglob("*.flac"))
    waves = []
    for paths in (speech, noises):
        parts = []
        while sum(map(len, parts)) < seconds * 16000:
            parts.append(read_audio(str(paths[len(parts)]), "part") / 32768)
        waves.append(np.concatenate(parts)[: seconds * 16000])
    gain = np.std(waves[0]) / np.std(waves[1]) * 10 ** (-5 / 20)
    return (waves[0] + gain * waves[1]).astype(np.float32)


@pytest.mark.skipif(not SHARED.is_dir(), reason="there are no recordings in ../shared/data")
@pytest.mark.parametrize("name", ["bandcrn-m", "dccrn-m"])
def test_a_minute_of_real_noisy_speech(net_of, name):
    record = dict.fromkeys(("run", "approach", "corpus", "teacher", "seed"))
    student, noisy = Student(net_of(name), {"n_fft": 512, "hop_length": 256}, record), real_noisy_speech(60)
    assert isinstance(student.net, DCCRN) == (name == "dccrn-m")
    largest, snr = student.difference(Model(student.onnx(OutputStage()), name), noisy)
    assert largest <= 1e-4 and snr > 80
    largest, snr = student.difference(Model(student.onnx(OutputStage(), int8=True), name), noisy)
    assert largest > 1e-4 and snr > 20
