"""ESPnet tasks with on-the-fly mixing: a backend (`MixingASRTask`), and a front end trained by an approach (`DistillationTask`)."""

import argparse
from collections.abc import Callable
from typing import Any

from espnet2.tasks.abs_task import optim_classes
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.enh import EnhancementTask
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.trainer import Trainer
from espnet2.utils.nested_dict_action import NestedDictAction

from kdse import approaches
from kdse.approaches.base import Approach
from kdse.approaches.options import OLD_TEACHERS, backend_in, data_name, hypotheses_name, teachers_in
from kdse.core.errors import UserError
from kdse.core.files import check_keys, read_yaml
from kdse.plugin.fast_layers import bf16_training, cheap_convolutions, cheap_dropout
from kdse.plugin.load import load_backend, load_front_end, load_teacher
from kdse.plugin.model import Clock, DistillationModel
from kdse.plugin.preprocess import EpochIterFactory, MixOptions, MixPreprocessor
from kdse.plugin.published import load_start
from kdse.plugin.teacher import FrozenTeacher


def mix_options(args: argparse.Namespace) -> MixOptions:
    """The `mix_conf` of a config as options.

    Raises: UserError for an unknown one, and for speeds or epochs that are no such numbers.
    """
    conf = dict(args.mix_conf)
    check_keys(conf, MixOptions.__dataclass_fields__, "mix_conf")
    speeds, epochs = conf.get("speeds", [1.0]), conf.get("clean_epochs", 0)
    if not (isinstance(speeds, list) and speeds and all(type(s) in (int, float) and 0.1 <= s <= 10 for s in speeds)):
        raise UserError(f"mix_conf: speeds takes a list of factors from 0.1 to 10, not {speeds!r}")
    if not (type(epochs) is int and epochs >= 0):
        raise UserError(f"mix_conf: clean_epochs takes a whole number of 0 or more, not {epochs!r}")
    return MixOptions(**{**conf, "speeds": tuple(speeds)})


def kdse_conf(args: argparse.Namespace, *options: str) -> dict[str, Any]:
    """The `kdse_conf` of a config, `precision` included.

    Raises: UserError for an option that is not in `options`, and for an unknown precision.
    """
    conf = {"precision": "fp32", **args.kdse_conf}
    check_keys(conf, ("precision", *options), "kdse_conf")
    if type(conf.get("cached", True)) is not bool:
        raise UserError(f"kdse_conf: cached is true or false, not {conf['cached']!r}")
    if conf["precision"] not in ("fp32", "bf16"):
        raise UserError(f"kdse_conf: precision is 'fp32' or 'bf16', not '{conf['precision']}'")
    if conf.get("teacher_precision", "fp32") not in ("fp32", "bf16"):
        raise UserError(f"kdse_conf: teacher_precision is 'fp32', 'bf16' or 'auto', not '{conf['teacher_precision']}'")
    return conf


OPTIONS = ("approach", "approach_conf", "teachers", *OLD_TEACHERS, "se_teacher", "init", "cached", "teacher_precision")
"""What a front end's `kdse_conf` may hold."""
MAX_TEACHERS = 100
"""Teachers with cached latents; ESPnet wants to know the names of all data that there may be."""


class Mixing:
    """What both tasks share: the `mix_conf` option, and loaders that know the epoch."""

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_task_arguments(parser)
        group = parser.add_argument_group(description="kdse")
        group.add_argument("--mix_conf", action=NestedDictAction, default={}, help="Options of on-the-fly mixing (MixOptions).")
        group.add_argument(
            "--kdse_conf", action=NestedDictAction, default={}, help="Precision; for a front end its approach and teachers."
        )

    @classmethod
    def build_iter_factory(cls, args, distributed_option, mode: str, kwargs: dict | None = None):
        factory = super().build_iter_factory(args, distributed_option, mode, kwargs)
        return EpochIterFactory(factory, cls.num_optimizers if mode == "train" else 1)


class LongestFirst:
    """Batches in the order that ESPnet's recurrent encoders insist on: speeds in training change what the sampler had sorted."""

    def __init__(self, collate: Callable):
        self.collate = collate

    def __call__(self, items: list[tuple[str, dict]]):
        """Collate (id, data) pairs, the longest "speech" first."""
        return self.collate(sorted(items, key=lambda item: -len(item[1]["speech"])))


class MixingASRTask(Mixing, ASRTask):
    """ESPnet's ASR task on speech that is mixed with noise as it is read. Its models are plain ESPnet ASR models.

    kdse_conf:
        precision: "fp32" or "bf16", for training alone.
    """

    @classmethod
    def build_model(cls, args: argparse.Namespace):
        conf = kdse_conf(args)
        model = super().build_model(args)
        cheap_dropout(model)
        if conf["precision"] == "bf16":
            bf16_training(model)
        else:  # oneDNN takes minutes to make its bfloat16 kernel (docs/decisions/teacher-in-bfloat16.md)
            cheap_convolutions(model)
        return model

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model) -> list:
        """ESPnet's, in one kernel where torch has one, which saves a twelfth of a Conformer's step."""
        conf = dict(args.optim_conf)
        if args.optim in ("adam", "adamw") and "foreach" not in conf:
            conf.setdefault("fused", True)
        return super().build_optimizers(argparse.Namespace(**{**vars(args), "optim_conf": conf}), model)

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> Callable[[str, dict[str, Any]], dict]:
        return MixPreprocessor(train, mix_options(args), super().build_preprocess_fn(args, train))

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        collate = super().build_collate_fn(args, train)
        return LongestFirst(collate) if args.encoder in ("rnn", "vgg_rnn") else collate


class ClockedTrainer(Trainer):
    """ESPnet's trainer, which also lets the training loader tell the model's clock each epoch."""

    @classmethod
    def run(cls, *, model: DistillationModel, train_iter_factory: EpochIterFactory, **options) -> None:
        """Train; arguments as ESPnet's."""
        train_iter_factory.clock = model.clock
        super().run(model=model, train_iter_factory=train_iter_factory, **options)


class DistillationTask(Mixing, EnhancementTask):
    """ESPnet's enhancement task with an approach in place of `criterions`; its config is a plain enhancement config plus
    `kdse_conf`.

    kdse_conf:
        approach, approach_conf: a name of `kdse.approaches` and its options.
        teachers: a list of `kdse.approaches.options.TeacherEntry`, where the approach needs frozen recognisers. (`backend`,
            `tokens` and `second: {backend, tokens}` are read as well: configs from before there was a list.)
        backend: folder of stage 3, where the approach trains a backend too.
        se_teacher: folder of a trained front end, where the approach learns from one.
        init: a state dict that the front end starts from, or None; a YAML for `kdse train` names the run that it is of.
        cached: whether the teachers' latents of clean speech come from stage 5 (default) or are computed anew at every update;
            those of a teacher with `layers` always are.
        precision: of the front end, "fp32" or "bf16".
        teacher_precision: of the frozen recognisers' encoders, "fp32" (default), "bf16"; `kdse train` resolves "auto".
    """

    trainer = ClockedTrainer

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        targets = (name(number) for number in range(MAX_TEACHERS) for name in (data_name, hypotheses_name))
        return (*super().optional_data_names(train, inference), *targets, "text")

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=-1)  # as ESPnet's ASR task pads texts

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> Callable[[str, dict[str, Any]], dict]:
        texts = None
        if cls.approach(args).needs_text:
            backend = argparse.Namespace(**read_yaml(f"{backend_in(args.kdse_conf)}/config.yaml"))
            texts = ASRTask.build_preprocess_fn(backend, train)
        return MixPreprocessor(train, mix_options(args), texts)

    @classmethod
    def approach(cls, args: argparse.Namespace) -> Approach:
        """The approach of a config."""
        conf = kdse_conf(args, *OPTIONS)
        return approaches.build(conf["approach"], conf.get("approach_conf") or {})

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> DistillationModel:
        conf, approach = kdse_conf(args, *OPTIONS), cls.approach(args)
        trains = approaches.find(conf["approach"]).trains
        front_end = super().build_model(args)
        cheap_dropout(front_end)
        if conf.get("init"):
            load_start(front_end, conf["init"])
        backend, teachers = None, []
        if "backend" in trains:
            backend, _ = load_backend(backend_in(conf))
            cheap_dropout(backend)
            cheap_convolutions(backend)
        elif approach.needs_teacher or approach.needs_backend:
            teachers = frozen_recognisers(approach, conf)
        return DistillationModel(
            front_end,
            approach,
            trains=trains,
            teachers=teachers,
            teacher_weights=[entry.weight for entry in teachers_in(conf)] if teachers else (),
            precision=conf["precision"],
            clock=Clock(args.max_epoch),
            se_teacher=load_front_end(conf["se_teacher"])[0] if conf.get("se_teacher") else None,
            asr_model=backend,
        )


def frozen_recognisers(approach: Approach, conf: dict[str, Any]) -> list[FrozenTeacher]:
    """The teachers that a `kdse_conf` names, with their acoustic tokens where the approach needs them.

    Raises: UserError where one lacks the CTC branch that the approach needs.
    """
    teachers = []
    for entry in teachers_in(conf):
        tokens = entry.tokens if approach.needs_teacher else None
        teacher = load_teacher(entry.backend, tokens, precision=conf.get("teacher_precision", "fp32"), compared=entry.layers)
        if approach.needs_posteriors and teacher.ctc is None:
            losses = ", ".join(approach.posterior_losses)
            raise UserError(
                f"approach {conf['approach']} learns from CTC posteriors ({losses}), and the backend {entry.backend} "
                "has no CTC branch; take another backend, or 'sequence: gram'"
            )
        if approach.asks_decoder(teacher.has_decoder) and not teacher.has_decoder:
            raise UserError(
                f"approach {conf['approach']} learns from the words of an attention decoder (sequence: att_kl), which "
                f"{entry.backend} does not have; take Whisper, or another 'sequence'"
            )
        teachers.append(teacher)
    return teachers


class TwoStepTask(DistillationTask):
    """For approaches with two optimisers: one for the front end alone, one for everything that is trained."""

    num_optimizers = 2

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: DistillationModel) -> list:
        kind = optim_classes[args.optim]
        return [kind(part.parameters(), **args.optim_conf) for part in (model.enh_model, model)]
