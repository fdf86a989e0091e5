"""Stage 3: train a backend as planned. `out` becomes config.yaml, model.pth, tokens.txt and bpe.model."""

import argparse
from pathlib import Path
from typing import Any

from kdse.core.step import Step
from kdse.data.mix import MixConfig
from kdse.data.pack import Pack
from kdse.data.training_packs import check_lengths
from kdse.plugin.task import mix_options
from kdse.plugin.trainer import clean, train
from kdse.training.data import speech_data
from kdse.training.finish import finish_backend
from kdse.training.plan import TrainingPlan
from kdse.training.subwords import write_subwords


def execute(plan: TrainingPlan, step: Step) -> None:
    """Train, keep the averaged model, and mark the step as done."""
    check_slow_speech(plan.config["mix_conf"])

    def prepare(folder: Path) -> dict[str, Any]:
        subwords = write_subwords(plan.text, folder, **plan.subwords)
        return subwords | speech_data(plan, folder) | {"use_preprocessor": True}

    train(plan.task, plan.config, plan.out, step, prepare, plan.extra_data)
    finish_backend(plan)
    step.finish()
    clean(plan.out)


def check_slow_speech(mix_conf: dict[str, Any]) -> None:
    """Stage 2 knows nothing of `speeds`: slower speech is longer, and a noise may then be too short for it."""
    options = mix_options(argparse.Namespace(mix_conf=mix_conf))
    if MixConfig.of(options.mix, "mix_conf").short_noise == "error" and len(options.speeds) > 1:
        noise = Path(options.noise_train)
        check_lengths(Pack(noise.parent / "speech_train"), Pack(noise), min(options.speeds))
