"""Load trained models as ESPnet builds them, with their checkpoints."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.enh import EnhancementTask
from torch import nn

from kdse.core.errors import UserError
from kdse.core.files import read_yaml, sections
from kdse.plugin.checkpoint import fit, read_state
from kdse.plugin.explain import reason
from kdse.plugin.patches import no_log_warnings
from kdse.plugin.teacher import FrozenTeacher
from kdse.runs.backends import found, kind_of
from kdse.tokens.codebook import check_origin, load_tokens


def load(task, folder: Path | str, device: str = "cpu", checkpoint: str = "model.pth") -> tuple[nn.Module, argparse.Namespace]:
    """Build the model of `folder`/config.yaml, load its checkpoint; return it in eval mode with its config.

    Raises: UserError where the config describes no model, or the checkpoint does not fit.
    """
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
    return load(ASRTask, folder, device)


OUTPUTS = ("ctc.ctc_lo.bias", "decoder.output_layer.bias", "decoder.output.bias", "joint_network.lin_out.bias")
"""Parameters with one value for each token."""


def _check_tokens(state: dict[str, torch.Tensor], folder: Path, tokens: list[str] | None) -> None:
    """Raise UserError where the token list is not as long as the model's output."""
    if not isinstance(tokens, list):
        return
    for name in OUTPUTS:
        if name in state and len(state[name]) != len(tokens):
            counts = f"{len(tokens)} tokens, and its checkpoint was trained with {len(state[name])}"
            raise UserError(f"{folder}: the token list does not match the model: it has {counts}")


def load_front_end(run: Path | str, device: str = "cpu"):
    """The ESPnet enhancement model that a training run wrote to `run`/enh, and its config."""
    return load(EnhancementTask, Path(run) / "enh", device)


def espnet_teacher(backend: Path | str, precision: str = "fp32", **tokens) -> FrozenTeacher:
    """An ESPnet recogniser as a teacher."""
    return FrozenTeacher(load_backend(backend)[0], **tokens, precision=precision)


def load_teacher(
    backend: Path | str, tokens: Path | str | None, layer: int = 0, precision: str = "fp32", compared: Sequence[int] = ()
):
    """The frozen backend with the acoustic tokens of stage 5; a tokenizer brings its own layer.

    Args:
        precision: of its encoder, "fp32" or "bf16".
        compared: layers that L_e compares, as in `FrozenTeacher`.

    Raises: UserError where the tokens are of another backend, or it has no such layer.
    """
    book = None if tokens is None else load_tokens(tokens)
    options = {"layer": layer, "compared": compared}
    if book is not None:
        check_origin(Path(tokens), Path(backend))
        options |= {"layer": book.layer, "centroids": torch.from_numpy(book.centroids), "distance": book.distance}
    teacher = found(kind_of(backend).teacher)(backend, precision, **options)
    if book is not None and (book.layer > teacher.layers or book.centroids.shape[1] != teacher.size):
        of, has = f"layer {book.layer} with {book.centroids.shape[1]} values", f"{teacher.layers} layers with {teacher.size}"
        raise UserError(f"the tokens {tokens} are of {of}, but the encoder of {backend} has {has}; run stage 5 with this backend")
    if max(compared, default=0) > teacher.layers:
        has = f"{teacher.layers} (0 is its output)" if teacher.layers else "its output alone (0)"
        raise UserError(f"kdse_conf: layers {list(compared)} are not all there; the encoder of {backend} has {has}")
    return teacher
