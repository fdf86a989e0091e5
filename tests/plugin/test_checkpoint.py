"""A checkpoint fits or is refused."""

import pytest
import torch

from kdse.core.errors import UserError
from kdse.plugin.checkpoint import load_state


@pytest.mark.parametrize("saved", [[1, 2], {"linear.weight": 1, "linear.bias": 2}, torch.zeros(3)])
def test_a_file_that_holds_no_parameters_is_refused(tmp_path, saved):
    torch.save(saved, tmp_path / "m.pth")
    with pytest.raises(UserError, match=r"m\.pth is no checkpoint of a model: it holds no parameters by name"):
        load_state(Net(), tmp_path / "m.pth")


class Net(torch.nn.Module):
    def __init__(self, width: int = 3, bias: bool = True):
        super().__init__()
        self.linear = torch.nn.Linear(2, width, bias)


@pytest.mark.parametrize(
    "saved, message",
    [
        (Net(4), r"'linear\.(weight|bias)' is \(4.*\) instead of \(3"),
        (Net(bias=False), "it lacks 'linear.bias'"),
        (
            torch.nn.ModuleDict({"linear": torch.nn.Linear(2, 3), "more": torch.nn.Linear(1, 1)}),
            r"it has an unknown 'more\.(weight|bias)'",
        ),
    ],
)
def test_a_state_of_another_architecture_names_the_parameter(tmp_path, saved, message):
    """And leaves the model as it was."""
    torch.save(saved.state_dict(), tmp_path / "m.pth")
    net = Net()
    before = net.linear.weight.clone()
    with pytest.raises(UserError, match=message):
        load_state(net, tmp_path / "m.pth")
    assert torch.equal(net.linear.weight, before)
