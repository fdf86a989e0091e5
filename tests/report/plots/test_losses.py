"""Loss curves from TensorBoard logs as ESPnet writes them."""

import pytest

from kdse import cli
from kdse.report.plots.losses import plot_losses, read_curves


@pytest.fixture
def logs(tmp_path, log):
    """Two epochs of 10 minibatches, logged within the epoch too, as ESPnet does."""
    log(
        tmp_path / "train",
        {"iter_epoch": [(10, 1), (20, 2)], "loss": [(5, 9.0), (10, 2.0), (15, 9.0), (20, 1.0)], "l_e": [(10, 0.5), (20, 0.25)]},
    )
    log(tmp_path / "valid", {"loss": [(10, 3.0), (20, 1.5)], "acc": [(10, 0.1)]})
    return tmp_path


def test_curves_are_epoch_means_of_the_losses_only(logs):
    assert read_curves(logs) == {
        "loss": {"train": ([10, 20], [2.0, 1.0]), "valid": ([10, 20], [3.0, 1.5])},
        "l_e": {"train": ([10, 20], [0.5, 0.25])},
    }


def test_a_resumed_training_counts_once(logs, log):
    log(logs / "valid", {"loss": [(20, 1.25)]})
    assert read_curves(logs)["loss"]["valid"][1][-1] in (1.25, 1.5)
    assert read_curves(logs)["loss"]["valid"][0] == [10, 20]


def test_no_logs_no_curves(tmp_path):
    assert read_curves(tmp_path / "nowhere") == {}


def test_the_same_curves_are_the_same_picture(logs, tmp_path):
    for name in ("a.png", "b.png"):
        plot_losses(read_curves(logs), "kd_seed0", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_draws_the_runs_it_finds_beside_the_experiments(experiments, log):
    log(experiments / "exp/kd_dccrn-s_seed0/tensorboard/train", {"loss": [(10, 2.0)]})
    log(experiments / "exp/not_scored_seed0/tensorboard/train", {"loss": [(10, 2.0)]})
    assert cli.main(["report", "--recipe", str(experiments)]) == 0
    drawn = sorted(p.name for p in (experiments / "exp/results/plots").iterdir())
    assert drawn == ["errors.png", "loss_kd_dccrn-s_seed0.png", "wer_by_snr.png"]
    assert "Losses of kd_dccrn-s_seed0" in (experiments / "exp/results/report.html").read_text()


def test_loss_curves_are_not_committed(recipe, log):
    log(recipe / "exp/kd_dccrn-s_seed0/tensorboard/train", {"loss": [(10, 2.0)]})
    assert cli.main(["report", "--publish", "--recipe", str(recipe)]) == 0
    assert sorted(p.name for p in (recipe / "results/plots").iterdir()) == ["errors.png", "wer_by_snr.png"]
