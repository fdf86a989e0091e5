"""Load trained models, and refuse a checkpoint that does not fit instead of loading half of it."""

import argparse
from pathlib import Path

import torch
from torch import nn

from kdse.core.errors import UserError
from kdse.core.files import read_yaml, sections


def load_state(model: nn.Module, path: Path | str, ignore: tuple[str, ...] = ()) -> None:
    """Load a state dict strictly, but for parameters of the file whose names begin with one of `ignore`.

    Raises: UserError where the file is missing or unreadable, or a parameter is missing, unexpected or of another shape.
    """
    fit(model, {key: value for key, value in read_state(path).items() if not (ignore and str(key).startswith(ignore))}, path)


def fit(model: nn.Module, state: dict[str, torch.Tensor], path: Path | str) -> None:
    """Load the parameters of `path` strictly.

    Raises: UserError where one is missing, unexpected or of another shape.
    """
    own = model.state_dict()
    for key in sorted(own.keys() | state.keys(), key=str):
        if key not in state or key not in own:
            where = "lacks" if key not in state else "has an unknown"
            raise UserError(f"the checkpoint {path} is of another architecture: it {where} '{key}'")
        if own[key].shape != state[key].shape:
            shapes = f"{tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
            raise UserError(f"the checkpoint {path} is of another architecture: '{key}' is {shapes}")
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


def load(task, folder: Path | str, device: str = "cpu", checkpoint: str = "model.pth") -> tuple[nn.Module, argparse.Namespace]:
    """Build the model of `folder`/config.yaml, load its checkpoint; return it in eval mode with its config.

    Raises: UserError where the config describes no model, or the checkpoint does not fit.
    """
    from kdse.plugin.explain import reason
    from kdse.plugin.quiet import no_log_warnings

    folder = Path(folder)
    config = folder / "config.yaml"
    options = sections(read_yaml(config), f"{config} describes no model")
    args = argparse.Namespace(**{str(name): value for name, value in options.items()})
    try:
        with no_log_warnings():
            model = task.build_model(args)
    except ImportError as e:
        raise UserError(f"{config} needs the package {e.name or e}, which is not installed") from e
    except OSError as e:
        raise UserError(f"{config} names a file that cannot be read: {e.filename or e}") from e
    except Exception as e:  # ESPnet's constructors raise errors of all kinds, assertions too, for options that make no sense
        if isinstance(e, AttributeError) and e.obj is args:
            raise UserError(f"{config} lacks '{e.name}'; train the model again") from e
        raise UserError(f"{config} describes no model: {reason(e)}") from e
    state = read_state(folder / checkpoint)
    _check_tokens(state, folder, getattr(args, "token_list", None))
    fit(model, state, folder / checkpoint)
    return model.to(device).eval(), args


def load_backend(folder: Path | str, device: str = "cpu"):
    """The ESPnet ASR model of a stage 3 folder, and its config."""
    import kdse.plugin.register  # noqa: F401  isort: skip
    from espnet2.tasks.asr import ASRTask

    return load(ASRTask, folder, device)


OUTPUTS = ("ctc.ctc_lo.bias", "decoder.output_layer.bias", "decoder.output.bias", "joint_network.lin_out.bias")
"""Parameters with one value for each token."""


def _check_tokens(state: dict[str, torch.Tensor], folder: Path, tokens: list[str] | None) -> None:
    """Raise UserError where the token list is not as long as the model's output."""
    if not isinstance(tokens, list):
        return
    for name in OUTPUTS:
        if name in state and len(state[name]) != len(tokens):
            known = f"{len(tokens)} tokens, and its checkpoint was trained with {len(state[name])}"
            raise UserError(f"{folder}: the token list does not match the model: it has {known}")


def load_front_end(run: Path | str, device: str = "cpu"):
    """The ESPnet enhancement model that a training run wrote to `run`/enh, and its config."""
    import kdse.plugin.register  # noqa: F401  isort: skip
    from espnet2.tasks.enh import EnhancementTask

    return load(EnhancementTask, Path(run) / "enh", device)


def load_teacher(backend: Path | str, tokens: Path | str | None, layer: int = 0, precision: str = "fp32"):
    """The frozen backend with the acoustic tokens of stage 5; a tokenizer brings its own layer.

    Args:
        precision: of its encoder, "fp32" or "bf16".

    Raises: UserError where the tokens are of another backend.
    """
    from kdse.plugin.teacher import FrozenTeacher
    from kdse.tokens.codebook import check_origin, load_tokens

    asr, _ = load_backend(backend)
    if tokens is None:
        return FrozenTeacher(asr, layer, precision=precision)
    book = load_tokens(tokens)
    check_origin(Path(tokens), Path(backend))
    blocks, size = len(getattr(asr.encoder, "encoders", ())), asr.encoder.output_size()
    if book.layer > blocks or book.centroids.shape[1] != size:
        of, has = f"layer {book.layer} with {book.centroids.shape[1]} values", f"{blocks} layers with {size}"
        raise UserError(f"the tokens {tokens} are of {of}, but the encoder of {backend} has {has}; run stage 5 with this backend")
    return FrozenTeacher(asr, book.layer, torch.from_numpy(book.centroids), book.distance, precision)
