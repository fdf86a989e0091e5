"""Stages 3, 4 and 6: `kdse train asr` trains a backend, `kdse train se` a front end. ESPnet is imported only for work."""

import argparse
from pathlib import Path
from typing import Any

from kdse import approaches
from kdse.core import nodes
from kdse.core.config import merge, read_config, typed
from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import read_yaml, sections, sha256
from kdse.core.step import Step, done_hash
from kdse.data.mix import MixConfig

MODES = (("train", "train"), ("valid", "dev"))
"""What ESPnet calls the use of a set, and the set."""
DEVICES = ("ngpu", "multiprocessing_distributed", "dist_backend", "num_workers")
"""Options that the result does not depend on."""
MODEL_TYPES = ("bpe", "unigram", "char", "word")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse train`."""
    kinds = parser.add_subparsers(dest="kind", metavar="asr|se", required=True)
    for kind, text in (("asr", "a backend on noisy speech (approach mct_noisy)"), ("se", "a front end by an approach")):
        sub = kinds.add_parser(kind, help=text, description=f"Train {text}.")
        sub.add_argument("--config", type=Path, required=True, help="ESPnet YAML of the model and its training; may have a 'base:'")
        sub.add_argument("--out", type=Path, required=True, help="experiment folder; its name is the run's name")
        sub.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
        sub.add_argument("--corpus", required=True, help="corpus name; enters the randomness of the mixtures")
        sub.add_argument("--mix", type=Path, help="YAML of mixing options (section 'train')")
        sub.add_argument("--seed", type=int, default=0, help="initialisation, order and mixtures (default: 0)")
        sub.add_argument("--ngpu", type=int, default=0, help="GPUs per node; 0 trains on the CPU (default)")
        sub.add_argument("--num_nodes", type=int, default=1, help="nodes; the command runs on each (default: 1)")
        sub.add_argument("--data", type=Path, default=Path("data"), help="data dirs of stage 1, for texts (default: data)")
        if kind == "se":
            sub.add_argument("--approach", required=True, help=f"one of {', '.join(approaches.APPROACHES)}")
            sub.add_argument("--approach_config", type=Path, help="YAML of its options")
            sub.add_argument("--name", help="approach name in the tables, where it differs (se_teacher)")
            sub.add_argument("--backend", type=Path, help="folder of stage 3; frozen teacher, or backend that is trained too")
            sub.add_argument("--tokens", type=Path, help="folder of stage 5")
            sub.add_argument(
                "--second",
                type=Path,
                nargs=2,
                metavar=("BACKEND", "TOKENS"),
                help="another recogniser that teaches beside the first",
            )
            sub.add_argument(
                "--se_teacher", type=Path, help="folder of stage 4's large front end, for approaches that learn from it"
            )


def run(args: argparse.Namespace) -> None:
    """Train, or resume, or skip."""
    (train_asr if args.kind == "asr" else train_se)(args)


def train_asr(args: argparse.Namespace) -> None:
    """Train a backend with on-the-fly mixing; `out` becomes config.yaml, model.pth, tokens.txt and bpe.model."""
    config = _read(args.config)
    units = _units(config.pop("kdse_tokens", None) or {})
    config = _common(args, config)
    texts = {name: sha256(_needed(args.data / name / "text", "stage 1")) for name in ("train", "dev")}
    state = _state(config) | {"units": units, "texts": texts} | _ssl_weights(config)
    step = Step(args.out, state, f"train {args.out.name}", replaces=True)
    if not _makes("asr", step):
        return
    from kdse.plugin.trainer import clean, finish_backend, train, write_units

    _check_lengths(config)
    train_text = args.data / "train" / "text"

    def prepare(part: Path) -> dict[str, Any]:
        try:
            tokens = write_units(train_text, part, **units)
        except RuntimeError as e:
            reason = str(e).rpartition("] ")[2].partition(". Increase")[0]
            raise UserError(f"kdse_tokens: sentencepiece refuses {units} for {train_text}: {reason}") from e
        return tokens | _data(args, "speech", part) | {"use_preprocessor": True}

    extra = [("train", [str(train_text), "text", "text"]), ("valid", [str(args.data / "dev" / "text"), "text", "text"])]
    train("asr", config, args.out, step, prepare, extra)
    finish_backend(args.out, config, args.corpus, args.seed)
    step.finish()
    clean(args.out)


def train_se(args: argparse.Namespace) -> None:
    """Train a front end by an approach; `out`/enh becomes a plain ESPnet enhancement model, `out`/asr the backend that was trained
    with it, if any."""
    options = read_config(args.approach_config) if args.approach_config else {}
    args.approach = approaches.canonical(args.approach)
    named = approaches.canonical(options.pop("approach", args.approach))
    if named != args.approach:
        raise UserError(f"{args.approach_config} is of approach {named}, not {args.approach}")
    approach = approaches.build(args.approach, options)
    variant = approaches.find(args.approach).variant_of
    if variant and not args.approach_config:
        yaml = f"conf/approach/{args.approach}.yaml"
        raise UserError(f"{args.approach} is {variant} with other options: give --approach_config {yaml}")
    conf = {"approach": args.approach, "approach_conf": options}
    needed: list[Path | None] = []
    if approach.needs_teacher or approach.needs_backend:
        if not args.backend or (approach.needs_teacher and not args.tokens):
            tokens = " and --tokens" if approach.needs_teacher else ""
            raise UserError(f"approach {args.approach} learns from a recogniser: give --backend{tokens}")
        conf |= {"backend": str(args.backend)}
        needed.append(args.backend)
    if approach.needs_teacher:
        conf |= {"tokens": str(args.tokens)}
        needed.append(args.tokens)
    if args.second:
        if not approach.takes_two:
            raise UserError(f"approach {args.approach} learns from one recogniser and takes no --second")
        conf |= {"second": {"backend": str(args.second[0]), "tokens": str(args.second[1])}}
        needed += args.second
    if approach.needs_se_teacher:
        if not args.se_teacher:
            raise UserError(f"approach {args.approach} learns from a large front end: give --se_teacher")
        conf |= {"se_teacher": str(args.se_teacher)}
        needed.append(args.se_teacher)
    config = _common(args, merge({"kdse_conf": conf}, _read(args.config)))
    kdse = config["kdse_conf"]
    if kdse.get("init"):  # a run in the same experiment folder, with the tag of this one where there is such a run
        tag = args.out.name.rpartition("_seed")[2].lstrip("0123456789")
        tagged, plain = (args.out.parent / f"{kdse['init']}{end}" for end in (tag, ""))
        start = tagged if tagged.exists() else plain
        kdse["init"] = str(start / "enh" / "model.pth")
        needed.append(start)
    elif "se" not in approach.trains:
        raise UserError(f"approach {args.approach} trains no front end: its config must name one, kdse_conf: {{init: RUN}}")
    teachers = {str(p): done_hash(p) for p in needed}
    for folder, finished in teachers.items():
        if finished is None:
            stage = "stage 4" if kdse.get("init") and Path(folder) == start else "stages 3 to 5"
            raise UserError(f"{folder} is not finished; run {stage} first")
    if approach.needs_text:  # what the backend was chosen by, where this training reports it
        chosen = read_yaml(args.backend / "config.yaml").get("best_model_criterion", [])
        if chosen and chosen[0][1] in ("cer_ctc", "acc"):
            config["best_model_criterion"] = chosen[:1]
    if kdse.get("teacher_precision") == "auto":
        from kdse.core.devices import has_bf16  # torch

        kdse["teacher_precision"] = "bf16" if has_bf16("cuda" if args.ngpu else "cpu") else "fp32"
    if approach.optimisers == 2:
        if config.get("accum_grad", 1) != 1:
            raise UserError(f"approach {args.approach} serves each minibatch twice and takes no accum_grad")
        config |= twice(config)
        config["unused_parameters"] = True  # the first step leaves the backend alone
    texts = {name: sha256(_needed(args.data / name / "text", "stage 1")) for _, name in MODES} if approach.needs_text else {}
    state = _state(config) | {"teachers": teachers} | ({"texts": texts} if texts else {})
    step = Step(args.out, state, f"train {args.out.name}", replaces=True)
    kind = "se" if approach.optimisers == 1 else "se_two_step"
    if not _makes(kind, step):
        return
    from kdse.plugin.trainer import clean, finish_front_end, train

    cached = approach.needs_teacher and config["kdse_conf"].get("cached", True)
    extra = [(mode, [str(args.tokens / f"latents_{name}"), "target", "kdse_latents"]) for mode, name in MODES if cached]
    if cached and args.second:
        extra += [(mode, [str(args.second[1] / f"latents_{name}"), "target2", "kdse_latents"]) for mode, name in MODES]
    extra += [(mode, [str(args.data / name / "text"), "text", "text"]) for mode, name in MODES if texts]
    train(
        kind,
        config,
        args.out,
        step,
        lambda part: _data(args, "speech_ref1", part, recordings=approach.needs_text),
        extra,
    )
    teaching = [args.backend, *(args.second or [])[:1]] if approach.needs_teacher or approach.needs_backend else []
    finish_front_end(
        args.out,
        config,
        corpus=args.corpus,
        approach=args.name or args.approach,
        seed=args.seed,
        student=args.config.stem,
        teacher=" + ".join(folder.name for folder in teaching) or None,
        backend=args.out.name if "backend" in approach.trains else args.backend.name if args.backend else None,
    )
    step.finish()
    clean(args.out)


def twice(config: dict[str, Any]) -> dict[str, Any]:
    """The options of the second optimiser of an approach that has two: those of the first."""
    shared = ("optim", "optim_conf", "scheduler", "scheduler_conf")
    return {name.replace("optim", "optim2").replace("scheduler", "scheduler2"): config[name] for name in shared if name in config}


def _makes(kind: str, step: Step) -> bool:
    """Whether this process makes the run: not where nothing is to be done, nor on a further node, which trains along here."""
    if nodes.rank() == 0:
        needed = step.needed()
        if not needed:
            nodes.tell("skip")
        return needed
    if nodes.hear() == "train":
        from kdse.plugin.trainer import train_along

        train_along(kind, step.folder)
    return False


def _read(path: Path) -> dict[str, Any]:
    """An ESPnet YAML. An empty section of options is one without any."""
    return sections(read_config(path), "training config")


def _units(conf: Any) -> dict[str, Any]:
    """The `kdse_tokens` of a backend's YAML, options of `write_units`."""
    units = typed(conf, {"vocab_size": 100, "model_type": "bpe"}, "kdse_tokens")  # examples; the defaults are `write_units`'
    if units.get("vocab_size", 1) < 1:
        raise UserError(f"kdse_tokens: vocab_size must be 1 or more, not {units['vocab_size']}")
    if units.get("model_type", "bpe") not in MODEL_TYPES:
        hint = did_you_mean(units["model_type"], MODEL_TYPES)
        raise UserError(f"kdse_tokens: model_type is one of {', '.join(MODEL_TYPES)}, not '{units['model_type']}'{hint}")
    return units


def _ssl_weights(config: dict[str, Any]) -> dict[str, Any]:
    """What a backend on a self-supervised network depends on beside its config: the network's weights.

    Raises: UserError where they are not given, or not there.
    """
    if config.get("frontend") != "kdse_ssl":
        return {}
    weights = config.get("frontend_conf", {}).get("weights")
    if not isinstance(weights, str) or not Path(weights).is_file():
        said = f"{weights} is no file" if weights else "no weights are given"
        raise UserError(f"frontend_conf: {said}; write 'weights: PATH' of a state dict of torchaudio's into the backend's YAML")
    return {"weights": sha256(Path(weights))}


def _check_lengths(config: dict[str, Any]) -> None:
    """Stage 2 knows nothing of `speeds`: slower speech is longer, and a noise may then be too short for it."""
    from kdse.data.pack import Pack
    from kdse.data.training_packs import check_lengths
    from kdse.plugin.task import mix_options

    options = mix_options(argparse.Namespace(mix_conf=config["mix_conf"]))
    if MixConfig.of(options.mix, "mix_conf").short_noise == "error" and len(options.speeds) > 1:
        noise = Path(options.noise_train)
        check_lengths(Pack(noise.parent / "speech_train"), Pack(noise), min(options.speeds))


def _common(args: argparse.Namespace, config: dict[str, Any]) -> dict[str, Any]:
    """The config with what every training run adds: mixing, seed, devices."""
    if not 0 <= args.seed < 2**32:
        raise UserError(f"--seed is a whole number from 0 to {2**32 - 1}, not {args.seed}")
    mixing, needed = {}, {"noise": "stage 2"}
    if args.mix:
        if MixConfig.load(args.mix).rir_prob:  # refuses what stage 2 refuses
            needed["rir"] = "stages 1 and 2 with RIRS="
        mixing = read_config(args.mix).get("train") or {}
    packs = {
        f"{kind}_{mode}": str(_needed(args.dump / "pack" / f"{kind}_{name}", stage))
        for kind, stage in needed.items()
        for mode, name in MODES
    }
    speech = args.dump / "pack" / "speech_train"
    recordings = {"recordings": str(speech)} if _recordings(speech) else {}
    mix_conf = merge(config.get("mix_conf", {}), {"corpus": args.corpus, **packs, "mix": mixing, "seed": args.seed, **recordings})
    devices = nodes.options(args.num_nodes, args.ngpu)
    return {**config, **_one_cycle(config), "mix_conf": mix_conf, "seed": args.seed, **devices}


def _recordings(pack: Path) -> bool:
    """Whether some of the training speech are recordings that are noisy already."""
    from kdse.data.pack import Pack

    return bool(Pack(_needed(pack, "stage 2")).recordings)


def _one_cycle(config: dict[str, Any]) -> dict[str, Any]:
    """The options of `onecyclelr`: its cycle is as long as the training unless `total_steps` says otherwise."""
    for name in ("max_epoch", "num_iters_per_epoch", "accum_grad"):
        value = config.get(name, 1)
        if not (type(value) is int and value > 0) and not (value is None and name == "num_iters_per_epoch"):
            raise UserError(f"training config: {name} takes a whole number of 1 or more, not {value!r}")
    epochs, length = config.get("max_epoch"), config.get("num_iters_per_epoch")  # without a length, an epoch is all data
    if config.get("scheduler") != "onecyclelr" or not (epochs and length):
        return {}
    updates = epochs * length // config.get("accum_grad", 1)
    conf = {"total_steps": updates, **config.get("scheduler_conf", {})}
    if type(conf["total_steps"]) is not int:
        raise UserError(f"scheduler_conf: total_steps takes a whole number, not {conf['total_steps']!r}")
    if conf["total_steps"] < updates:
        raise UserError(f"scheduler_conf: total_steps {conf['total_steps']} is less than the {updates} updates of the training")
    return {"scheduler_conf": conf}


def _state(config: dict[str, Any]) -> dict[str, Any]:
    """What the result depends on: the config without the devices, and the packs' fingerprints."""
    kept = {k: v for k, v in config.items() if k not in DEVICES}
    pack = Path(config["mix_conf"]["noise_train"]).parent
    names = ["speech_train", "speech_dev", "noise_train", "noise_dev"]
    names += [f"rir_{name}" for mode, name in MODES if f"rir_{mode}" in config["mix_conf"]]
    return {"config": kept, "packs": {name: sha256(_needed(pack / name, "stage 2") / "index.json") for name in names}}


def _data(args: argparse.Namespace, name: str, part: Path, recordings: bool = True) -> dict[str, Any]:
    """ESPnet's data options for the packs of speech under the data name `name`; shape files, which say what is used of them, are
    written to `part`. Recordings without a clean signal are of use only to who learns from their texts."""
    from kdse.data.pack import Pack

    found: dict[str, Any] = {}
    for mode, pack in MODES:
        folder = args.dump / "pack" / f"speech_{pack}"
        held = Pack(folder)
        shapes = part / f"{mode}_shape"
        used = held if recordings else held.clean
        shapes.write_text("".join(f"{utt} {held.length(utt)}\n" for utt in used), encoding="utf-8")
        found[f"{mode}_data_path_and_name_and_type"] = [[str(folder), name, "kdse_pack"]]
        found[f"{mode}_shape_file"] = [str(shapes)]
    return found


def _needed(path: Path, stage: str) -> Path:
    if not path.exists():
        raise UserError(f"{path} is missing; run {stage} first")
    return path
