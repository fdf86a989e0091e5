"""The losses in docs/adding_a_loss.md are used as they stand there, from the function to the log of a training."""

import doctest
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kdse import losses
from kdse.losses import latent, waveform

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS, LINES, YAMLS = [], [], []
for language, code in re.findall(r"```(python|yaml)\n(.*?)```", (ROOT / "docs/adding_a_loss.md").read_text(encoding="utf-8"), re.S):
    (YAMLS if language == "yaml" else FUNCTIONS if code.startswith("def ") else LINES).append(code)


def registered(code: str, line: str, module, registry: dict, patch: pytest.MonkeyPatch) -> Callable:
    """Do what the page says: the function in its module, the line in the registry. Return the function."""
    names = dict(vars(module))
    exec(compile(code, "docs/adding_a_loss.md", "exec"), names)
    ((key, value),) = eval(f"{{{line}}}", {"Term": losses.Term, **names}).items()
    patch.setitem(registry, key, value)
    return value.loss if isinstance(value, losses.Term) else value


def check_docstring(loss: Callable) -> None:
    """Its doctest holds."""
    examples = doctest.DocTestFinder().find(loss, loss.__name__, globs=loss.__globals__)
    assert sum(len(test.examples) for test in examples) >= 2
    runner = doctest.DocTestRunner()
    for test in examples:
        assert runner.run(test).failed == 0


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A recipe's folder with a conf of its own, below the repository's conf."""
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    (tmp_path / "egs/mini/kd1/conf/approach").mkdir(parents=True)
    return tmp_path / "egs/mini/kd1"


def test_a_loss_of_waveforms(recipe, train_se, monkeypatch, capsys):
    loss = registered(FUNCTIONS[0], LINES[0], waveform, losses.WAVEFORM_LOSSES, monkeypatch)
    check_docstring(loss)
    config = recipe / "conf/approach/standalone_se.yaml"
    config.write_text(YAMLS[0], encoding="utf-8")
    assert train_se(recipe / "exp/run", "standalone_se", "--approach_config", config) == 0
    shown = re.findall(r"epoch \d/2, train loss (\S+), dev loss (\S+), l_r (\S+);", capsys.readouterr().out)
    assert len(shown) == 2 and all(0 < float(value) < 10 for line in shown for value in line)  # an SNR would be in decibels


def test_a_distillation_term(recipe, train_se, backend, tokens, weights, same, kd, monkeypatch, capsys):
    """Epoch lines, ESPnet's log and TensorBoard have it by its name; the student is another than without it."""
    loss = registered(FUNCTIONS[1], LINES[1], latent, losses.DISTILLATION_TERMS, monkeypatch)
    check_docstring(loss)
    config = recipe / "conf/approach/kd.yaml"
    config.write_text(YAMLS[1], encoding="utf-8")
    run = recipe / "exp/run"
    assert train_se(run, "kd", "--approach_config", config, "--backend", backend, "--tokens", tokens) == 0
    lines = re.findall(r"epoch \d/2, train loss \S+, dev (loss .*);", capsys.readouterr().out)
    assert len(lines) == 2 and all(re.search(r"\bl_absolute [\d.]+", line) for line in lines)
    assert re.search(r"\[valid\].*l_absolute=", (run / "train.log").read_text(encoding="utf-8"))
    assert b"l_absolute" in b"".join(path.read_bytes() for path in (run / "tensorboard").rglob("*tfevents*"))
    assert not same(weights(run), weights(kd[0]))
