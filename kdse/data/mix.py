"""Mixing speech with noise: y = s + n to the last bit, at a chosen SNR, with randomness that belongs to the example."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kdse.core.config import override, read_config
from kdse.core.errors import UserError
from kdse.core.files import check_keys
from kdse.data.audio import check_samples
from kdse.data.level import SILENT, active_power, mean_power, peak_of
from kdse.data.reverb import choose_rir, tail
from kdse.data.stretch import choose_stretch, pick, too_short
from kdse.data.variety import SECOND_DB, add_second, draw_filter, draw_speed, samples_needed, vary

PEAK = 32766.0
"""Largest magnitude before rounding: speech and noise are rounded each, so that their sum may be one larger."""


@dataclass(frozen=True)
class MixConfig:
    """How training items are mixed. YAML files only override these values.

    Args:
        snr_low, snr_high: dB over speech-active power, uniform between them.
        clean_prob: share of items without noise.
        high_snr_prob, high_snr: share of items whose SNR lies between `snr_high` and `high_snr` instead: nearly clean speech.
        second_noise_prob: share of the noisy items with two noises at once.
        filter_prob: share of the noises that go through a random filter (`kdse.data.variety`).
        noise_speed: noises are played up to (1 + noise_speed) times as fast or as slow; needs `short_noise: repeat`.
        rir_prob: share of items heard in a room (`kdse.data.reverb`), with noise or without.
        gain_low_db, gain_high_db: level of the whole item, uniform between them.
        short_noise: 'error', or 'repeat' to play a noise shorter than the speech again from its beginning.
    """

    snr_low: float = -5.0
    snr_high: float = 15.0
    clean_prob: float = 0.1
    gain_low_db: float = -6.0
    gain_high_db: float = 6.0
    short_noise: str = "error"
    rir_prob: float = 0.0
    high_snr_prob: float = 0.0
    high_snr: float = 40.0
    second_noise_prob: float = 0.0
    filter_prob: float = 0.0
    noise_speed: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> "MixConfig":
        """Make one from a mapping, e.g. a section of a YAML file named by `where` in errors."""
        config = override(cls, values, where)
        if config.short_noise not in ("error", "repeat"):
            raise UserError(f"{where}: short_noise is 'error' or 'repeat', not '{config.short_noise}'")
        for name in ("clean_prob", "rir_prob", "high_snr_prob", "second_noise_prob", "filter_prob", "noise_speed"):
            if not 0 <= getattr(config, name) <= 1:
                raise UserError(f"{where}: {name} is between 0 and 1, not {getattr(config, name)}")
        if config.noise_speed and config.short_noise == "error":
            raise UserError(f"{where}: noise_speed needs more of a noise than the speech is long; set 'short_noise: repeat', too")
        ranges = [("snr_low", "snr_high"), ("gain_low_db", "gain_high_db")]
        if config.high_snr_prob:
            ranges.append(("snr_high", "high_snr"))
        for low, high in ranges:
            if getattr(config, low) > getattr(config, high):
                raise UserError(f"{where}: {low} is above {high}")
        return config

    @classmethod
    def load(cls, path: Path | str) -> "MixConfig":
        """Read the section `train` of a file of conf/mix."""
        config = read_config(path)
        check_keys(config, ("train", "sets"), str(path))
        return cls.of(config.get("train") or {}, f"{path}, train")


@dataclass(frozen=True)
class Mixture:
    """One noisy item. noisy == speech + noise exactly.

    Args:
        noisy, speech, noise: int16 (N,).
        snr_db: the SNR asked for, inf where there is no noise.
        gain, noise_gain: linear factors of the original speech and noise samples, before rounding.
        offset: first sample used of the noise.
        noise_id: which noise, '' where there is none.
        rir_id: which room, '' where there is none; what it adds to the speech is part of `noise`.
    """

    noisy: np.ndarray
    speech: np.ndarray
    noise: np.ndarray
    snr_db: float
    gain: float
    noise_gain: float
    offset: int
    noise_id: str = ""
    rir_id: str = ""


def rng_for(*key: object) -> np.random.Generator:
    """The generator that belongs to an example: seeded by a hash of the key, whatever process draws from it.

    >>> rng_for("an4", "utt1", 0).random() == rng_for("an4", "utt1", 0).random()
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def mix(
    speech: np.ndarray,
    noise: np.ndarray,
    snr_db: float,
    *,
    offset: int = 0,
    gain_db: float = 0.0,
    utt: str = "",
    noise_id: str = "",
    late: np.ndarray | None = None,
) -> Mixture:
    """Add noise[offset : offset + N] to speech at an SNR in dB: active power of the speech over mean power of that stretch.

    Args:
        speech: int16 (N,). noise: int16 (M,), M ≥ offset + N.
        snr_db: inf for no noise.
        gain_db: level of the whole; where the result would clip, both signals are turned down together, before rounding.
        utt, noise_id: named in errors, and `noise_id` in the result.
        late: float32 (N,), what a room adds to the speech (`kdse.data.reverb.tail`); it becomes part of the noise.
    Raises: UserError where the speech or the stretch of noise is silent or NaN, or the noise ends too early.
    """
    speech, noise = _samples(speech, f"utterance {utt}"), _samples(noise, f"noise {noise_id}")
    if snr_db == math.inf:
        gain = 10 ** (gain_db / 20)
        loudest = peak_of(speech) if late is None else max(peak_of(speech), peak_of(late), peak_of(speech + late))
        gain *= min(1.0, PEAK / max(loudest * gain, 1.0))
        noisy, clean, rest = combine(speech, np.zeros_like(speech), gain, 0.0, late)
        return Mixture(noisy, clean, rest, math.inf, gain, 0.0, 0)
    stretch = noise[offset : offset + len(speech)]
    if len(stretch) < len(speech):
        raise UserError(too_short(utt, len(speech), noise_id, len(noise)))
    power, noise_power = active_power(speech), mean_power(stretch)
    if power < SILENT:
        raise UserError(f"utterance {utt} is silent, so no SNR can be set; remove it from the data dir")
    if noise_power < SILENT:
        raise UserError(f"noise {noise_id} is silent from sample {offset} to {offset + len(speech)}, so no SNR can be set")
    gain = 10 ** (gain_db / 20)
    noise_gain = gain * math.sqrt(power / noise_power) * 10 ** (-snr_db / 20)
    s, n = _scaled(speech, stretch, gain, noise_gain, late)
    peak = max(peak_of(s), peak_of(n), peak_of(s + n))
    if peak > PEAK:
        gain, noise_gain = gain * PEAK / peak, noise_gain * PEAK / peak
        s, n = _scaled(speech, stretch, gain, noise_gain, late)
    return Mixture(*_rounded(s, n), snr_db, gain, noise_gain, offset, noise_id)


def combine(
    speech: np.ndarray, stretch: np.ndarray, gain: float, noise_gain: float, late: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale and round speech and noise, int16 (N,) each, and return (noisy, speech, noise) with noisy == speech + noise.

    Only single multiplications, additions and roundings in float32: the same bits on every machine, which is what lets a manifest
    rebuild a set.
    """
    return _rounded(*_scaled(speech, stretch, gain, noise_gain, late))


def _scaled(
    speech: np.ndarray, stretch: np.ndarray, gain: float, noise_gain: float, late: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    s, n = speech * np.float32(gain), stretch * np.float32(noise_gain)
    return s, n if late is None else n + late * np.float32(gain)


def draw(
    speech: np.ndarray,
    noise: Mapping[str, np.ndarray],
    config: MixConfig,
    *,
    utt: str,
    epoch: int,
    seed: int,
    purpose: str = "train",
    corpus: str = "",
    rirs: Mapping[str, np.ndarray] | None = None,
) -> Mixture:
    """Mix one training item on the fly; the same key (corpus, purpose, seed, epoch, utterance) always gives the same item.

    Args:
        speech: int16 (N,).
        noise: the noises to choose from, e.g. a `Pack`; their order counts.
        rirs: the room responses to choose from, where `config.rir_prob` is above 0.
    Returns: a Mixture; without noise (`clean_prob`), noise is what the room adds, or zeros, and snr_db is inf.
    """
    rng = rng_for(corpus, purpose, seed, epoch, utt)
    clean, snr, gain = rng.random(3).tolist()
    gain_db = config.gain_low_db + gain * (config.gain_high_db - config.gain_low_db)
    rir_id = ""
    if config.rir_prob:
        assert rirs, "rir_prob without room responses"
        rir_id = choose_rir(rng_for(corpus, purpose, seed, epoch, utt, "rir"), _names(rirs), config.rir_prob)
    late = tail(speech, rirs[rir_id]) if rirs and rir_id else None
    if clean < config.clean_prob:
        return replace(mix(speech, speech, math.inf, gain_db=gain_db, utt=utt, late=late), rir_id=rir_id)
    low, high = config.snr_low, config.snr_high
    if clean < config.clean_prob + config.high_snr_prob:
        low, high = config.snr_high, config.high_snr
    snr_db = low + snr * (high - low)
    of_variety = rng_for(corpus, purpose, seed, epoch, utt, "variety")
    noise_id, offset, stretch = _draw_noise(rng, of_variety, noise, config, len(speech), utt)
    mixture = mix(speech, stretch, snr_db, gain_db=gain_db, utt=utt, noise_id=noise_id, late=late)
    return replace(mixture, offset=offset, rir_id=rir_id)


def _draw_noise(
    rng: np.random.Generator,
    of_variety: np.random.Generator,
    noises: Mapping[str, np.ndarray],
    config: MixConfig,
    length: int,
    utt: str,
) -> tuple[str, int, np.ndarray]:
    """Draw one noise or two, changed as the config says: id ('a+b' of two), offset of the first, int16 (length,).

    What changes a noise has a generator of its own, so that items without such options stay what they were before there were any.
    """

    def one() -> tuple[str, int, np.ndarray]:
        noise_id = pick(rng, _names(noises))
        needed = samples_needed(length, draw_speed(of_variety, config.noise_speed))
        response = draw_filter(of_variety) if of_variety.random() < config.filter_prob else None
        offset, stretch = choose_stretch(rng, noises[noise_id], needed, utt, noise_id, config.short_noise)
        return noise_id, offset, vary(stretch, length, response)

    noise_id, offset, stretch = one()
    if of_variety.random() < config.second_noise_prob:
        second_id, _, second = one()
        stretch = add_second(stretch, second, of_variety.uniform(-SECOND_DB, SECOND_DB))
        noise_id = f"{noise_id}+{second_id}"
    return noise_id, offset, stretch


def _names(signals: Mapping[str, np.ndarray]) -> Sequence[str]:
    """Their ids in order; a pack holds them, and to list 60,000 noises for each item would take longer than to mix it."""
    return getattr(signals, "ids", None) or tuple(signals)


def _rounded(s: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    s, n = np.rint(s, out=s).astype(np.int16), np.rint(n, out=n).astype(np.int16)
    return s + n, s, n


def _samples(x: np.ndarray, name: str) -> np.ndarray:
    if x.dtype == np.int16:
        return x
    check_samples(x, name)
    raise AssertionError(f"{name}: int16 expected, not {x.dtype}")
