"""Stage 4 with conf/teacher/wheels.yaml: enhancers that come as wheels are the SE teacher.

They are too slow to be heard in every update. So they hear each training utterance in a few mixtures, those of the first epochs of
seed 0, and a student that learns from them trains on these mixtures again and again.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdse.core import nodes
from kdse.core.config import override, read_config
from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, read_yaml, sha256, write_text
from kdse.core.parallel import in_processes
from kdse.core.step import Step, done_config
from kdse.core.wheels import PEERS_FOLDER
from kdse.data.audio import FULL_SCALE, RATE, to_int16
from kdse.data.pack import Pack
from kdse.enhancers.peers.signals import MeanOfPeers, delays, find_peers
from kdse.runs.record import write_run
from kdse.training.plan import MODES, Request, base_state, mixing

GROUP = 30 * RATE
"""Samples that go through one stream of a peer."""


@dataclass(frozen=True)
class WheelsOptions:
    """What the YAML of such a teacher says.

    Attributes:
        enhancers: names of `kdse.enhancers.peers.PEERS`; the teacher is the mean of what they return.
        epochs: in how many mixtures they hear each training utterance.
    """

    enhancers: tuple = ("DeepFilterNet3", "GTCRN")
    epochs: int = 1


class Job(NamedTuple):
    """Utterances that one stream hears."""

    mode: str
    epoch: int
    utts: tuple[str, ...]
    speech: str
    conf: tuple[tuple[str, Any], ...]
    enhancers: tuple[str, ...]
    late: tuple[int, ...]


def is_wheels(config: Path) -> bool:
    """Whether the YAML of a front end is that of enhancers which come as wheels."""
    return "enhancers" in read_config(config)


def make_estimates(request: Request) -> None:
    """Write what the enhancers make of the mixtures of training and validation to `request.out`, each pack unless it is done.

    Raises: UserError for an option that cannot be, and where an enhancer is not installed.
    """
    if nodes.rank():
        return  # the first node makes them
    options = override(WheelsOptions, read_config(request.config), str(request.config))
    if not options.enhancers or type(options.epochs) is not int or options.epochs < 1:
        raise UserError(f"{request.config}: give 'enhancers', a list of names, and 'epochs', 1 or more")
    peers = find_peers(options.enhancers, PEERS_FOLDER)
    conf = mixing(request) | {"seed": 0}
    packs = request.dump / "pack"
    about = {
        "enhancers": {peer.name: {name: sha256(PEERS_FOLDER / name) for name in peer.files} for peer in peers},
        "mixtures": mixtures(conf),
    }
    for mode, name in MODES:
        speech = Pack(packs / f"speech_{name}")
        for epoch in range(1, options.epochs + 1) if mode == "train" else (0,):
            folder = request.out / f"{name}_{epoch}"
            step = Step(folder, about, f"{request.out.name}: {' and '.join(options.enhancers)} hear {folder.name}")
            if step.needed():
                common = str(speech.folder), _frozen(conf), options.enhancers, _late(options.enhancers, packs)
                jobs = [Job(mode, epoch, utts, *common) for utts in _groups(speech)]
                pairs = in_processes(_estimates, jobs, _processes(), step.what)
                Pack.write(folder, (pair for group in pairs for pair in group))
                step.finish()
    step = Step(request.out, about | {"options": asdict(options)}, f"{request.out.name}: mixtures")
    if step.needed():
        config = {"enhancers": list(options.enhancers), "late": list(_late(options.enhancers, packs))}
        write_text(request.out / "config.yaml", dump_yaml(config))
        params = [peer.parameters for peer in peers]
        record = {"approach": "se_teacher", "student": request.config.stem, "params": None if None in params else sum(params)}
        write_run(request.out, about, corpus=request.corpus, seed=0, **record)
        step.finish()


@cache
def _late(enhancers: tuple[str, ...], packs: Path) -> tuple[int, ...]:
    """Their delays, measured on half a minute of clean speech."""
    speech = Pack(packs / "speech_dev")
    return delays(
        enhancers, np.concatenate([speech[utt] for utt in _groups(speech)[0]]).astype(np.float32) / FULL_SCALE, PEERS_FOLDER
    )


def mixtures(conf: dict[str, Any]) -> dict[str, Any]:
    """What the mixtures depend on, beside the epoch: options of `mix_conf` and all packs."""
    options = {name: conf.get(name) for name in ("mix", "corpus", "clean_epochs", "speeds")}
    return options | {"packs": base_state({"mix_conf": conf})["packs"]}


def estimates_conf(folder: Path, mix_conf: dict[str, Any]) -> dict[str, Any]:
    """What `mix_conf` of a student says of the estimates in a folder.

    Raises: UserError where they are of other mixtures.
    """
    made = done_config(folder)
    if made["mixtures"] != mixtures(mix_conf):
        raise UserError(f"{folder} was made from other mixtures (--mix, --corpus or the packs of stage 2); run stage 4 again")
    return {"estimates": str(folder), "estimate_epochs": made["options"]["epochs"]}


def holds_estimates(folder: Path) -> bool:
    """Whether a finished SE teacher is one of estimates, and not a network."""
    made = done_config(folder)
    return made is not None and "mixtures" in made


def estimates_of(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The teacher of a finished folder as a function of one float32 waveform (N,) in ±1."""
    config = read_yaml(folder / "config.yaml")
    teacher: list[MeanOfPeers] = []

    def enhanced(noisy: np.ndarray) -> np.ndarray:
        if not teacher:
            teacher.append(MeanOfPeers(config["enhancers"], config["late"], PEERS_FOLDER))
        return teacher[0]([noisy])[0]

    return enhanced


def _estimates(job: Job) -> list[tuple[str, np.ndarray]]:
    """int16 (N,) of each utterance."""
    mixing_of, teacher = _tools(job.mode, job.conf, job.enhancers, job.late)
    mixing_of.epoch = job.epoch
    speech = Pack(job.speech)
    noisy = [mixing_of(utt, {"speech_ref1": speech[utt]})["speech_mix"] for utt in job.utts]
    return [(utt, to_int16(wave)) for utt, wave in zip(job.utts, teacher(noisy), strict=True)]


@cache
def _tools(mode: str, conf: tuple[tuple[str, Any], ...], enhancers: tuple[str, ...], late: tuple[int, ...]):
    """The preprocessor of the training and the enhancers; once in a process."""
    from kdse.plugin.preprocess import MixOptions, MixPreprocessor  # ESPnet

    options = MixOptions(**{name: dict(value) if name == "mix" else value for name, value in conf})
    return MixPreprocessor(mode == "train", options), MeanOfPeers(enhancers, late, PEERS_FOLDER)


def _frozen(conf: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, tuple(value.items()) if isinstance(value, dict) else value) for name, value in conf.items())


def _groups(speech: Pack) -> list[tuple[str, ...]]:
    """The clean utterances of a pack in its order, some 30 s together."""
    groups, seconds = [[]], 0
    for utt in speech.clean:
        if groups[-1] and seconds + speech.length(utt) > GROUP:
            groups.append([])
            seconds = 0
        groups[-1].append(utt)
        seconds += speech.length(utt)
    return [tuple(group) for group in groups]


def _processes() -> int:
    """The cores that the stage gave this training (`share` in utils), else all."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
