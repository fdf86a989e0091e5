"""What one training is made of and depends on, decided before anything is trained. Nothing here imports ESPnet: a training that is
done is skipped in a moment."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdse.core import nodes
from kdse.core.config import merge, read_config
from kdse.core.errors import UserError
from kdse.core.files import sections, sha256
from kdse.core.step import Step, done_hash
from kdse.data.mix import MixConfig
from kdse.data.pack import Pack
from kdse.training.schedule import one_cycle

MODES = (("train", "train"), ("valid", "dev"))
"""What ESPnet calls the use of a set, and the set."""
DEVICES = ("ngpu", "multiprocessing_distributed", "dist_backend", "num_workers")
"""Options that the result does not depend on."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `kdse train` is asked for, whatever it trains.

    Attributes:
        config: ESPnet YAML of the model and its training.
        out: experiment folder.
        corpus: enters the randomness of the mixtures.
        dump, data: folders of stages 2 and 1.
        mix: YAML of mixing options, or None.
        seed: of initialisation, order and mixtures.
        ngpu, num_nodes: devices.
    """

    config: Path
    out: Path
    corpus: str
    dump: Path = Path("dump")
    data: Path = Path("data")
    mix: Path | None = None
    seed: int = 0
    ngpu: int = 0
    num_nodes: int = 1


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """One training.

    Attributes:
        task: "asr", "se", or "se_two_step" for an approach with two optimisers: a name of `kdse.plugin.trainer.TASKS`.
        out: experiment folder.
        config: ESPnet's options, without those that name data.
        state: everything the result depends on, for its `Step`.
        packs: folder with the packs of speech.
        speech_name: under which ESPnet reads the speech.
        uses_recordings: whether recordings without a clean signal are of use.
        extra_data: (mode, [path, name, type]) of data beside speech.
        record: fields of run.yaml.
        trains: parts that are trained, of "se" and "backend".
        subwords: options of `kdse.training.subwords.write_subwords`, for a backend.
        text: transcripts that the subwords are made of, for a backend.
    """

    task: str
    out: Path
    config: dict[str, Any]
    state: dict[str, Any]
    packs: Path
    speech_name: str
    uses_recordings: bool = True
    extra_data: list[tuple[str, list[str]]] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    trains: tuple[str, ...] = ("backend",)
    subwords: dict[str, Any] = field(default_factory=dict)
    text: Path | None = None

    def step(self) -> Step:
        """The training as a step that is done once."""
        return Step(self.out, self.state, f"train {self.out.name}", replaces=True)


def carry_out(plan: TrainingPlan) -> None:
    """Train as planned, or resume, or skip. The first node decides and makes the files; further ones train along."""
    # Inside: ESPnet takes seconds to import, and a training that is done is skipped in a moment.
    if nodes.rank():
        if nodes.receive_decision() == "train":
            from kdse.plugin.trainer import train_along

            train_along(plan.task, plan.out)
        return
    step = plan.step()
    if not step.needed():
        nodes.announce("skip")
        return
    from kdse.training import asr, se

    (asr if plan.task == "asr" else se).execute(plan, step)


def read_training_config(path: Path) -> dict[str, Any]:
    """An ESPnet YAML. An empty section of options is one without any."""
    return sections(read_config(path), "training config")


def complete(config: dict[str, Any], request: Request) -> dict[str, Any]:
    """The config with what every training adds: mixing, the length of the learning rate's cycle, seed, devices."""
    if not 0 <= request.seed < 2**32:
        raise UserError(f"--seed is a whole number from 0 to {2**32 - 1}, not {request.seed}")
    mix_conf = merge(config.get("mix_conf", {}), mixing(request))
    devices = nodes.device_options(request.num_nodes, request.ngpu)
    return {**config, **one_cycle(config), "mix_conf": mix_conf, "seed": request.seed, **devices}


def mixing(request: Request) -> dict[str, Any]:
    """What `mix_conf` says of this corpus and seed."""
    mix, kinds = {}, {"noise": "stage 2"}
    if request.mix:
        if MixConfig.load(request.mix).rir_prob:  # refuses what stage 2 refuses
            kinds["rir"] = "stages 1 and 2 with RIRS="
        mix = read_config(request.mix).get("train") or {}
    packs = request.dump / "pack"
    conf = {"corpus": request.corpus, "mix": mix, "seed": request.seed}
    for kind, stage in kinds.items():
        for mode, name in MODES:
            conf[f"{kind}_{mode}"] = str(existing(packs / f"{kind}_{name}", stage))
    speech = packs / "speech_train"
    if Pack(existing(speech, "stage 2")).recordings:
        conf["recordings"] = str(speech)
    return conf


def base_state(config: dict[str, Any]) -> dict[str, Any]:
    """What every training depends on: the config without the devices, and the packs' fingerprints."""
    kept = {name: value for name, value in config.items() if name not in DEVICES}
    mix_conf = config["mix_conf"]
    packs = Path(mix_conf["noise_train"]).parent
    names = ["speech_train", "speech_dev", "noise_train", "noise_dev"]
    names += [f"rir_{name}" for mode, name in MODES if f"rir_{mode}" in mix_conf]
    hashes = {name: sha256(existing(packs / name, "stage 2") / "index.json") for name in names}
    return {"config": kept, "packs": hashes}


def texts_state(data: Path) -> dict[str, str]:
    """Fingerprints of the transcripts of stage 1."""
    return {name: sha256(existing(data / name / "text", "stage 1")) for _, name in MODES}


def texts_data(data: Path) -> list[tuple[str, list[str]]]:
    """ESPnet's entries for these transcripts."""
    return [(mode, [str(data / name / "text"), "text", "text"]) for mode, name in MODES]


def finished(folders: Iterable[Path | str], stages: str) -> dict[str, str]:
    """{folder: hash of the step that made it}.

    Raises: UserError for one that is not finished, naming the stages that make it.
    """
    hashes = {}
    for folder in folders:
        made = done_hash(folder)
        if made is None:
            raise UserError(f"{folder} is not finished; run {stages} first")
        hashes[str(folder)] = made
    return hashes


def existing(path: Path, stage: str) -> Path:
    """The path.

    Raises: UserError where there is nothing, naming the stage that makes it.
    """
    if not path.exists():
        raise UserError(f"{path} is missing; run {stage} first")
    return path
