"""Stage 3 with `--asr_model`: a trained ESPnet recogniser, in whatever form it comes, as a backend of this recipe."""

import reprlib
import shutil
from pathlib import Path
from typing import Any

from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, fingerprint, read_yaml, sha256, write_text
from kdse.core.progress import say
from kdse.core.step import Step, done_config
from kdse.data.audio import RATE
from kdse.runs.record import write_run
from kdse.training.model_files import ModelFiles, find_model


def adopt(*, model: Path, out: Path, corpus: str) -> None:
    """Copy the model's files to `out`, check that they make a recogniser of 16 kHz speech, and mark the backend as finished.

    Raises: UserError where `model` is none, or `out` holds what must stay.
    """
    check_out(model, out)
    files = find_model(model)
    state = {"config": fingerprint(files.config), "files": {name: sha256(path) for name, path in files.paths.items()}}
    step = Step(out, {"adopted": state}, f"adopt {out.name}", replaces=True)
    try:
        if not step.needed():
            return
        params = _copy(files, model, out, corpus)
    finally:
        files.close()
    step.finish()
    say(f"{out.name}: {model}, {params:,} parameters")


def check_out(model: Path, out: Path) -> None:
    """Raise UserError unless `out` is new, empty, or was adopted before: what was trained is never overwritten."""
    if model.resolve().is_relative_to(out.resolve()):
        raise UserError(f"{model} lies in {out}, the folder it would be copied to; give another --out, or a model from elsewhere")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "run.yaml").is_file():
        raise UserError(f"{out} holds no finished backend but other files; remove them, or give another --out")
    made_by = done_config(out) or read_yaml(out / "run.yaml").get("config")
    if not (isinstance(made_by, dict) and "adopted" in made_by):
        raise UserError(f"{out} holds a model that was trained here; give another --out, or rename {model}")


def _copy(files: ModelFiles, model: Path, out: Path, corpus: str) -> int:
    """Write `out`, which appears when the copy is known to load; return the number of parameters."""
    with atomic_dir(out) as part:
        config = write_backend(files, part)
        params = _parameters(part, model, files.where)
        config = located(config, files, out)
        write_text(part / "config.yaml", dump_yaml(config))
    record = {"adopted": str(model), "config": config}
    write_run(out, record, corpus=corpus, approach="mct_noisy", seed=0, backend=out.name, params=params)
    return params


def write_backend(files: ModelFiles, folder: Path) -> dict[str, Any]:
    """Write a model's files to an empty folder, in the form of stage 3, and return its config, which names them there.

    Raises: UserError where it is no recogniser of 16 kHz speech.
    """
    config = complete(files.config, files.where)
    check_input(config, files.where)
    if config.get("frontend") == "kdse_ssl":  # its weights are in the checkpoint
        config["frontend_conf"]["weights"] = None
    for name, path in files.paths.items():
        shutil.copyfile(path, folder / name)
    write_text(folder / "tokens.txt", "".join(f"{token}\n" for token in config["token_list"]))
    config = located(config, files, folder)
    write_text(folder / "config.yaml", dump_yaml(config))
    return config


def located(config: dict[str, Any], files: ModelFiles, folder: Path) -> dict[str, Any]:
    """The config, naming the model's files where they are copied to."""
    config = dict(config)
    if "bpe.model" in files.paths:
        config["bpemodel"] = str(folder / "bpe.model")
    if "feats_stats.npz" in files.paths:
        config["normalize_conf"] = config["normalize_conf"] | {"stats_file": str(folder / "feats_stats.npz")}
    return config


def _parameters(folder: Path, model: Path, where: str) -> int:
    """The number of parameters of the recogniser in `folder`.

    Raises: UserError where it is none, naming what the user gave.
    """
    from kdse.plugin.load import load_backend  # ESPnet: not for a step that is skipped

    try:
        asr, _ = load_backend(folder)
    except UserError as e:
        raise UserError(f"{where}: {str(e).replace(str(folder), str(model))}") from e
    return sum(p.numel() for p in asr.parameters())


def complete(config: dict[str, Any], where: str) -> dict[str, Any]:
    """A config with the defaults of this ESPnet for what its own did not have yet.

    Raises: UserError where it is none of an ASR task, or its token list is no list of tokens.
    """
    from kdse.plugin.espnet import ASRTask  # ESPnet: not for a step that is skipped

    for key in ("token_list", "encoder", "model_conf"):
        if key not in config:
            raise UserError(f"{where}: its config has no '{key}', so it is no recogniser's")
    tokens = config["token_list"]
    if not (isinstance(tokens, list) and tokens and all(isinstance(token, str) for token in tokens)):
        raise UserError(f"{where}: its token_list is not a list of tokens; pack the model with ESPnet's espnet2.bin.pack")
    defaults = vars(ASRTask.get_parser().parse_args(["--output_dir", "unused"]))
    return {**{key: value for key, value in defaults.items() if _plain(value)}, **config}


def check_input(config: dict[str, Any], where: str) -> None:
    """Raise UserError unless the recogniser takes 16 kHz waveforms; write their rate as a whole number."""
    if config.get("input_size") is not None:
        raise UserError(f"{where}: it takes features from files (input_size: {config['input_size']!r}), not waveforms")
    frontend = config["frontend_conf"]
    rate = frontend.get("fs", RATE)
    if not isinstance(rate, int | float | str):
        raise UserError(f"{where}: frontend_conf: fs must be a number, not {reprlib.repr(rate)}")
    rate = {"16k": 16000, "8k": 8000}.get(rate, rate)
    if rate == RATE and "fs" in frontend:
        frontend["fs"] = RATE  # not 16000.0
    elif str(rate) != str(RATE):
        raise UserError(f"{where}: it takes speech of {rate} Hz, and all corpora here are of {RATE} Hz; take another model")
    if config.get("token_type") == "bpe" and not config.get("bpemodel"):
        raise UserError(f"{where}: its tokens are of type bpe, and its config names no bpemodel")


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
