"""`kdse doctor`: what a recording is like, what a front end takes away from it, and whether it should."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kdse.apply.advice import Advice, advise
from kdse.apply.enhancer import RATES
from kdse.apply.formats import Format
from kdse.apply.meters import LevelMeter, SpectrumMeter
from kdse.apply.places import reading
from kdse.apply.sound_files import SoundReader
from kdse.apply.taken import FrontEndMeter, Taken
from kdse.core.errors import UserError
from kdse.runtime.model import Model
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.stream import checked

Watch = Callable[[SoundReader], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Examination:
    """Of one recording.

    Attributes:
        name: of the file.
        format: Format.
        seconds: its length.
        rms: dBFS of each channel without its DC offset, a full-scale square wave being 0; −inf for silence.
        peak: dBFS of each channel.
        dc: DC offset of each channel, full scale 1.
        clipped: share of the samples.
        clipped_places: (second, samples) of the longest clipped stretches.
        silent: share of the time.
        longest_silence: (second, seconds).
        bandwidth: Hz up to which there is something.
        lost_above: share of the energy above half of the model's rate, which is not kept.
        model: the front end's file.
        model_rate: Hz.
        output: floor, exponent and mix that it states as its defaults, '' for none; `taken` is without them.
        taken: what the front end takes away.
        advice: Advice.
    """

    name: str
    format: Format
    seconds: float
    rms: tuple[float, ...]
    peak: tuple[float, ...]
    dc: tuple[float, ...]
    clipped: float
    clipped_places: tuple[tuple[float, int], ...]
    silent: float
    longest_silence: tuple[float, float]
    bandwidth: float
    lost_above: float
    model: str
    model_rate: int
    output: str
    taken: Taken
    advice: Advice

    def plain(self) -> dict[str, Any]:
        """For JSON, which has no infinite numbers: None stands for them."""
        return _finite(asdict(self))


def examine(source: str, model: Model, watch: Watch = iter) -> Examination:
    """Examine a sound file, in constant memory.

    Args:
        source: a path, or '-' for standard input.
        model: the front end.
        watch: gives the file's blocks on, and may show how far it is.

    Raises: UserError where it cannot be read, or holds NaN or infinite samples.
    """
    with reading(source) as sound:
        form = sound.format
        if not RATES[0] <= form.rate <= RATES[1]:
            raise UserError(f"{sound.name}: a sampling rate is from {RATES[0]} to {RATES[1]} Hz, not {form.rate}")
        levels, spectrum = LevelMeter(form.rate, form.channels), SpectrumMeter(form.rate, form.channels)
        front_end = FrontEndMeter(model, form.rate, form.channels)
        for block in watch(sound):
            try:
                block = checked(block, levels.frames)
            except UserError as e:
                raise UserError(f"{sound.name}: {e}") from e
            for meter in (levels, spectrum, front_end):
                meter.add(block)
        spectrum.end()
        return _examination(sound.name, form, levels, spectrum, front_end.end(), model)


def _examination(name: str, form: Format, levels: LevelMeter, spectrum: SpectrumMeter, taken: Taken, model: Model) -> Examination:
    clipped, places = levels.clipped()
    silent, *longest = levels.silence()
    return Examination(
        name=name,
        format=form,
        seconds=levels.frames / form.rate,
        rms=tuple(map(decibels, levels.rms)),
        peak=tuple(map(decibels, levels.peak)),
        dc=tuple(map(float, levels.dc)),
        clipped=clipped,
        clipped_places=tuple(places),
        silent=silent,
        longest_silence=(longest[0], longest[1]),
        bandwidth=spectrum.bandwidth,
        lost_above=spectrum.share_above(model.rate / 2),
        model=str(model.path),
        model_rate=model.rate,
        output=_output(model.output),
        taken=taken,
        advice=advise(taken.snr, silent),
    )


def _output(stage: OutputStage) -> str:
    bare = OutputStage()
    said = {
        "floor_db": f"floor of {stage.floor_db:g} dB",
        "exponent": f"exponent of {stage.exponent:g}",
        "mix": f"mix of {stage.mix:g}",
    }
    return ", ".join(text for name, text in said.items() if getattr(stage, name) != getattr(bare, name))


def decibels(amplitude: float) -> float:
    """An amplitude over full scale in dB; −inf for 0.

    >>> decibels(0.1)
    -20.0
    """
    return float(20 * np.log10(amplitude)) if amplitude > 0 else -math.inf


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
