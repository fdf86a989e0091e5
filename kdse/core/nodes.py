"""Training on several nodes: `kdse train` runs once on each, all of them train, and the first alone decides and makes files.

A launcher (utils/jobs.sh, or another) says who is who by torch.distributed's variables RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. The port after MASTER_PORT carries the first node's decision.
"""

import os
from datetime import timedelta
from typing import Any

from kdse.core.errors import UserError

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(minutes=30)


def options(num_nodes: int, ngpu: int) -> dict[str, Any]:
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
    found = {"ngpu": ngpu, "multiprocessing_distributed": ngpu > 1 or num_nodes > 1}
    return found | {"dist_backend": "gloo"} if num_nodes > 1 and not ngpu else found


def rank() -> int:
    """The number of this node, 0 for the first and for the only one."""
    return int(os.environ["RANK"]) if _others() else 0


def tell(word: str) -> None:
    """Say what is to be done, as the first node, and wait until the others have heard; nothing where there are none."""
    if _others():
        store = _store()
        store.set("word", word)
        store.wait([f"heard {i + 1}" for i in range(_others())])


def hear() -> str:
    """What the first node decides."""
    store = _store()
    word = store.get("word").decode()
    store.set(f"heard {rank()}", "")
    return word


def leave() -> None:
    """Take this process out of the group it trained in: gloo's threads, alive at the end of Python, abort a process whose work is
    done (github.com/pytorch/pytorch/issues/190489). Only after success, as it may wait for a node that has failed."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _others() -> int:
    return int(os.environ.get("WORLD_SIZE", "1")) - 1


def _store():
    from torch.distributed import TCPStore

    port = int(os.environ["MASTER_PORT"]) + 1
    return TCPStore(os.environ["MASTER_ADDR"], port, is_master=rank() == 0, wait_for_workers=False, timeout=PATIENCE)
