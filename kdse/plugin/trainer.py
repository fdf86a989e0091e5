"""One ESPnet training run: logs into its folder, a line per epoch for the user, resume after a kill."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdse.core import nodes
from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.files import check_keys, dump_yaml, fingerprint, write_text
from kdse.core.progress import say
from kdse.core.step import Step, changes
from kdse.plugin.epoch_lines import training_logs
from kdse.plugin.explain import explain
from kdse.plugin.patches import atomic_checkpoints
from kdse.plugin.task import DistillationTask, MixingASRTask, TwoStepTask

TASKS = {"asr": MixingASRTask, "se": DistillationTask, "se_two_step": TwoStepTask}
# what ESPnet's reporter puts into a checkpoint beside tensors
REPORTED = [timedelta, np.dtype, np._core.multiarray.scalar, *(type(np.dtype(kind)) for kind in "?ilqfd")]


def train(kind: str, config: dict[str, Any], out: Path, step: Step, prepare: Callable[[Path], dict[str, Any]], extra: list) -> None:
    """Run ESPnet's trainer in this process, from the last finished epoch if the same run was cut before.

    Args:
        kind: a name of `TASKS`.
        config: ESPnet options; unknown ones are refused with the nearest known one.
        out: experiment folder.
        step: what the run depends on; a run cut under another configuration starts anew.
        prepare: writes token lists and shape files into `out` and returns the options that name them.
        extra: (mode, [path, name, type]) of further data, e.g. texts.
    """
    task = TASKS[kind]
    check_keys(config, vars(task.get_parser().parse_args([])), "training config")
    before = _continue_or_clear(out, step)
    try:
        _run(task, config, out, prepare, extra)
    except BaseException:
        if before is not None and not (out / "checkpoint.pth").exists():  # the old run is better than none
            shutil.rmtree(out)
            before.rename(out)
            say(f"{out.name}: nothing was trained, the run of before is kept")
        raise
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)
    say(f"{out.name}: trained, log in {out / 'train.log'}")


def _run(task, config: dict[str, Any], out: Path, prepare: Callable[[Path], dict[str, Any]], extra: list) -> None:
    config = {**config, **prepare(out), "output_dir": str(out), "resume": True}
    for mode, entry in extra:
        config[f"{mode}_data_path_and_name_and_type"].append(entry)
    write_text(out / "train.yaml", dump_yaml(config))
    nodes.announce("train")
    _main(task, out, config.get("max_epoch", 40))


def train_along(kind: str, out: Path) -> None:
    """The same training as the first node's, which writes all files but this node's log."""
    _main(TASKS[kind], out, 0)


def _main(task, out: Path, epochs: int) -> None:
    """Run ESPnet's trainer as `out`/train.yaml says."""
    log = out / (f"train.{nodes.rank()}.log" if nodes.rank() else "train.log")
    try:
        with training_logs(log, out.name, epochs), atomic_checkpoints():
            task.main(cmd=["--config", str(out / "train.yaml")])
        nodes.leave_group()
    except (TypeError, ValueError, UserError) as e:
        explained = explain(e)
        if explained is None:
            raise
        raise explained from e
    except SystemExit as e:  # ESPnet's argument parser, whose words went to the log
        if not e.code:
            raise
        last = log.read_text(encoding="utf-8").splitlines()[-1:]
        raise UserError(f"training config: {''.join(last).rpartition('error: ')[2]}") from e


def clean(out: Path) -> None:
    """Drop per-epoch models and the optimiser's state of a finished run; they are ten times its size."""
    for path in [
        *out.glob("*epoch.pth"),
        *out.glob("*.ave*.pth"),
        *out.glob("*.best.pth"),
        out / "latest.pth",
        out / "checkpoint.pth",
    ]:
        path.unlink(missing_ok=True)


def _continue_or_clear(out: Path, step: Step) -> Path | None:
    """Keep a cut run of the same configuration; put one of another aside and return where, but nothing that is no run."""
    aside = out.parent / f".before-{out.name}"
    if aside.exists() and not (out / "checkpoint.pth").exists():  # a kill came before the first epoch
        shutil.rmtree(out, ignore_errors=True)
        aside.rename(out)
    started = out / "started.json"
    if started.exists():
        old = json.loads(started.read_text(encoding="utf-8"))
        if fingerprint(old) != fingerprint(step.config):
            say(f"{out.name}: starts anew, because {changes(old, step.config)}")
            shutil.rmtree(aside, ignore_errors=True)
            out.rename(aside)
        elif (out / "checkpoint.pth").exists():
            _complete_epoch(out)
            say(f"{out.name}: was cut before, goes on from its last finished epoch")
    elif out.exists() and any(not path.name.startswith(".part-") for path in out.iterdir()):
        raise UserError(f"{out} holds no training run but other files; remove them, or give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_text(started, json.dumps(step.config, indent=1, sort_keys=True))
    return aside if aside.exists() else None


def _complete_epoch(out: Path) -> None:
    """Write the last epoch's model again where a kill came between it and the checkpoint: ESPnet averages these files at the end.

    Raises: UserError where the checkpoint cannot be read.
    """
    path = out / "checkpoint.pth"
    try:
        states = read_checkpoint(path)
        model = out / f"{states['reporter']['epoch']}epoch.pth"
    except Exception as e:  # torch raises pickle, zip, runtime and value errors alike for a file that is not a checkpoint
        raise UserError(f"{path} is not a readable checkpoint ({type(e).__name__}); remove {out} to train it anew") from e
    if not model.exists():
        with atomic_path(model) as part:
            torch.save(states["model"], part)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """ESPnet's checkpoint of a training: model, optimizers, schedulers, reporter."""
    with torch.serialization.safe_globals(REPORTED):
        return torch.load(path, map_location="cpu", weights_only=True)
