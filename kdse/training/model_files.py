"""Finds the files of a trained ESPnet recogniser: in an archive of the model zoo, in its folder, in an experiment folder."""

import lzma
import os
import reprlib
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import fingerprint, read_text, read_yaml, sections

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz")
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
"""What the libraries raise for an archive that is damaged or of an unknown kind."""


@dataclass
class ModelFiles:
    """A recogniser's config, and where its files are.

    Attributes:
        where: what the user gave, for messages.
        config: ESPnet's training config; its token list is a list.
        paths: model.pth, and where the config names them bpe.model and feats_stats.npz.
        close: removes what was unpacked.
    """

    where: str
    config: dict[str, Any]
    paths: dict[str, Path] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None


def find_model(path: Path) -> ModelFiles:
    """The recogniser at `path`: an archive or folder with a meta.yaml, an experiment folder, or a .pth file beside its config.yaml.

    Raises: UserError where there is none, or a file that it names is missing.
    """
    if path.is_dir():
        return _of_zoo(path, path) if (path / "meta.yaml").exists() else _of_experiment(path, _best(path))
    if path.suffix == ".pth" and path.is_file():
        return _of_experiment(path.parent, path)
    if path.suffix in ARCHIVES and path.is_file():
        folder = Path(tempfile.mkdtemp(prefix="kdse-model-"))
        try:
            _unpack(path, folder)
            metas = sorted(folder.rglob("meta.yaml"), key=lambda p: len(p.parts))
            if not metas:
                raise UserError(f"{path} holds no meta.yaml; is it a model that espnet2.bin.pack made?")
            files = _of_zoo(metas[0].parent, path, within=folder)
        except BaseException as e:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(e, UserError):  # the folder's name says nothing to the user
                raise UserError(str(e).replace(str(folder), str(path))) from e
            raise
        files.close = lambda: shutil.rmtree(folder, ignore_errors=True)
        return files
    what = "is no ESPnet model: give a zip, tar, folder or .pth file" if path.exists() else "does not exist"
    raise UserError(f"--asr_model {path} {what}")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive; nothing leaves the folder.

    Raises: UserError for a damaged one, and for one with a member whose name leads out of the folder.
    """
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as members:
                for name in members.namelist():
                    if Path(name).is_absolute() or ".." in Path(name).parts:
                        raise UserError(f"{archive} is not unpacked: its member '{name}' leads out of the folder")
                members.extractall(folder)
        else:
            with tarfile.open(archive) as members:
                members.extractall(folder, filter="data")
    except tarfile.FilterError as e:
        raise UserError(f"{archive} is not unpacked: {e}") from e
    except DAMAGED as e:
        reason = str(e).partition("\n")[0].rstrip(":")
        raise UserError(f"cannot unpack {archive}: {reason or type(e).__name__}") from e


def _of_zoo(folder: Path, given: Path, within: Path | None = None) -> ModelFiles:
    """What a meta.yaml lists: yaml_files.asr_train_config and files.asr_model_file, relative to its folder.

    Args:
        within: the folder that holds all files; what came in an archive is not to reach for others.
    """
    meta = read_yaml(folder / "meta.yaml")
    named = {**_section(meta, "yaml_files"), **_section(meta, "files")}
    missing = [key for key in ("asr_train_config", "asr_model_file") if not isinstance(named.get(key), str)]
    if missing:
        raise UserError(f"{given}: its meta.yaml names no {' and no '.join(missing)}; is it a recogniser's?")
    config, model = (_existing(named[key], [folder], given, within) for key in ("asr_train_config", "asr_model_file"))
    return _listed(config, model, [folder, *_parents(config, folder)], given, within)


def _section(meta: dict, name: str) -> dict:
    value = meta.get(name)
    return value if isinstance(value, dict) else {}


def _of_experiment(folder: Path, model: Path) -> ModelFiles:
    """An experiment folder: paths in its config are relative to the recipe's folder, somewhere above."""
    config = folder / "config.yaml"
    if not config.is_file():
        raise UserError(f"--asr_model {folder} holds no config.yaml; give an ESPnet experiment folder, or a packed model")
    return _listed(config, model, [Path(), folder, *folder.resolve().parents], folder)


def _best(folder: Path) -> Path:
    """The model that ESPnet's recipes would decode with: kdse's model.pth, or the average by the first criterion of the config."""
    config = _read(folder / "config.yaml", folder) if (folder / "config.yaml").exists() else {}
    criteria = config.get("best_model_criterion") or []
    names = ["model.pth", *(f"{phase}.{name}.ave.pth" for phase, name, _ in reversed(criteria))]
    for name in names:
        if (folder / name).exists():
            return folder / name
    left = sorted(folder.glob("*.ave*.pth"))
    if len(left) != 1:
        raise UserError(f"--asr_model {folder} holds none of {', '.join(names)}; give the .pth file itself")
    return left[0]


def _read(path: Path, given: Path) -> dict[str, Any]:
    """The config of a recogniser, whose sections are mappings and whose first criterion can be read.

    Raises: UserError where it is otherwise.
    """
    config = sections(read_yaml(path), str(given))
    criteria = config.get("best_model_criterion") or []
    if not isinstance(criteria, list) or not all(isinstance(c, list) and [type(part) for part in c] == [str] * 3 for c in criteria):
        wanted = "must be a list of [phase, score, min or max]"
        raise UserError(f"{given}: best_model_criterion {wanted}, not {reprlib.repr(criteria)}")
    try:
        fingerprint(config)
    except (TypeError, ValueError, RecursionError) as e:  # keys of several types, a list that holds itself
        raise UserError(f"{given}: its config holds more than plain values: {e}") from e
    return config


def _listed(config_path: Path, model: Path, roots: list[Path], given: Path, within: Path | None = None) -> ModelFiles:
    config = _read(config_path, given)
    files = ModelFiles(str(given), config, {"model.pth": model})
    tokens = config.get("token_list")
    if isinstance(tokens, str):
        config["token_list"] = read_text(_existing(tokens, roots, given, within)).splitlines()
    stats = config.get("normalize_conf", {}).get("stats_file") if config.get("normalize") == "global_mvn" else None
    for key, path, name in (("bpemodel", config.get("bpemodel"), "bpe.model"), ("stats_file", stats, "feats_stats.npz")):
        if path is not None and not isinstance(path, str):
            raise UserError(f"{given}: {key} must be a path, not {reprlib.repr(path)}")
        if path:
            files.paths[name] = _existing(path, roots, given, within)
    return files


def _existing(name: str, roots: list[Path], given: Path, within: Path | None = None) -> Path:
    there = [root / name for root in roots if os.path.isfile(root / name)]  # a name too long for a file is none
    inside = [path for path in there if within is None or path.resolve().is_relative_to(within.resolve())]
    if inside:
        return inside[0]
    shown = repr(name)[1:-1]
    shown = shown if len(shown) <= 200 else f"{shown[:197]}..."
    raise UserError(f"{given}: the file {shown}, which it names, {'lies outside of it' if there else 'is not there'}")


def _parents(config: Path, folder: Path) -> list[Path]:
    return [p for p in config.parents if p.is_relative_to(folder)]
