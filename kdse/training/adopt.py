"""Stage 3 with `--asr_model`, `kdse adopt`: a trained ESPnet recogniser, in whatever form it comes, as a backend of this recipe."""

import argparse
import reprlib
import shutil
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import atomic_dir, dump_yaml, fingerprint, read_yaml, sha256, write_text
from kdse.core.progress import say
from kdse.core.step import Step, done_config
from kdse.runs.record import write_run
from kdse.training.model_files import Found, find_model

RATE = 16000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse adopt`."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a model as espnet2.bin.pack packs it (archive, or its folder with meta.yaml), an experiment folder, or its .pth file",
    )
    parser.add_argument("--out", type=Path, required=True, help="experiment folder of the backend")
    parser.add_argument("--corpus", required=True, help="corpus name, for run.yaml")


def run(args: argparse.Namespace) -> None:
    """Copy the model's files to `out`, check that they make a recogniser of 16 kHz speech, and mark the backend as finished."""
    check_out(args.model, args.out)
    found = find_model(args.model)
    state = {"config": fingerprint(found.config), "files": {name: sha256(path) for name, path in found.files.items()}}
    step = Step(args.out, {"adopted": state}, f"adopt {args.out.name}", replaces=True)
    try:
        if not step.needed():
            return
        params = _adopt(found, args)
    finally:
        found.close()
    step.finish()
    say(f"{args.out.name}: {args.model}, {params:,} parameters")


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


def _adopt(found: Found, args: argparse.Namespace) -> int:
    config = complete(found.config, found.where)
    check_input(config, found.where)
    if config.get("frontend") == "kdse_ssl":  # its weights are in the checkpoint
        config["frontend_conf"]["weights"] = None
    with atomic_dir(args.out) as part:
        for name, path in found.files.items():
            shutil.copyfile(path, part / name)
        for section, key, name in (("", "bpemodel", "bpe.model"), ("normalize_conf", "stats_file", "feats_stats.npz")):
            if name in found.files:
                (config[section] if section else config)[key] = str(args.out / name)
        write_text(part / "tokens.txt", "".join(f"{token}\n" for token in config["token_list"]))
        here = dict(config)
        if "feats_stats.npz" in found.files:  # where the file is until the folder has its name
            here["normalize_conf"] = config["normalize_conf"] | {"stats_file": str(part / "feats_stats.npz")}
        write_text(part / "config.yaml", dump_yaml(here))
        from kdse.plugin.load import load_backend

        try:
            model, _ = load_backend(part)
        except UserError as e:
            raise UserError(f"{found.where}: {str(e).replace(str(part), str(args.model))}") from e
        write_text(part / "config.yaml", dump_yaml(config))
        params = sum(p.numel() for p in model.parameters())
    record = {"adopted": str(args.model), "config": config}
    write_run(args.out, record, corpus=args.corpus, approach="mct_noisy", seed=0, backend=args.out.name, params=params)
    return params


def complete(config: dict[str, Any], where: str) -> dict[str, Any]:
    """A config with the defaults of this ESPnet for what its own did not have yet.

    Raises: UserError where it is none of an ASR task, or its token list is no list of tokens.
    """
    from kdse.plugin.espnet import ASRTask  # loads ESPnet

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
        raise UserError(f"{where}: it hears {rate} Hz, and all corpora here are of {RATE} Hz; take another model")
    if config.get("token_type") == "bpe" and not config.get("bpemodel"):
        raise UserError(f"{where}: its tokens are of type bpe, and its config names no bpemodel")


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
