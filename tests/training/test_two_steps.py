"""joint_aso: each minibatch is served twice, first to the front end's optimiser, then to that of both networks."""

import argparse
import itertools
from pathlib import Path

import pytest
import torch

from kdse.bench.train import batches_of
from kdse.cli import main
from kdse.core.files import read_yaml
from kdse.plugin.task import TwoStepTask

CONF = Path(__file__).resolve().parents[2] / "conf" / "approach"


@pytest.fixture(scope="module")
def run(packs, train_se, backend):
    out = packs.parent / "exp" / "joint_aso_tiny_seed0"
    assert train_se(out, "joint_aso", "--backend", backend, "--data", packs.parent / "data") == 0
    return out


def test_each_step_updates_what_the_algorithm_names(run):
    args = argparse.Namespace(**read_yaml(run / "config.yaml"))
    model = TwoStepTask.build_model(args).train()
    optimisers = TwoStepTask.build_optimizers(args, model)
    batches = list(itertools.islice(batches_of(TwoStepTask, args), 4))
    assert [batch["optimiser"] for batch in batches] == [0, 1, 0, 1]
    assert all(torch.equal(batches[n]["speech_mix"], batches[n + 1]["speech_mix"]) for n in (0, 2))
    for batch in batches:
        before = {name: value.clone() for name, value in model.named_parameters()}
        found = model(**batch)
        assert found["optim_idx"] == batch["optimiser"]
        found["loss"].backward()
        optimisers[found["optim_idx"]].step()
        optimisers[found["optim_idx"]].zero_grad()
        moved = {name.partition(".")[0] for name, value in model.named_parameters() if not torch.equal(value, before[name])}
        assert moved == ({"enh_model"} if batch["optimiser"] == 0 else {"enh_model", "asr_model"})
        assert all(p.grad is None for p in model.parameters())


def test_both_optimisers_made_as_many_updates_as_there_are_minibatches(run):
    assert read_yaml(run / "run.yaml")["training"]["updates"] == [4, 4]


def test_an_optimiser_that_counts_no_updates(packs, train_se, tmp_path):
    assert train_se(tmp_path / "sgd", "standalone_se", optim="sgd", optim_conf={"lr": 0.001, "momentum": 0.9}) == 0
    assert read_yaml(tmp_path / "sgd" / "run.yaml")["training"]["updates"] == []


def test_a_joint_run_has_a_recogniser_of_its_own(run, backend):
    about = read_yaml(run / "run.yaml")
    assert (about["backend"], about["teacher"]) == (run.name, backend.name)
    assert read_yaml(run / "asr" / "config.yaml") == read_yaml(backend / "config.yaml")


def test_accumulation_is_refused(tmp_path, packs, train_se, backend, capsys):
    given = ("--backend", backend, "--data", packs.parent / "data")
    assert train_se(tmp_path / "run", "joint_aso", *given, accum_grad=2, scheduler_conf={"max_lr": 0.005, "total_steps": 2}) == 2
    assert "approach joint_aso serves each minibatch twice and takes no accum_grad" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "approach, options, message",
    [
        ("joint_grad", [], "approach joint_grad learns from a recogniser: give --backend"),
        ("kd", ["--backend", "asr"], "approach kd learns from a recogniser: give --backend and --tokens"),
        ("joint_straight", ["--backend", "gone"], "gone is not finished; run stages 3 to 5 first"),
        ("clso", ["--backend", "asr"], "clso is d4am with other options: give --approach_config conf/approach/clso.yaml"),
        ("mct_all", ["--backend", "asr"], "approach mct_all trains no front end: its config must name one, kdse_conf: {init: RUN}"),
        ("d4am", ["--approach_config", CONF / "clso.yaml"], "clso.yaml is of approach clso, not d4am"),
    ],
)
def test_what_an_approach_lacks_is_named(tmp_path, packs, student_yaml, approach, options, message, capsys):
    words = ["--config", student_yaml, "--out", tmp_path / "run", "--dump", packs, "--corpus", "tiny", *options]
    assert main(["train", "se", "--approach", approach, *map(str, words)]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_start_that_is_missing_is_named(tmp_path, train_se, capsys):
    assert train_se(tmp_path / "run", "standalone_se", kdse_conf={"init": "gone_seed0"}) == 2
    assert f"{tmp_path}/gone_seed0 is not finished; run stage 4 first" in capsys.readouterr().err


def test_a_warm_start_begins_with_the_other_runs_weights(standalone, train_se, watched, weights, same):
    out = standalone[0].parent / "standalone_se_warm_seed0"
    with watched() as seen:
        assert train_se(out, "standalone_se", kdse_conf={"init": standalone[0].name}) == 0
    start = {name.removeprefix("enh_model."): value for name, value in seen.start.items()}
    assert same(start, weights(standalone[0])) and not same(start, weights(out))


def test_a_joint_run_is_recognised_by_its_own_backend(run, backend, tokens, standalone, kd, noisy_set, monkeypatch):
    """Beside a run that is not joint, in one command; acoustic tokens are those of the shared backend and are left out."""
    import shutil

    from kdse.recognisers.espnet import Espnet

    loaded, init = [], Espnet.__init__
    monkeypatch.setattr(Espnet, "__init__", lambda self, options, *a: loaded.append(a[0]) or init(self, options, *a))
    exp = noisy_set.parent.parent / "exp"
    runs = [shutil.copytree(source, exp / source.name) for source in (standalone[0], run, kd[0])]
    given = ["--dump", noisy_set.parent, "--sets", "tiny"]
    for name in runs:
        assert main(["enhance-sets", "--run", str(name), *map(str, given)]) == 0
    words = ["--run", *runs, "--backend", backend, "--tokens", tokens, *given]
    assert main(["decode", *map(str, words)]) == 0
    assert loaded == [backend, runs[1] / "asr"]  # the shared one once
    heard = [
        name / "decode" / listener / "tiny" for name, listener in zip(runs, (backend.name, run.name, backend.name), strict=True)
    ]
    assert [read_yaml(folder / "decode.yaml")["backend"] for folder in heard] == [backend.name, run.name, backend.name]
    assert [(folder / "tokens").exists() for folder in heard] == [True, False, True]


def test_a_tagged_run_starts_from_a_tagged_one_where_there_is_one(standalone, train_se, tmp_path, capsys):
    import shutil

    for tag in ("", "_b"):
        shutil.copytree(standalone[0], tmp_path / f"{standalone[0].name}{tag}")
    for tag, start in (("_b", "_b"), ("_c", ""), ("", "")):
        out = tmp_path / f"kd_x_seed0{tag}"
        assert train_se(out, "standalone_se", kdse_conf={"init": standalone[0].name}) == 0
        assert read_yaml(out / "train.yaml")["kdse_conf"]["init"] == f"{tmp_path}/{standalone[0].name}{start}/enh/model.pth"
