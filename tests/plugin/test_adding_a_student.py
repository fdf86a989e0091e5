"""The student in docs/adding_a_student.md is made as it stands there, trained, and used by ESPnet, so that the page stays true."""

import re
import sys
import types
from pathlib import Path

import pytest
import torch
import yaml
from espnet2.bin.enh_inference import SeparateSpeech

from kdse.cli import main
from kdse.enhancers.learned import trained_enhancer
from kdse.nets.registry import STUDENTS
from kdse.plugin.register import SEPARATOR_CHOICES
from kdse.plugin.separators import SEPARATORS, separator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding_a_student.md"


@pytest.fixture
def student(tmp_path, monkeypatch, short) -> Path:
    """The page's network, registered as the page says; its YAML on a short training."""
    text = PAGE.read_text(encoding="utf-8")
    code, line = re.findall(r"```python\n(.*?)```", text, re.S)
    config, _ = re.findall(r"```yaml\n(.*?)```", text, re.S)
    name, target = re.fullmatch(r'\s*"(\w+)": "([\w.:]+)",\s*', line).groups()
    made = types.ModuleType(target.partition(":")[0])
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(code, str(PAGE), "exec"), made.__dict__)
    monkeypatch.setitem(STUDENTS, name, target)
    monkeypatch.setitem(SEPARATORS, name, separator(name))
    for choices in SEPARATOR_CHOICES:
        monkeypatch.setitem(choices.classes, name, SEPARATORS[name])
    base = short | {"criterions": [], "best_model_criterion": [["valid", "loss", "min"]]}
    for path, content in (("training/se.yaml", yaml.safe_dump(base)), ("student/gru.yaml", config)):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(content)
    return tmp_path / "student" / "gru.yaml"


def test_the_page_s_student_is_trained_and_separates_in_espnet(student, packs, tmp_path):
    """A short training, then `kdse enhance-sets` and ESPnet's SeparateSpeech give the same samples."""
    run = tmp_path / "standalone_se_gru_seed0"
    words = ["--approach", "standalone_se", "--config", student, "--out", run, "--dump", packs, "--corpus", "tiny"]
    assert main(["train", "se", *map(str, words)]) == 0
    noisy = 0.1 * torch.randn(1, 6401, generator=torch.Generator().manual_seed(0))
    [separated] = SeparateSpeech(train_config=run / "enh" / "config.yaml", model_file=run / "enh" / "model.pth")(noisy, fs=16000)
    assert torch.equal(torch.as_tensor(separated)[0], torch.from_numpy(trained_enhancer(run)(noisy[0].numpy())))
    [parameters] = re.findall(r"(\d+) k parameters", student.read_text())
    count = sum(value.numel() for value in torch.load(run / "enh" / "model.pth").values())
    assert count == pytest.approx(1000 * int(parameters), rel=0.01)


def test_a_mistake_in_its_options_is_one_sentence(student, packs, tmp_path, capsys):
    student.write_text(student.read_text().replace("units", "unitz"))
    words = ["--approach", "standalone_se", "--config", student, "--out", tmp_path / "run", "--dump", packs, "--corpus", "tiny"]
    assert main(["train", "se", *map(str, words)]) == 2
    assert capsys.readouterr().err == "kdse train: kdse_gru_mask has no option 'unitz' (did you mean 'units'?)\n"
