"""A training that was cut goes on from its last finished epoch and ends where an uncut one ends, bit for bit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdse.plugin.preprocess import EpochIterFactory
from kdse.training import se


@pytest.fixture
def cut(train_se):
    """cut(out, approach, epoch) trains and is interrupted after the first batch of that epoch."""

    def run(out: Path, epoch: int, *options: object) -> int:
        build = EpochIterFactory.build_iter

        def cutting(self, number: int, shuffle=None):
            batches = build(self, number, shuffle)
            if number < epoch:
                return batches

            def some():
                yield next(iter(batches))
                raise KeyboardInterrupt

            return some()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EpochIterFactory, "build_iter", cutting)
            return train_se(out, "standalone_se", *options)

    return run


def unfinished(out: Path) -> bool:
    return not any((out / name).exists() for name in (".done", "run.yaml", "enh"))


def test_a_cut_run_ends_as_an_uncut_one(standalone, cut, train_se, watched, weights, same, tmp_path, capsys):
    assert cut(tmp_path / "run", 2) == 130 and unfinished(tmp_path / "run")
    assert "run the same command again to go on" in capsys.readouterr().err
    with watched() as seen:
        assert train_se(tmp_path / "run", "standalone_se") == 0
    assert "goes on from its last finished epoch" in capsys.readouterr().out
    assert seen.batches == standalone[1].batches[4:]  # the second epoch alone, from its beginning
    assert same(weights(tmp_path / "run"), weights(standalone[0]))


def test_a_run_cut_in_its_first_epoch_begins_again(standalone, cut, train_se, watched, weights, same, tmp_path):
    assert cut(tmp_path / "run", 1) == 130 and unfinished(tmp_path / "run")
    with watched() as seen:
        assert train_se(tmp_path / "run", "standalone_se") == 0
    assert seen.batches == standalone[1].batches
    assert same(weights(tmp_path / "run"), weights(standalone[0]))


def test_a_run_cut_after_its_last_epoch_is_only_finished(standalone, train_se, watched, weights, same, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(se, "finish_front_end", interrupt)
        assert train_se(tmp_path / "run", "standalone_se") == 130
    with watched() as seen:
        assert train_se(tmp_path / "run", "standalone_se") == 0
    assert seen.batches == [] and same(weights(tmp_path / "run"), weights(standalone[0]))


def test_a_kill_between_the_two_files_of_an_epoch(standalone, cut, train_se, weights, same, tmp_path):
    """ESPnet writes checkpoint.pth, then 1epoch.pth, and averages the latter at the end."""
    assert cut(tmp_path / "run", 2) == 130
    (tmp_path / "run" / "1epoch.pth").unlink()
    assert train_se(tmp_path / "run", "standalone_se") == 0
    assert same(weights(tmp_path / "run"), weights(standalone[0]))


def test_a_damaged_checkpoint_is_named(cut, train_se, tmp_path, capsys):
    assert cut(tmp_path / "run", 2) == 130
    checkpoint = tmp_path / "run" / "checkpoint.pth"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    capsys.readouterr()
    assert train_se(tmp_path / "run", "standalone_se") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "checkpoint.pth is not a readable checkpoint" in line and "remove" in line


def test_a_changed_config_starts_anew_and_says_why(cut, train_se, watched, tmp_path, capsys):
    assert cut(tmp_path / "run", 2) == 130
    (tmp_path / "run" / "of the old run").touch()
    with watched() as seen:
        assert train_se(tmp_path / "run", "standalone_se", optim_conf={"lr": 0.004}) == 0
    assert "starts anew, because config.optim_conf.lr changed from 0.005 to 0.004" in capsys.readouterr().out
    assert len(seen.batches) == 8 and not (tmp_path / "run" / "of the old run").exists()


def test_a_finished_run_is_skipped_and_says_so(standalone, train_se, watched, snapshot, capsys):
    out, _ = standalone
    before = snapshot(out)
    with watched() as seen:
        assert train_se(out, "standalone_se") == 0
    assert "train standalone_se_tiny_seed0: done before, skipped" in capsys.readouterr().out
    assert seen.batches == [] and snapshot(out) == before


def test_a_finished_run_is_skipped_without_espnet(standalone, packs, student_yaml):
    """Its import takes seconds, and a recipe skips many runs."""
    words = ["train", "se", "--approach", "standalone_se", "--config", student_yaml, "--out", standalone[0], "--dump", packs]
    code = f"import sys; from kdse.cli import main; assert main({[*map(str, words), '--corpus', 'tiny']}) == 0"
    done = subprocess.run([sys.executable, "-c", f"{code}; assert 'espnet2' not in sys.modules"], capture_output=True, text=True)
    assert done.returncode == 0 and "done before, skipped" in done.stdout, done.stderr


def test_devices_and_workers_do_not_make_another_run(standalone, train_se, capsys):
    out, _ = standalone
    assert train_se(out, "standalone_se", "--num_nodes", 1, num_workers=3) == 0
    assert "skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, why",
    [
        (("--seed", 1), "config.seed changed from 0 to 1"),
        (("--corpus", "other"), "config.mix_conf.corpus changed from tiny to other"),
    ],
)
def test_a_finished_run_of_another_config_runs_again(standalone, train_se, tmp_path, monkeypatch, capsys, options, why):
    out = tmp_path / standalone[0].name
    shutil.copytree(standalone[0], out)

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(se, "train", stop)
    assert train_se(out, "standalone_se", *options) == 130
    said = capsys.readouterr().out
    assert "runs again, because" in said and why in said


def test_a_new_teacher_makes_another_run(kd, backend, tokens, train_se, monkeypatch, capsys):
    """The tokens were made anew with other settings: `kd` depends on them."""

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    done = (tokens / ".done").read_text()
    marker = (kd[0] / ".done").read_text()
    monkeypatch.setattr(se, "train", stop)
    try:
        (tokens / ".done").write_text(done.replace('"hash": "', '"hash": "f'))
        assert train_se(kd[0], "kd", "--backend", backend, "--tokens", tokens) == 130
    finally:
        (tokens / ".done").write_text(done)
        (kd[0] / ".done").write_text(marker)
    assert f"runs again, because teachers.{tokens} changed" in capsys.readouterr().out


def test_what_is_no_run_is_not_removed(train_se, tmp_path, capsys):
    """`--out exp` for `--out exp/run` must not cost the experiments."""
    (tmp_path / "exp" / "precious").mkdir(parents=True)
    assert train_se(tmp_path / "exp", "standalone_se") == 2
    assert "exp holds no training run" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "exp").iterdir()] == ["precious"]
