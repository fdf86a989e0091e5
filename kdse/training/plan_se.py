"""The plan of stages 4 and 6: a front end by an approach."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdse import approaches
from kdse.approaches.base import Approach
from kdse.approaches.options import (
    OLD_TEACHERS,
    TeacherEntry,
    current,
    data_name,
    hypotheses_name,
    recorded,
    renamed,
    teachers_in,
)
from kdse.core.config import merge, read_config
from kdse.core.errors import UserError
from kdse.core.files import read_yaml, sha256
from kdse.core.progress import say
from kdse.core.wheels import PEERS_FOLDER
from kdse.enhancers.peers.gtcrn import GTCRN
from kdse.enhancers.peers.signals import find_peers
from kdse.runs.backends import ESPNET, kind_name, kind_of
from kdse.runs.naming import family_and_tag
from kdse.training import plan
from kdse.training.plan import MODES, Request, TrainingPlan
from kdse.training.schedule import twice
from kdse.training.se_estimates import estimates_conf, holds_estimates


@dataclass(frozen=True, kw_only=True)
class FrontEndRequest(Request):
    """What `kdse train se` is asked for.

    Attributes:
        approach: a name of `kdse.approaches`, or an alias.
        approach_config: YAML of its options, or None.
        name: approach name in the tables, where it differs.
        backend, tokens: folders of stages 3 and 5, or None: the backend that is trained too, or the first teacher.
        teachers: further teachers.
        se_teacher: folder of a trained front end, or None.
    """

    approach: str
    approach_config: Path | None = None
    name: str | None = None
    backend: Path | None = None
    tokens: Path | None = None
    teachers: tuple[TeacherEntry, ...] = ()
    se_teacher: Path | None = None


@dataclass(frozen=True)
class Chosen:
    """An approach with its name, what it trains, and its options under their names of today."""

    name: str
    trains: tuple[str, ...]
    options: dict[str, Any]
    approach: Approach


def plan_se(request: FrontEndRequest) -> TrainingPlan:
    """The training of a front end by an approach.

    Raises: UserError for options that cannot be, and for what the approach needs and is not there.
    """
    chosen = choose_approach(request)
    approach = chosen.approach
    config = plan.read_training_config(request.config)
    own_conf = config.pop("kdse_conf", {})
    recognisers = resolve_recognisers(chosen, request, own_conf)
    own_conf = {name: value for name, value in own_conf.items() if name not in ("teachers", *OLD_TEACHERS)}
    conf = merge(base_conf(chosen, request, recognisers), own_conf)
    cached = conf.get("cached", True) and not all(entry.layers for entry in recognisers)
    if getattr(approach, "position_jitter", 0) and approach.compares_latents and cached:
        raise UserError("position_jitter moves latents from where stage 5 cached them: set kdse_conf: {cached: false}")
    if not isinstance(conf["approach_conf"], dict):
        raise UserError(f"kdse_conf: approach_conf must hold 'key: value' pairs, not {conf['approach_conf']!r}")
    conf["approach_conf"] = current(conf["approach_conf"])
    config = plan.complete(config, request)
    published = conf.get("init") == GTCRN.name
    init = None if published else resolve_init(chosen, conf, request.out)
    if approach.needs_se_teacher and request.se_teacher and holds_estimates(request.se_teacher):
        config["mix_conf"] |= estimates_conf(request.se_teacher, config["mix_conf"])
        conf.pop("se_teacher", None)
    made_by = plan.finished(_folders(recognisers, request.se_teacher if approach.needs_se_teacher else None), "stages 3 to 5")
    if init:
        conf["init"] = str(init / "enh" / "model.pth")
        made_by |= plan.finished([init], "stage 4")
    if published:
        find_peers([GTCRN.name], PEERS_FOLDER)
        made_by[GTCRN.name] = sha256(PEERS_FOLDER / GTCRN.files[0])
    conf |= _teacher_precision(conf, request.ngpu)
    config |= _criterion(approach, recognisers) | _second_optimiser(chosen, config)
    state = plan.base_state(config | {"kdse_conf": recorded(conf)}) | {"teachers": made_by}
    if approach.needs_text:
        state["texts"] = plan.texts_state(request.data)
    return TrainingPlan(
        task="se" if approach.optimisers == 1 else "se_two_step",
        out=request.out,
        config=config | {"kdse_conf": conf},
        state=state,
        packs=request.dump / "pack",
        speech_name="speech_ref1",
        uses_recordings=approach.needs_text,
        extra_data=_extra_data(approach, conf, recognisers, request.data),
        record=_record(chosen, request, recognisers, init.name if init else conf.get("init")),
        trains=chosen.trains,
    )


def choose_approach(request: FrontEndRequest) -> Chosen:
    """The approach that is asked for, with the options of its YAML."""
    options = read_config(request.approach_config) if request.approach_config else {}
    name = approaches.canonical(request.approach)
    named = approaches.canonical(options.pop("approach", name))
    if named != name:
        raise UserError(f"{request.approach_config} is of approach {named}, not {name}")
    approach = approaches.build(name, options)
    for sentence in renamed(options):
        say(f"approach {name}: {sentence}")
    info = approaches.find(name)
    if info.variant_of and not request.approach_config:
        raise UserError(f"{name} is {info.variant_of} with other options: give --approach_config conf/approach/{name}.yaml")
    return Chosen(name, info.trains, current(options), approach)


def resolve_recognisers(chosen: Chosen, request: FrontEndRequest, own_conf: dict[str, Any]) -> list[TeacherEntry]:
    """The recognisers that the approach uses, the teachers of the training config before those of the command line.

    Returns: [] for an approach that uses none; without tokens for one that needs none.
    Raises: UserError where one is missing, or there are more than the approach takes.
    """
    approach, name = chosen.approach, chosen.name
    if not approach.needs_teacher:
        if request.teachers:
            raise UserError(f"approach {name} distils no latents of a recogniser and takes no --teacher")
        if approach.needs_backend and not request.backend:
            raise UserError(f"approach {name} learns from a recogniser: give --backend")
        if approach.needs_backend and (kind := kind_name(request.backend)) != ESPNET:
            raise UserError(f"approach {name} needs the loss of an ESPnet recogniser, and {request.backend} is of kind {kind}")
        return [TeacherEntry(str(request.backend))] if approach.needs_backend else []
    teachers = _teachers(own_conf, request)
    if not teachers or not all(teacher.tokens for teacher in teachers):
        raise UserError(f"approach {name} learns from a recogniser: give --backend and --tokens")
    if len(teachers) > 1 and not approach.several_teachers:
        raise UserError(f"approach {name} learns from one recogniser and takes no further --teacher")
    return teachers


def _teachers(own_conf: dict[str, Any], request: FrontEndRequest) -> list[TeacherEntry]:
    """Those of the command line. A list in the training config takes their place; its old keys, that of the first and second."""
    given = _of_command_line(request)
    if own_conf.get("teachers") is not None:
        if given:
            say("the teachers of the training config take the place of those of the command line")
        return teachers_in(own_conf)
    entries: list[Any] = [entry.conf() for entry in given]
    first = {name: own_conf[name] for name in ("backend", "tokens") if own_conf.get(name)}
    if first:
        entries[:1] = [(entries[0] if entries else {}) | first]
    if own_conf.get("second") and entries:
        entries[1:2] = [own_conf["second"]]
    return teachers_in({"teachers": entries})


def _of_command_line(request: FrontEndRequest) -> list[TeacherEntry]:
    if not request.backend:
        return list(request.teachers)
    return [TeacherEntry(str(request.backend), str(request.tokens) if request.tokens else None), *request.teachers]


def base_conf(chosen: Chosen, request: FrontEndRequest, recognisers: list[TeacherEntry]) -> dict[str, Any]:
    """The `kdse_conf` that follows from the request: approach, teachers or trained backend, SE teacher."""
    conf: dict[str, Any] = {"approach": chosen.name, "approach_conf": chosen.options}
    if "backend" in chosen.trains:
        conf["backend"] = recognisers[0].backend
    elif recognisers:
        conf["teachers"] = [entry.conf() for entry in recognisers]
    if chosen.approach.needs_se_teacher:
        if not request.se_teacher:
            raise UserError(f"approach {chosen.name} learns from a large front end: give --se_teacher")
        conf["se_teacher"] = str(request.se_teacher)
    return conf


def resolve_init(chosen: Chosen, conf: dict[str, Any], out: Path) -> Path | None:
    """The run whose front end is the start: one in the folder of `out`, with the tag of `out` where there is such a run.

    Raises: UserError where there must be one and the config names none.
    """
    init = conf.get("init")
    if init is not None and not isinstance(init, str):
        raise UserError(f"kdse_conf: init is the name of a run, not {init!r}")
    if init:
        _, tag = family_and_tag(out.name)
        tagged = out.parent / f"{init}_{tag}"
        return tagged if tag and tagged.exists() else out.parent / init
    if "se" not in chosen.trains:
        raise UserError(f"approach {chosen.name} trains no front end: its config must name one, kdse_conf: {{init: RUN}}")
    return None


def _folders(recognisers: list[TeacherEntry], se_teacher: Path | None) -> list[Path | str]:
    """The folders of earlier stages that the training uses."""
    folders = [folder for entry in recognisers for folder in (entry.backend, entry.tokens) if folder]
    return [*folders, *([se_teacher] if se_teacher else [])]


def _criterion(approach: Approach, recognisers: list[TeacherEntry]) -> dict[str, Any]:
    """With texts, epochs are chosen by what the backend was chosen by, where this training reports it."""
    if not approach.needs_text:
        return {}
    criteria = read_yaml(Path(recognisers[0].backend) / "config.yaml").get("best_model_criterion", [])
    return {"best_model_criterion": criteria[:1]} if criteria and criteria[0][1] in ("cer_ctc", "acc") else {}


def _teacher_precision(conf: dict[str, Any], ngpu: int) -> dict[str, str]:
    """`teacher_precision: auto` becomes what the processor has."""
    if conf.get("teacher_precision") != "auto":
        return {}
    from kdse.core.devices import has_bf16  # torch, for the one config that asks

    return {"teacher_precision": "bf16" if has_bf16("cuda" if ngpu else "cpu") else "fp32"}


def _second_optimiser(chosen: Chosen, config: dict[str, Any]) -> dict[str, Any]:
    if chosen.approach.optimisers == 1:
        return {}
    if config.get("accum_grad", 1) != 1:
        raise UserError(f"approach {chosen.name} serves each minibatch twice and takes no accum_grad")
    return twice(config) | {"unused_parameters": True}  # the first step leaves the backend alone


def _extra_data(
    approach: Approach, conf: dict[str, Any], recognisers: list[TeacherEntry], data: Path
) -> list[tuple[str, list[str]]]:
    """Cached latents and hypotheses of each teacher, and texts. The cache holds one layer: a teacher of several computes them."""
    entries = []
    for number, teacher in enumerate(recognisers):
        if approach.needs_teacher and conf.get("cached", True) and not teacher.layers:
            for mode, name in MODES:
                entries.append((mode, [str(Path(teacher.tokens) / f"latents_{name}"), data_name(number), "kdse_latents"]))
    for number, teacher in enumerate(recognisers):
        if approach.asks_decoder(kind_of(teacher.backend).has_decoder):
            for mode, name in MODES:
                entries.append((mode, [_hypotheses(teacher, name), hypotheses_name(number), "text_int"]))
    return entries + (plan.texts_data(data) if approach.needs_text else [])


def _hypotheses(folders: TeacherEntry, name: str) -> str:
    path = Path(folders.tokens) / f"hypotheses_{name}"
    if not path.is_file():
        raise UserError(f"{path} is missing: only a teacher with a decoder, such as Whisper, has hypotheses (stage 5 writes them)")
    return str(path)


def _record(chosen: Chosen, request: FrontEndRequest, recognisers: list[TeacherEntry], init: str | None) -> dict[str, Any]:
    """The fields of run.yaml."""
    names = [Path(folders.backend).name for folders in recognisers]
    backend = request.backend.name if request.backend else next(iter(names), None)
    return {
        "corpus": request.corpus,
        "approach": request.name or chosen.name,
        "seed": request.seed,
        "student": request.config.stem,
        "teacher": " + ".join(names) or None,
        "backend": request.out.name if "backend" in chosen.trains else backend,
        "teachers": names,
        "init_run": init,
    }
