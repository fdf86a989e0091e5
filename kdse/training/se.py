"""Stages 4 and 6: train a front end as planned. `out`/enh becomes a plain ESPnet enhancement model, `out`/asr the backend that was
trained with it, if any."""

from kdse.core.step import Step
from kdse.plugin.trainer import clean, train
from kdse.training.data import speech_data
from kdse.training.finish import finish_front_end
from kdse.training.plan import TrainingPlan


def execute(plan: TrainingPlan, step: Step) -> None:
    """Train, keep the averaged model, and mark the step as done."""
    train(plan.task, plan.config, plan.out, step, lambda folder: speech_data(plan, folder), plan.extra_data)
    finish_front_end(plan)
    step.finish()
    clean(plan.out)
