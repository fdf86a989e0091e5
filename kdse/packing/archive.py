"""A finished run as an ESPnet model archive, which ESPnet's own `unpack` and inference classes load (docs/packing.md)."""

import contextlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, read_yaml, write_text
from kdse.core.progress import say
from kdse.core.step import done_hash
from kdse.packing.model_card import Card, results_table
from kdse.plugin.espnet import pack
from kdse.plugin.load import load_backend, load_front_end
from kdse.runs.record import has_own_recogniser, read_run
from kdse.training.model_files import find_model

CARD = "README.md"
ENH, ASR = "enh", "asr"
NAMES = {ENH: ("train_config", "model_file"), ASR: ("asr_train_config", "asr_model_file")}
"""What ESPnet's inference classes call config and checkpoint: `SeparateSpeech` of a front end, `Speech2Text` of a recogniser."""
TRAINING_ONLY = {
    "config": None,
    "output_dir": None,
    "init_param": [],
    "train_data_path_and_name_and_type": [],
    "valid_data_path_and_name_and_type": [],
    "train_shape_file": [],
    "valid_shape_file": [],
    "rir_scp": None,
    "noise_scp": None,
}
"""Options of a recogniser's config that name files of its training, and what stands for them in an archive."""
KDSE_ONLY = ("mix_conf", "kdse_conf")
"""Options that ESPnet does not have."""


@dataclass(frozen=True)
class Contents:
    """What is packed.

    Attributes:
        front_end: folder with config.yaml and model.pth, or None.
        recogniser: folder with config.yaml and model.pth, or None. An archive with both is the recogniser's.
    """

    front_end: Path | None
    recogniser: Path | None

    @property
    def kind(self) -> str:
        """Whose archive it is: "enh" or "asr"."""
        return ASR if self.recogniser else ENH


def write_archive(*, run: Path, out: Path, part: str | None, results: Path | None, license_name: str, replace: bool) -> None:
    """Write a run's models and a model card to a zip, all or nothing.

    Args:
        run: folder of a finished run.
        out: the archive.
        part: "enh" or "asr"; None for "asr" where the run trained a recogniser, else "enh".
        results: folder of score rows; None looks for `results` beside the run, then one folder above.
        license_name: of the model, for the card.
        replace: overwrite an archive that is there.

    Raises: UserError where the run is not finished, lacks that part, or its models do not load; and for an `out` that is no zip or
        is there already.
    """
    if out.suffix != ".zip":
        raise UserError(f"--out must end in .zip, not '{out.name}'")
    if out.exists() and not replace:
        raise UserError(f"{out} is there already; give --force to replace it, or another --out")
    record = read_run(run)
    contents = find_contents(run, part)
    with tempfile.TemporaryDirectory(prefix="kdse-pack-") as scratch:
        staged = Path(scratch)
        configs = stage(contents, staged)
        table = results_table(_results_folder(run, results), run.name, contents.kind)
        card = Card(archive=out.name, record=record, configs=configs, license_name=license_name, results=table)
        write_text(staged / CARD, card.render())
        with atomic_path(out) as archive:
            try:
                _pack(staged, contents, archive.resolve())
            except UserError as e:
                raise UserError(f"{run}: {e}") from e
    say(f"{out}: {' and '.join(configs)} of {run.name}, {out.stat().st_size / 1e6:.1f} MB")


def find_contents(run: Path, part: str | None) -> Contents:
    """The models of a run that are asked for.

    Raises: UserError where the run is not finished, or has no such model.
    """
    front_end = run / ENH if (run / ENH / "model.pth").is_file() else None
    recogniser = run / ASR if has_own_recogniser(run) else run
    if not (recogniser / "model.pth").is_file():
        recogniser = None
    if not (front_end or recogniser):
        raise UserError(f"{run} holds no model: it has neither a front end nor a recogniser; pack a run of stages 3, 4 or 6")
    if done_hash(run) is None:
        raise UserError(f"{run} is not finished; run the stage that trains it again")
    if part == ENH and front_end is None:
        raise UserError(f"{run} has no front end; give --part asr to pack its recogniser")
    if part == ASR and recogniser is None:
        raise UserError(f"{run} has no recogniser of its own; give --part enh to pack its front end")
    return Contents(front_end, None if part == ENH else recogniser)


def stage(contents: Contents, folder: Path) -> dict[str, dict[str, Any]]:
    """Copy the models to `folder`/enh and `folder`/asr, with configs that name no file but those beside them.

    Returns: the config of each, by "enh" and "asr".
    """
    configs = {}
    if contents.front_end:
        (folder / ENH).mkdir()
        shutil.copyfile(contents.front_end / "model.pth", folder / ENH / "model.pth")
        configs[ENH] = read_yaml(contents.front_end / "config.yaml")
    if contents.recogniser:
        (folder / ASR).mkdir()
        configs[ASR] = _stage_recogniser(contents.recogniser, folder / ASR)
    for kind, config in configs.items():
        write_text(folder / kind / "config.yaml", dump_yaml(config, allow_unicode=True))
    return configs


def _stage_recogniser(source: Path, folder: Path) -> dict[str, Any]:
    """Copy a recogniser's files; its config names them as they are called in the archive."""
    model = find_model(source)
    for name, path in model.paths.items():
        shutil.copyfile(path, folder / name)
    config = {name: value for name, value in model.config.items() if name not in KDSE_ONLY}
    config |= {name: value for name, value in TRAINING_ONLY.items() if name in config}
    if "bpe.model" in model.paths:
        config["bpemodel"] = f"{ASR}/bpe.model"
    if "feats_stats.npz" in model.paths:
        config["normalize_conf"] = {**config["normalize_conf"], "stats_file": f"{ASR}/feats_stats.npz"}
    write_text(folder / "tokens.txt", "".join(f"{token}\n" for token in config["token_list"]))
    return config


def _pack(staged: Path, contents: Contents, archive: Path) -> None:
    """Check that the models load, and pack them by ESPnet's own function, which takes names relative to where it runs.

    Raises: UserError where a checkpoint does not fit its config.
    """
    config, checkpoint = NAMES[contents.kind]
    named = {config: f"{contents.kind}/config.yaml"}, {checkpoint: f"{contents.kind}/model.pth"}
    held = {str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()}
    others = sorted(held - {*named[0].values(), *named[1].values()})
    with contextlib.chdir(staged):
        if contents.front_end:
            load_front_end(Path())
        if contents.recogniser:
            load_backend(ASR)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints every name
            pack(yaml_files=named[0], files=named[1], option=others, outpath=archive)


def _results_folder(run: Path, given: Path | None) -> Path | None:
    """Where the score rows of a run are.

    Raises: UserError where they were asked for and are not there.
    """
    if given is not None and not given.is_dir():
        raise UserError(f"--results {given} is no folder")
    candidates = [given] if given else [run.resolve().parent / "results", run.resolve().parents[1] / "results"]
    return next((folder for folder in candidates if folder.is_dir()), None)
