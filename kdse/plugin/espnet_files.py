"""Finds the files of a trained ESPnet recogniser: in an archive of the model zoo, in its folder, in an experiment folder."""

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdse.errors import UserError
from kdse.files import read_text, read_yaml

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz")


@dataclass
class Found:
    """A recogniser's config, and where its files are.

    Attributes:
        where: what the user gave, for messages.
        config: ESPnet's training config; its token list is a list.
        files: model.pth, and where the config names them bpe.model and feats_stats.npz.
        close: removes what was unpacked.
    """

    where: str
    config: dict[str, Any]
    files: dict[str, Path] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None


def find_model(path: Path) -> Found:
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
            found = _of_zoo(metas[0].parent, path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        found.close = lambda: shutil.rmtree(folder, ignore_errors=True)
        return found
    what = "is no ESPnet model: give a zip, tar, folder or .pth file" if path.exists() else "does not exist"
    raise UserError(f"--asr_model {path} {what}")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive; nothing leaves the folder.

    Raises: UserError for a damaged one, and for one with a member whose name leads out of the folder.
    """
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as held:
                for name in held.namelist():
                    if Path(name).is_absolute() or ".." in Path(name).parts:
                        raise UserError(f"{archive} is not unpacked: its member '{name}' leads out of the folder")
                held.extractall(folder)
        else:
            with tarfile.open(archive) as held:
                held.extractall(folder, filter="data")
    except tarfile.FilterError as e:
        raise UserError(f"{archive} is not unpacked: {e}") from e
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, NotImplementedError, RuntimeError) as e:
        raise UserError(f"cannot unpack {archive}: {e}") from e


def _of_zoo(folder: Path, given: Path) -> Found:
    """What a meta.yaml lists: yaml_files.asr_train_config and files.asr_model_file, relative to its folder."""
    meta = read_yaml(folder / "meta.yaml")
    named = {**_section(meta, "yaml_files"), **_section(meta, "files")}
    missing = [key for key in ("asr_train_config", "asr_model_file") if not isinstance(named.get(key), str)]
    if missing:
        raise UserError(f"{given}: its meta.yaml names no {' and no '.join(missing)}; is it a recogniser's?")
    config, model = (_existing(named[key], [folder], given) for key in ("asr_train_config", "asr_model_file"))
    return _found(config, model, [folder, *_parents(config, folder)], given)


def _section(meta: dict, name: str) -> dict:
    value = meta.get(name)
    return value if isinstance(value, dict) else {}


def _of_experiment(folder: Path, model: Path) -> Found:
    """An experiment folder: paths in its config are relative to the recipe's folder, somewhere above."""
    config = folder / "config.yaml"
    if not config.is_file():
        raise UserError(f"--asr_model {folder} holds no config.yaml; give an ESPnet experiment folder, or a packed model")
    return _found(config, model, [Path(), folder, *folder.resolve().parents], folder)


def _best(folder: Path) -> Path:
    """The model that ESPnet's recipes would decode with: kdse's model.pth, or the average by the first criterion of the config."""
    config = read_yaml(folder / "config.yaml") if (folder / "config.yaml").exists() else {}
    criteria = config.get("best_model_criterion") or []
    names = ["model.pth", *(f"{phase}.{name}.ave.pth" for phase, name, _ in reversed(criteria))]
    for name in names:
        if (folder / name).exists():
            return folder / name
    left = sorted(folder.glob("*.ave*.pth"))
    if len(left) != 1:
        raise UserError(f"--asr_model {folder} holds none of {', '.join(names)}; give the .pth file itself")
    return left[0]


def _found(config_path: Path, model: Path, roots: list[Path], given: Path) -> Found:
    config = read_yaml(config_path)
    found = Found(str(given), config, {"model.pth": model})
    tokens = config.get("token_list")
    if isinstance(tokens, str):
        config["token_list"] = read_text(_existing(tokens, roots, given)).splitlines()
    if isinstance(config.get("bpemodel"), str):
        found.files["bpe.model"] = _existing(config["bpemodel"], roots, given)
    stats = (config.get("normalize_conf") or {}).get("stats_file") if config.get("normalize") == "global_mvn" else None
    if stats:
        found.files["feats_stats.npz"] = _existing(stats, roots, given)
    return found


def _existing(name: str, roots: list[Path], given: Path) -> Path:
    for root in roots:
        if (root / name).is_file():
            return root / name
    raise UserError(f"{given}: the file {name}, which it names, is not there")


def _parents(config: Path, folder: Path) -> list[Path]:
    return [p for p in config.parents if p.is_relative_to(folder)]
