"""Gradient surgery under DDP: two processes end where one process with the whole batch ends."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, sys
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from kdse.approaches.d4am import Calibration
from kdse.approaches.gradients import hand_over, two_gradients
from kdse.approaches.joint_grad import Remedy

torch.set_num_threads(1)
rank, world, out, kind = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), sys.argv[1], sys.argv[2]


class Joint(nn.Module):
    '''A front end and a recogniser whose losses want opposite things, as kdse's model combines them.'''

    def __init__(self):
        super().__init__()
        self.front, self.back = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)), nn.Linear(3, 2)
        self.rule = Remedy(5.0, 0.05) if kind == "remedy" else Calibration()

    def forward(self, x):
        out = self.front(x)
        first, second = (self.back(out) - 3).square().sum(1).mean(), 0.7 * (out + 2 * x).square().sum(1).mean()
        shared, own = list(self.front.parameters()), list(self.back.parameters())
        a, e, of_back = two_gradients(first, second, shared, own, len(x))
        combined, _ = self.rule(a, e)
        return hand_over(first + second, [*shared, *own], [*combined, *of_back])


torch.manual_seed(0)
model = Joint()
if world > 1:
    torch.distributed.init_process_group("gloo")
    wrapped = DistributedDataParallel(model)
else:
    wrapped = model
optimiser = torch.optim.AdamW(model.parameters(), 0.01)
for step in range(20):
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
    part = x if world == 1 else (x[:5], x[5:])[rank]  # of unequal size, as batches of speech are
    optimiser.zero_grad()
    loss = wrapped(part)
    if world > 1:  # as ESPnet's trainer weighs the processes
        loss = loss * len(part) * world / len(x)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimiser.step()
if rank == 0:
    torch.save(model.state_dict(), out)
"""


def launch(world: int, out: Path, kind: str) -> dict[str, torch.Tensor]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    env["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, "-c", PROGRAM, str(out), kind]
    processes = [
        subprocess.Popen(command, env={**env, "RANK": str(rank)}, stderr=subprocess.PIPE, text=True) for rank in range(world)
    ]
    errors = [p.communicate(timeout=240)[1] for p in processes]
    assert all(p.returncode == 0 for p in processes), errors
    return torch.load(out, weights_only=True)


@pytest.mark.parametrize("kind", ["remedy", "calibration"])
def test_two_processes_end_as_one(tmp_path, kind):
    one, two = launch(1, tmp_path / "one.pth", kind), launch(2, tmp_path / "two.pth", kind)
    assert one.keys() == two.keys()
    for name in one:
        assert torch.allclose(one[name].double(), two[name].double(), rtol=1e-4, atol=1e-5), name
