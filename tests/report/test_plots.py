"""Loss curves from TensorBoard logs as ESPnet writes them."""

import numpy as np
import pytest

from kdse import cli
from kdse.report.plots import plot_losses, plot_tokens, read_curves
from kdse.report.read import read_results
from kdse.tokens.codebook import write_tokens


def log(folder, values: dict[str, list[tuple[int, float]]]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))
    for tag, points in values.items():
        for step, value in points:
            writer.add_event(Event(step=step, wall_time=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)])))
    writer.close()


@pytest.fixture
def logs(tmp_path):
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


def test_a_resumed_training_counts_once(logs):
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


def test_the_report_draws_the_runs_it_finds(recipe):
    log(recipe / "exp/kd_dccrn-s_seed0/tensorboard/train", {"loss": [(10, 2.0)]})
    log(recipe / "exp/not_scored_seed0/tensorboard/train", {"loss": [(10, 2.0)]})
    assert cli.main(["report", "--recipe", str(recipe)]) == 0
    assert sorted(p.name for p in (recipe / "results/plots").iterdir()) == [
        "errors.png",
        "loss_kd_dccrn-s_seed0.png",
        "wer_by_snr.png",
    ]
    assert "Losses of kd_dccrn-s_seed0" in (recipe / "results/report.html").read_text()


def test_token_strips(recipe, tmp_path):
    """Drawn from the files of stage 8 for the systems that have them; nothing where there are none."""
    results, out = read_results(recipe), tmp_path / "tokens.png"
    assert not plot_tokens(results, tmp_path / "exp", "test_noisy", out) and not out.exists()
    for folder, tokens in {
        "tokens/clean_test_noisy": [0, 1, 2, 2],
        "mct_noisy_seed0/decode/mct_noisy_seed0/test_noisy": [0, 3, 1, 2],
        "kd_dccrn-s_seed0/decode/mct_noisy_seed0/test_noisy": [0, 1, 1, 2],
    }.items():
        (tmp_path / "exp" / folder).mkdir(parents=True)
        write_tokens(tmp_path / "exp" / folder / "tokens", {f"u1__hum__{snr}dB": np.array(tokens) for snr in (0, 5)})
    assert plot_tokens(results, tmp_path / "exp", "test_noisy", out) and out.read_bytes().startswith(b"\x89PNG")
