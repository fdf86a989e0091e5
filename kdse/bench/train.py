"""`kdse bench train`: how fast the trainings of a recipe are, loader and optimiser included, as ratios of one run."""

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdse.bench.harness import Case, Spent, check_positive, clock, measure, memory_mb
from kdse.bench.stock_joint import dev_set, joint_config
from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.core.progress import say
from kdse.data.audio import RATE
from kdse.plugin.espnet import DistributedOption, EnhS2TTask
from kdse.plugin.task import DistillationTask, MixingASRTask

CASES = ("backend", "standalone_se", "kd", "kd, live targets", "frozen encoder", "ESPnet enh_s2t")
"""What is timed. The frozen encoder is one forward of the recogniser and one backward to its input, on kd's batches. ESPnet's own
joint training has the same front end and recogniser, trains both, and reads speech that was mixed before, with its own loader."""
AIMS = {"backend": 110.0, "kd": 60.0}
"""Seconds of audio a second, on two cores."""
WARM_UP = 5

Batch = dict[str, torch.Tensor]
Update = Callable[[Batch], None]
Measured = dict[str, float]


def run(*, backend: Path, kd: Path, updates: int) -> None:
    """Time every case in a process of its own, one after another, and print the table.

    Args:
        backend: folder of stage 3.
        kd: a kd run of stage 6.
        updates: timed updates of each case.
    """
    check_positive(updates=updates)
    for folder in (backend, kd):
        if not (folder / "train.yaml").exists():
            raise UserError(f"{folder} is no training; run the recipe's stages 3 to 6 first, then this in the recipe's folder")
    data = dev_set(read_yaml(kd / "train.yaml"))
    for needed in (backend / "config.yaml", data / "spk1.scp"):
        if not needed.exists():
            raise UserError(f"there is no {needed}; run the recipe's stages 2 to 6 first, then this in the recipe's folder")
    measured = {}
    for name in CASES:
        case = Case.of(name, "kdse.bench.train:time_case", case=name, backend=backend, kd=kd, updates=updates)
        measured[name] = measure_training(case)
    print(table(measured))


def measure_training(case: Case) -> Measured:
    """The result of a training's case, measured alone; says how long it took."""
    measured = measure(case)
    say(f"{case.label}: {measured['updates']} minibatches in {measured['seconds']:.1f} s")
    return measured


def table(measured: dict[str, Measured]) -> str:
    """The numbers side by side, and what kd costs beside its parts."""
    lines = [f"{'training':18} {'audio s/s':>10} {'aim':>5} {'s/update':>9} {'peak MB':>8}"]
    for case, m in measured.items():
        aim = f"{AIMS[case]:.0f}" if case in AIMS else ""
        speed = m["audio"] / m["seconds"]
        lines.append(f"{case:18} {speed:10.1f} {aim:>5} {m['seconds'] / m['updates']:9.3f} {m['memory']:8.0f}")
    update = {case: m["seconds"] / m["updates"] for case, m in measured.items()}
    per_second = {case: m["seconds"] / m["audio"] for case, m in measured.items()}
    over_parts = update["kd"] / (update["standalone_se"] + update["frozen encoder"])
    live, joint = update["kd, live targets"] / update["kd"], per_second["kd"] / per_second["ESPnet enh_s2t"]
    lines += [
        f"a kd update costs {over_parts:.2f} of (a standalone_se update + the frozen encoder, forward and backward); aim 1.10",
        f"computing kd's targets at every update would cost {live:.2f} of that",
        f"a second of speech costs {joint:.2f} of what it costs ESPnet's enh_s2t",
    ]
    return "\n".join(lines)


def time_case(*, case: str, backend: Path | str, kd: Path | str, updates: int) -> Measured:
    """Time one training as ESPnet's trainer does it: batch from the loader, loss, gradients, clipping, optimiser.

    Args:
        case: one of `CASES`; the others as in `run`.

    Returns: updates, seconds, unpadded seconds of audio, and the process's peak memory in MB.
    """
    backend, kd = Path(backend), Path(kd)
    config = read_yaml((backend if case == "backend" else kd) / "train.yaml")
    task = MixingASRTask if case == "backend" else DistillationTask
    if case == "standalone_se":
        config["kdse_conf"] |= {"approach": "standalone_se", "approach_conf": {}}
    if case in ("standalone_se", "kd, live targets"):
        config["train_data_path_and_name_and_type"] = config["train_data_path_and_name_and_type"][:1]  # the waveforms alone
    with tempfile.TemporaryDirectory() as scratch:
        if case == "ESPnet enh_s2t":
            config, task = joint_config(config, backend, Path(scratch)), EnhS2TTask
        training = Training(task, config)
        seconds, audio = training.timed(updates, training.encode if case == "frozen encoder" else training.update)
    return {"updates": updates, "seconds": seconds, "audio": audio, "memory": memory_mb("VmHWM")}


class Training:
    """A training as ESPnet would start it: model, optimisers, batches.

    Args:
        task: ESPnet's.
        config: its options; those that are not given have ESPnet's defaults.
    """

    def __init__(self, task: Any, config: dict[str, Any]):
        self.task = task
        self.args = argparse.Namespace(**{**vars(task.get_parser().parse_args([])), **config})
        torch.manual_seed(self.args.seed)
        self.model: nn.Module = task.build_model(self.args).train()
        self.optimisers = task.build_optimizers(self.args, self.model)

    def update(self, batch: Batch) -> None:
        """Train on a batch, as ESPnet's trainer does it; a model that returns a dict names the optimiser that moves."""
        result = self.model(**batch)
        loss, number = (result["loss"], result["optim_idx"]) if isinstance(result, dict) else (result[0], 0)
        self.optimisers[number].zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.args.grad_clip)
        self.optimisers[number].step()

    def encode(self, batch: Batch) -> None:
        """One forward of the frozen recogniser's encoder, and one backward to its input."""
        wave = batch["speech_mix"].requires_grad_(True)
        self.model.teachers[0].encode(wave, batch["speech_mix_lengths"]).latents.square().mean().backward()

    def timed(self, updates: int, update: Update) -> tuple[float, float]:
        """Seconds for `updates` batches, waiting for them included, and seconds of speech in them without padding."""
        batches = batches_of(self.task, self.args)
        for batch in itertools.islice(batches, WARM_UP):
            update(batch)
        spent, samples = Spent(), 0
        with clock(spent):
            for batch in itertools.islice(batches, updates):
                update(batch)
                lengths = batch["speech_mix_lengths"] if "speech_mix_lengths" in batch else batch["speech_lengths"]
                samples += int(lengths.sum())
        return spent.wall, samples / RATE


def batches_of(task: Any, args: argparse.Namespace) -> Iterator[Batch]:
    """The batches of epoch after epoch, as ESPnet's trainer gets them."""
    factory = task.build_iter_factory(args, DistributedOption(), "train")
    for epoch in itertools.count(1):
        for _, batch in factory.build_iter(epoch):
            yield batch
