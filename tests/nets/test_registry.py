"""The registry of students: quick to import, and every entry is a network with options that have defaults."""

import inspect
import subprocess
import sys

import pytest
import torch

from kdse.nets.registry import STUDENTS, find


def test_the_list_needs_no_torch():
    code = "import sys, kdse.nets.registry; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", STUDENTS)
def test_every_size_is_made_of_options(name):
    net = find(name)
    first, *options = inspect.signature(net).parameters.values()
    assert name == name.lower() and first.name == "bins"
    assert all(option.default is not inspect.Parameter.empty for option in options)
    for chosen in getattr(net, "sizes", {}).values():
        assert chosen.keys() <= {option.name for option in options}
        assert isinstance(net(129, **chosen), torch.nn.Module)
