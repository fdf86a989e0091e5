"""A student of two recognisers."""

import re
from pathlib import Path

import pytest
import torch

from kdse.cli import main
from kdse.core.files import read_yaml
from kdse.plugin.teacher import FrozenTeacher
from kdse.runs.record import read_run


def test_the_same_teacher_twice_teaches_what_it_teaches_once(kd, backend, tokens, train_se, weights, same, tmp_path):
    out = tmp_path / "exp" / "kd_twice"
    assert train_se(out, "kd", "--backend", backend, "--tokens", tokens, "--teacher", backend, tokens) == 0
    assert same(weights(out), weights(kd[0]))


def first_epoch(run: Path) -> dict[str, float]:
    """The losses of training in the first epoch."""
    (line,) = re.findall(r"1epoch results: \[train\] (.*), \[valid\]", (run / "train.log").read_text(encoding="utf-8"))
    return {name: float(value) for name, value in re.findall(r"\b(l_\w|token_error_rate)=([-\d.e+]+)", line)}


def test_three_teachers_teach_together(kd, backend, tokens, train_se, tmp_path):
    """The same one three times has the losses that it has once; its latents are given three times."""
    out = tmp_path / "exp" / "kd_thrice"
    conf = {"teachers": 3 * [{"backend": str(backend), "tokens": str(tokens)}]}
    assert train_se(out, "kd", kdse_conf=conf) == 0
    assert first_epoch(out) == pytest.approx(first_epoch(kd[0]), rel=1e-2)
    entries = read_yaml(out / "train.yaml")["train_data_path_and_name_and_type"]
    assert [name for _, name, _ in entries] == ["speech_ref1", "target", "target2", "target3"]
    about = read_run(out)
    assert about["teachers"] == 3 * [backend.name] and about["teacher"] == " + ".join(3 * [backend.name])
    assert (about["family"], about["tag"], about["init_run"]) == ("kd_thrice", "", None)


@pytest.fixture(scope="module")
def other(packs, train_asr) -> tuple[Path, Path]:
    """Another recogniser, with another frame size and with tokens of its last layer."""
    out, tokens = packs.parent / "exp" / "asr_other", packs.parent / "exp" / "tokens_other"
    sizes = {"output_size": 12, "attention_heads": 2, "linear_units": 8, "num_blocks": 1, "input_layer": "conv2d2"}
    assert train_asr(out, "--seed", 1, encoder_conf=sizes) == 0
    assert main(["tokens", *map(str, ["--backend", out, "--dump", packs, "--out", tokens, "--config", _clusters(packs, 3)])]) == 0
    return out, tokens


def _clusters(packs: Path, number: int) -> Path:
    path = packs.parent / "conf" / "few.yaml"
    path.write_text(f"clusters: {number}\n")
    return path


def test_two_teachers_both_teach_and_neither_is_changed(
    kd, backend, tokens, other, train_se, weights, same, snapshot, tmp_path, monkeypatch
):
    """Their order does not count beyond rounding; what both make of clean speech is known before; one alone teaches otherwise."""
    cached, target = [], FrozenTeacher.target
    monkeypatch.setattr(FrozenTeacher, "target", lambda self, *args: cached.append(args[2] is not None) or target(self, *args))
    before = snapshot(other[0]), snapshot(backend)
    found = []
    for first, second in (((backend, tokens), other), (other, (backend, tokens))):
        out = tmp_path / "exp" / f"kd_{first[0].name}"
        assert train_se(out, "kd", "--backend", first[0], "--tokens", first[1], "--teacher", *second) == 0
        assert read_run(out)["teacher"] == f"{first[0].name} + {second[0].name}"
        found.append(weights(out))
    assert (snapshot(other[0]), snapshot(backend)) == before
    assert cached and all(cached)
    assert found[0].keys() == weights(kd[0]).keys() and not same(found[0], weights(kd[0]))
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, rtol=2e-3, atol=2e-4)


def test_approaches_of_one_teacher_refuse_a_second(backend, tokens, train_se, tmp_path, capsys):
    out = tmp_path / "exp" / "run"
    assert train_se(out, "standalone_se", "--teacher", backend, tokens) == 2
    assert "approach standalone_se distils no latents of a recogniser and takes no --teacher" in capsys.readouterr().err
    given = ("--backend", backend, "--tokens", tokens)
    assert train_se(out, "paap", *given, "--teacher", backend, tokens) == 2
    assert "approach paap learns from one recogniser and takes no further --teacher" in capsys.readouterr().err
    assert train_se(out, "kd", *given, "--teacher", tmp_path / "gone", tokens) == 2
    assert "gone is not finished" in capsys.readouterr().err and not out.exists()
