"""Where a model is, by the name that a user gives."""

import os
from pathlib import Path

from kdse.core.errors import UserError, did_you_mean
from kdse.runtime.model import Model

FOLDER = Path(__file__).parent / "models"
"""Packaged models, `<name>.onnx`, and their checksums in the form of sha256sum."""
SUMS = "SHA256SUMS"
DEFAULT = "general"
EXPORTED = Path("export") / "model.onnx"
"""Where stage 11 puts a run's model, in the run's folder."""


def packaged() -> dict[str, str]:
    """{name: SHA-256} of the models that come with kdse."""
    sums = FOLDER / SUMS
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    return {name.removesuffix(".onnx"): checksum for checksum, name in map(str.split, lines)}


def load_model(name: str | os.PathLike[str] = DEFAULT) -> Model:
    """Load a model.

    Args:
        name: of a packaged model, the path of an `.onnx` file, or a run's folder that was exported.

    Raises: UserError where there is none, as well as for what `Model` refuses.
    """
    if not isinstance(name, str | os.PathLike):
        raise UserError(f"a model is a name or a path, not {name!r}")
    name, known = os.fspath(name), packaged()
    if name in known:
        return Model.load(FOLDER / f"{name}.onnx", known[name])
    path = Path(name)
    if name and os.path.isdir(path):
        if not (path / EXPORTED).is_file():
            raise UserError(f"{path} holds no {EXPORTED}; write it with: kdse export --run {path}")
        return Model.load(path / EXPORTED)
    if not (name and os.path.exists(path)) and path.suffix != ".onnx" and path.parent == Path():
        hint = did_you_mean(name, known) or f"; packaged are: {', '.join(known) or 'none'}"
        raise UserError(f"there is no model '{name}'{hint}")
    return Model.load(path)
