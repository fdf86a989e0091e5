"""ESPnet's options of optimisers and learning rates that follow from others."""

from typing import Any

from kdse.core.errors import UserError


def one_cycle(config: dict[str, Any]) -> dict[str, Any]:
    """The options of `onecyclelr`: its cycle is as long as the training unless `total_steps` says otherwise.

    Raises: UserError for numbers that are none, and for a cycle shorter than the training.
    """
    for name in ("max_epoch", "num_iters_per_epoch", "accum_grad"):
        value = config.get(name, 1)
        if not (type(value) is int and value > 0) and not (value is None and name == "num_iters_per_epoch"):
            raise UserError(f"training config: {name} takes a whole number of 1 or more, not {value!r}")
    epochs, length = config.get("max_epoch"), config.get("num_iters_per_epoch")  # without a length, an epoch is all data
    if config.get("scheduler") != "onecyclelr" or not (epochs and length):
        return {}
    updates = epochs * length // config.get("accum_grad", 1)
    conf = {"total_steps": updates, **config.get("scheduler_conf", {})}
    if type(conf["total_steps"]) is not int:
        raise UserError(f"scheduler_conf: total_steps takes a whole number, not {conf['total_steps']!r}")
    if conf["total_steps"] < updates:
        raise UserError(f"scheduler_conf: total_steps {conf['total_steps']} is less than the {updates} updates of the training")
    return {"scheduler_conf": conf}


def twice(config: dict[str, Any]) -> dict[str, Any]:
    """The options of the second optimiser of an approach that has two: those of the first."""
    shared = ("optim", "optim_conf", "scheduler", "scheduler_conf")
    return {name.replace("optim", "optim2").replace("scheduler", "scheduler2"): config[name] for name in shared if name in config}
