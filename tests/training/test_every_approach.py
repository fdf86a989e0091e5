"""What holds for every registered approach: it trains, changes what it may change and nothing else, and survives a cut."""

from pathlib import Path

import pytest
import torch

from kdse.approaches import APPROACHES, build, d4am, find
from kdse.core.config import read_config
from kdse.plugin.preprocess import EpochIterFactory

CONF = Path(__file__).resolve().parents[2] / "conf" / "approach"


def approach_of(name):
    options = read_config(CONF / f"{name}.yaml")
    assert options.pop("approach") == name
    return build(name, options)


@pytest.fixture(scope="module")
def train(packs, train_se, backend, tokens, standalone):
    """train(out, approach) with everything that an approach may ask for, and its YAML."""

    def run(out: Path, name: str, **overrides) -> int:
        if name == "mct_all":  # which trains no front end
            overrides |= {"kdse_conf": {"init": str(standalone[0])}}
        given = ["--backend", backend, "--tokens", tokens, "--se_teacher", standalone[0], "--data", packs.parent / "data"]
        return train_se(out, name, "--approach_config", CONF / f"{name}.yaml", *given, **overrides)

    return run


@pytest.fixture(scope="module", params=list(APPROACHES))
def finished(request, train, watched, tmp_path_factory):
    """(approach, its finished run, what was seen in it)."""
    out = tmp_path_factory.mktemp("runs") / f"{request.param}_tiny_seed0"
    with watched() as seen:
        assert train(out, request.param) == 0
    return request.param, out, seen


def parts_of(run: Path) -> dict[str, torch.Tensor]:
    found = {}
    for part, prefix in (("enh", "enh_model"), ("asr", "asr_model")):
        if (run / part).exists():
            state = torch.load(run / part / "model.pth", weights_only=True)
            found |= {f"{prefix}.{name}": value for name, value in state.items()}
    return found


def test_it_changes_what_it_trains_and_nothing_else(finished, backend, same):
    name, run, seen = finished
    trains, end = find(name).trains, parts_of(run)
    assert (run / "asr").exists() == ("backend" in trains)
    for part, word in (("enh_model.", "se"), ("asr_model.", "backend")):
        names = [key for key in end if key.startswith(part)]
        weights = [key for key in names if end[key].is_floating_point() and not key.endswith(("running_mean", "running_var"))]
        moved = {key for key in weights if not torch.equal(end[key], seen.start[key])}
        if word in trains:
            assert len(moved) > 0.9 * len(weights), set(weights) - moved
        else:
            assert not moved
    kept = torch.load(backend / "model.pth", weights_only=True)
    if seen.teacher is not None:
        assert same(
            {name: value.float() for name, value in seen.teacher.asr.state_dict().items()}, {k: v.float() for k, v in kept.items()}
        )
        assert not seen.teacher.asr.training and not any(p.requires_grad for p in seen.teacher.asr.parameters())


def test_it_starts_from_the_shared_weights_and_trains_on_the_shared_mixtures(finished, standalone, backend):
    name, _, seen = finished
    start = torch.load(backend / "model.pth", weights_only=True)
    for key, value in seen.start.items():
        if key.startswith("enh_model."):
            trained = torch.load(standalone[0] / "enh" / "model.pth", weights_only=True)[key.removeprefix("enh_model.")]
            assert torch.equal(value, trained if name == "mct_all" else standalone[1].start[key])
        elif key.startswith("asr_model."):
            assert torch.equal(value, start[key.removeprefix("asr_model.")])
    expected = standalone[1].batches
    if approach_of(name).optimisers == 2:  # each training minibatch twice in a row
        expected = [batch for batch in expected for _ in range(2 if batch[0] == "train" else 1)]
    assert seen.batches == expected


def stopping_at(epoch: int):
    """EpochIterFactory.build_iter that is interrupted at an epoch."""
    build_iter = EpochIterFactory.build_iter

    def cutting(self, number: int, shuffle=None):
        if number == epoch:
            raise KeyboardInterrupt
        return build_iter(self, number, shuffle)

    return cutting


def test_a_cut_run_ends_as_an_uncut_one(finished, train, tmp_path, same):
    name, whole, _ = finished
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochIterFactory, "build_iter", stopping_at(2))
        assert train(tmp_path / whole.name, name) == 130
    assert train(tmp_path / whole.name, name) == 0
    assert same(parts_of(tmp_path / whole.name), parts_of(whole))


def test_alpha_s_of_d4am_survives_a_cut(train, tmp_path, monkeypatch, same):
    """It moves after the first epoch, and what follows depends on it."""
    monkeypatch.setattr(d4am, "PERIOD", 2)
    for name, cut in (("whole", False), ("cut", True)):
        with pytest.MonkeyPatch.context() as patch:
            if cut:
                patch.setattr(EpochIterFactory, "build_iter", stopping_at(2))
                assert train(tmp_path / name, "d4am") == 130
        assert train(tmp_path / name, "d4am") == 0
    assert same(parts_of(tmp_path / "cut"), parts_of(tmp_path / "whole"))
    monkeypatch.setattr(d4am, "PERIOD", 100)  # never moves: other weights, or this test shows nothing
    assert train(tmp_path / "never", "d4am") == 0
    assert not same(parts_of(tmp_path / "never"), parts_of(tmp_path / "whole"))


def test_every_yaml_is_an_approach_and_every_approach_has_one():
    assert {path.stem for path in CONF.glob("*.yaml")} == set(APPROACHES)
    for name in APPROACHES:
        approach_of(name)
