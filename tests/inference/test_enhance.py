"""`kdse enhance-sets`: what a front end makes of a set, and models that do not fit."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.cli import main
from kdse.data.audio import read_audio
from kdse.data.datadir import read_table
from kdse.enhancers.learned import trained_enhancer


def test_enhanced_samples_are_the_model_s(run, enhance, noisy_set):
    assert enhance(run, noisy_set) == 0
    enhancer, noisy = trained_enhancer(run), read_table(noisy_set / "wav.scp")
    found = read_table(run / "enhanced" / "tiny" / "wav.scp")
    assert list(found) == sorted(noisy)
    for utt, path in found.items():
        expected = enhancer(read_audio(noisy[utt]).astype(np.float32) / 32768)
        assert np.array_equal(read_audio(path), np.clip(np.rint(expected * 32768), -32768, 32767).astype(np.int16))


def reshape(run: Path) -> str:
    config = yaml.safe_load((run / "enh" / "config.yaml").read_text())
    config["separator_conf"]["units"] = 6
    (run / "enh" / "config.yaml").write_text(yaml.safe_dump(config))
    return r"enh/model.pth is of another architecture: '\S+' is \(\d.*\) instead of \(\d"


def deepen(run: Path) -> str:
    config = yaml.safe_load((run / "enh" / "config.yaml").read_text())
    config["separator_conf"]["channels"] = [2, 3, 4, 4]
    (run / "enh" / "config.yaml").write_text(yaml.safe_dump(config))
    return r"enh/model.pth is of another architecture: "


def truncate(run: Path) -> str:
    path = run / "enh" / "model.pth"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return r"enh/model.pth is not a readable checkpoint .*; train it again"


def replace(run: Path) -> str:
    (run / "enh" / "model.pth").write_text("not a model")
    return r"enh/model.pth is not a readable checkpoint"


def remove(run: Path) -> str:
    (run / "enh" / "model.pth").unlink()
    return r"there is no checkpoint \S+enh/model.pth"


def poison(run: Path) -> str:
    path = run / "enh" / "model.pth"
    state = torch.load(path)
    torch.save({name: value * float("nan") if value.is_floating_point() else value for name, value in state.items()}, path)
    return r"front end run returned NaN for utterance t0; train it again"


def unfinish(run: Path) -> str:
    (run / ".done").unlink()
    return r"run is not finished; run stages 4 and 6 first"


@pytest.mark.parametrize(
    "damage", [reshape, deepen, truncate, replace, remove, poison, unfinish], ids=lambda damage: damage.__name__
)
def test_a_model_that_does_not_fit_is_refused(run, enhance, noisy_set, damage, capsys):
    message = damage(run)
    assert enhance(run, noisy_set) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line), line
    assert not list((run / "enhanced").glob("*")) if (run / "enhanced").exists() else True


def test_the_oracle_mask_needs_the_clean_signal(noisy_set, tmp_path, capsys):
    """Where y = s it changes nothing; a set without clean signals is refused."""
    words = ["--run", tmp_path / "oracle_irm", "--approach", "oracle_irm", "--corpus", "tiny", "--dump", noisy_set.parent]
    assert main(["enhance-sets", *map(str, words), "--sets", noisy_set.name]) == 2
    assert "has no spk1.scp; oracle_irm needs the clean signals" in capsys.readouterr().err
    assert not (tmp_path / "oracle_irm" / "enhanced").exists()
    shutil.copy(noisy_set / "wav.scp", noisy_set / "spk1.scp")
    assert main(["enhance-sets", *map(str, words), "--sets", noisy_set.name]) == 0
    for utt, path in read_table(tmp_path / "oracle_irm/enhanced/tiny/wav.scp").items():
        assert np.abs(read_audio(path).astype(int) - read_audio(read_table(noisy_set / "wav.scp")[utt])).max() <= 1
