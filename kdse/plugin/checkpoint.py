"""Checkpoints: read one by its parameters' names, and refuse one that does not fit instead of loading half of it."""

from pathlib import Path

import torch
from torch import nn

from kdse.core.errors import UserError


def load_state(model: nn.Module, path: Path | str, ignore: tuple[str, ...] = ()) -> None:
    """Load a checkpoint strictly, without those of its parameters whose names begin with one of `ignore`.

    Raises: UserError where the file is missing or unreadable, or a parameter is missing, unexpected or of another shape.
    """
    state = read_state(path)
    if ignore:
        state = {name: value for name, value in state.items() if not str(name).startswith(ignore)}
    fit(model, state, path)


def fit(model: nn.Module, state: dict[str, torch.Tensor], path: Path | str) -> None:
    """Load parameters strictly; `path`, where they are from, is named in errors.

    Raises: UserError where one is missing, unexpected or of another shape.
    """
    own = model.state_dict()
    for name in sorted(own.keys() | state.keys(), key=str):
        if name not in state or name not in own:
            where = "lacks" if name not in state else "has an unknown"
            raise UserError(f"the checkpoint {path} is of another architecture: it {where} '{name}'")
        if own[name].shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
            raise UserError(f"the checkpoint {path} is of another architecture: '{name}' is {shapes}")
    model.load_state_dict(state)


def read_state(path: Path | str) -> dict[str, torch.Tensor]:
    """The parameters of a checkpoint by name.

    Raises: UserError where the file is missing, or holds no such thing.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as e:
        raise UserError(f"there is no checkpoint {path}") from e
    except Exception as e:  # torch raises pickle, zip, runtime and value errors alike for a file that is not a checkpoint
        raise UserError(f"{path} is not a readable checkpoint ({type(e).__name__}); train it again") from e
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{path} is no checkpoint of a model: it holds no parameters by name; train it again")
    return state
