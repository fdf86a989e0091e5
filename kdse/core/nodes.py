"""Training on several nodes: `kdse train` runs once on each. All nodes train; the first alone decides and makes files.

A launcher (utils/jobs.sh, or another) numbers the nodes by torch.distributed's variables RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. The port after MASTER_PORT carries the first node's decision.
"""

import os
from datetime import timedelta
from typing import Any

from kdse.core.errors import UserError

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(minutes=30)


def device_options(num_nodes: int, ngpu: int) -> dict[str, Any]:
    """ESPnet's options of devices.

    Raises: UserError where the launcher's variables are not those of `num_nodes` nodes.
    """
    world = os.environ.get("WORLD_SIZE", "1")
    missing = [name for name in VARIABLES if name not in os.environ]
    if num_nodes > 1 and missing:
        raise UserError(
            f"--num_nodes {num_nodes} needs a launcher that sets {', '.join(missing)}: utils/jobs.sh --where slurm does"
        )
    if world != str(num_nodes):
        raise UserError(f"--num_nodes is {num_nodes}, but WORLD_SIZE in the environment is {world}; make them agree")
    devices = {"ngpu": ngpu, "multiprocessing_distributed": ngpu > 1 or num_nodes > 1}
    if num_nodes > 1 and not ngpu:
        devices["dist_backend"] = "gloo"
    return devices


def rank() -> int:
    """The number of this node, 0 for the first and for the only one."""
    return int(os.environ["RANK"]) if _others() else 0


def announce(decision: str) -> None:
    """As the first node, send the others a decision and wait until all have it; nothing where there are none."""
    if _others():
        store = _store()
        store.set("decision", decision)
        store.wait([f"received {i + 1}" for i in range(_others())])


def receive_decision() -> str:
    """As another node, wait for the first node's decision and return it."""
    store = _store()
    decision = store.get("decision").decode()
    store.set(f"received {rank()}", "")
    return decision


def leave_group() -> None:
    """Take this process out of the group it trained in, after success only: it may wait for a node that has failed.

    gloo's threads, alive at the end of Python, abort a process whose work is done (github.com/pytorch/pytorch/issues/190489).
    """
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _others() -> int:
    return int(os.environ.get("WORLD_SIZE", "1")) - 1


def _store():
    from torch.distributed import TCPStore

    port = int(os.environ["MASTER_PORT"]) + 1
    return TCPStore(os.environ["MASTER_ADDR"], port, is_master=rank() == 0, wait_for_workers=False, timeout=PATIENCE)
