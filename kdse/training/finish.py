"""What is kept of a training: a plain ESPnet model, and run.yaml."""

from pathlib import Path
from typing import Any

import torch

from kdse.approaches.options import backend_in
from kdse.core.atomic import atomic_path
from kdse.core.files import dump_yaml, read_text, read_yaml, write_text
from kdse.plugin.load import load_backend, load_front_end
from kdse.plugin.trainer import read_checkpoint
from kdse.runs.record import write_run
from kdse.training.plan import TrainingPlan

FRONT_END = ("encoder", "separator", "decoder", "mask_module")
"""Parts of an ESPnet enhancement model, as a config names them."""
SAVED = {"enh_model", "asr_model", "rule", "memory"}
"""What a checkpoint of `DistillationModel` holds; `rule` and `memory` are the approach's own state."""


def finish_backend(plan: TrainingPlan) -> None:
    """Keep the averaged model as `out`/model.pth and write run.yaml."""
    out = plan.out
    keep(averaged(plan), out / "model.pth")
    if plan.config.get("frontend") == "kdse_ssl":  # its weights are in the checkpoint now
        trained = read_yaml(out / "config.yaml")
        trained["frontend_conf"]["weights"] = None
        write_text(out / "config.yaml", dump_yaml(trained))
    params = sum(p.numel() for p in load_backend(out)[0].parameters())
    write_run(out, plan.config, params=params, **plan.record)


def finish_front_end(plan: TrainingPlan) -> None:
    """Write `out`/enh/{config.yaml,model.pth}, a plain ESPnet enhancement model without kdse's options; the same in `out`/asr for a
    backend that was trained too; and run.yaml."""
    out = plan.out
    parts = split(averaged(plan))
    write_text(out / "enh" / "config.yaml", dump_yaml(plain_config(read_yaml(out / "config.yaml"))))
    keep(parts["enh_model"], out / "enh" / "model.pth")
    if "asr_model" in parts:
        write_text(out / "asr" / "config.yaml", read_text(Path(backend_in(plan.config["kdse_conf"])) / "config.yaml"))
        keep(parts["asr_model"], out / "asr" / "model.pth")
    params = sum(p.numel() for p in load_front_end(out)[0].parameters())
    write_run(out, plan.config, params=params, training=effort(out), **plan.record)


def plain_config(trained: dict[str, Any]) -> dict[str, Any]:
    """The part of a training's config that makes a plain ESPnet enhancement model."""
    names = {*FRONT_END, *(f"{name}_conf" for name in FRONT_END), "model_conf", "init", "version"}
    return {name: value for name, value in trained.items() if name in names} | {"criterions": []}


def split(state: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """The parameters of each part of a checkpoint."""
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in state.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = value
    assert parts.keys() <= SAVED, "a teacher entered the checkpoint"
    return parts


def effort(out: Path) -> dict[str, Any]:
    """What a training took: updates of each optimiser, and seconds of its epochs, validation included."""
    states = read_checkpoint(out / "checkpoint.pth")
    updates = []
    for optimiser in states["optimizers"]:
        moved = next(iter(optimiser["state"].values()), {})
        if "step" in moved:  # SGD counts none
            updates.append(int(moved["step"]))
    seconds = 0.0
    for epoch in states["reporter"]["stats"].values():
        seconds += sum(epoch[mode]["time"].total_seconds() for mode in ("train", "valid"))
    return {"updates": updates, "seconds": round(seconds, 1), "threads": torch.get_num_threads()}


def averaged(plan: TrainingPlan) -> dict[str, torch.Tensor]:
    """ESPnet's average of the best epochs."""
    phase, name, _ = plan.config.get("best_model_criterion", [["valid", "loss", "min"]])[0]
    return torch.load(plan.out / f"{phase}.{name}.ave.pth", map_location="cpu", weights_only=True)


def keep(state: dict[str, torch.Tensor], path: Path) -> None:
    """Write parameters to `path`, all or nothing."""
    with atomic_path(path) as part:
        torch.save(state, part)
