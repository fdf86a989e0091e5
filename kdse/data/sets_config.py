"""The options of the fixed sets: section `sets` of a file of conf/mix."""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kdse.core.config import override, read_config
from kdse.core.errors import UserError
from kdse.core.files import check_keys
from kdse.data.mix import MixConfig


@dataclass(frozen=True)
class SetsConfig:
    """The fixed sets. YAML files only override these values.

    Args:
        test_snrs: dB; every test utterance is mixed at each of them, or at one without `test_all_snrs`.
        dev_snrs: dB; each dev utterance is mixed at one of them, or at each with `dev_all_snrs`.
        dev_noises, test_noises: with how many different noises an utterance is mixed at an SNR.
        dev_clean: whether there is a set `dev_clean`, too.
        seen_share: share of the items that are mixed with training noises. Above 0, an item's category says `seen:` or `unseen:`
            before the noise's own.
        rir_share: share of the items that are heard in a room; what it adds to the speech is part of the noise
            (`kdse.data.reverb`).
        seed: another seed draws other noises and offsets.
    """

    test_snrs: tuple = (-5.0, 0.0, 5.0, 10.0)
    dev_snrs: tuple = (-5.0, 0.0, 5.0, 10.0)
    dev_all_snrs: bool = False
    test_all_snrs: bool = True
    seen_share: float = 0.0
    rir_share: float = 0.0
    seed: int = 0
    dev_noises: int = 1
    test_noises: int = 1
    dev_clean: bool = False

    def snrs(self, split: str) -> tuple[float, ...]:
        """The SNRs of a split in dB."""
        return self.dev_snrs if split == "dev" else self.test_snrs

    def noises(self, split: str) -> int:
        """With how many noises each utterance of a split is mixed at an SNR."""
        return self.dev_noises if split == "dev" else self.test_noises

    def kinds(self, split: str) -> tuple[str, ...]:
        """The kinds of sets of a split."""
        return ("noisy",) if split == "dev" and not self.dev_clean else ("noisy", "clean")

    def all_snrs(self, split: str) -> bool:
        """Whether each utterance of a split is mixed at every SNR."""
        return self.dev_all_snrs if split == "dev" else self.test_all_snrs


YOUNGER = ("test_all_snrs", "seen_share", "rir_share", "dev_noises", "test_noises")
"""Options that are younger than sets which were made without them."""


def options_of(config: SetsConfig, split: str) -> dict[str, Any]:
    """The options on which the noisy sets of a split depend, for the state of their step.

    An option of `YOUNGER` counts only where it is not at its default, so that sets made without it stay done.
    """
    values, defaults = asdict(config), asdict(SetsConfig())
    options = {}
    for name, value in values.items():
        concerns_split = name.startswith(split) or name in ("seed", "seen_share", "rir_share")
        made_without = name in YOUNGER and value == defaults[name]
        if name != "dev_clean" and concerns_split and not made_without:
            options[name] = value
    return options


def load_sets_config(path: Path | None) -> tuple[SetsConfig, str]:
    """The section `sets` of a file of conf/mix, and `short_noise` of its section `train`; the defaults where `path` is None.

    Raises: UserError for an unknown option, and for a value out of range.
    """
    if path is None:
        return SetsConfig(), MixConfig().short_noise
    values = read_config(path)
    check_keys(values, ("train", "sets"), str(path))
    config = override(SetsConfig, values.get("sets") or {}, f"{path}, sets")
    for key in ("test_snrs", "dev_snrs"):
        config = replace(config, **{key: _checked_snrs(getattr(config, key), f"{path}, sets: {key}")})
    for key in ("seen_share", "rir_share"):
        if not 0 <= getattr(config, key) <= 1:
            raise UserError(f"{path}, sets: {key} is between 0 and 1, not {getattr(config, key)}")
    for key in ("dev_noises", "test_noises"):
        if getattr(config, key) < 1:
            raise UserError(f"{path}, sets: {key} is a whole number from 1, not {getattr(config, key)}")
    return config, MixConfig.load(path).short_noise


def _checked_snrs(snrs: tuple, where: str) -> tuple[float, ...]:
    finite = all(type(snr) in (int, float) and math.isfinite(snr) for snr in snrs)
    if not snrs or not finite or len(set(snrs)) < len(snrs):
        raise UserError(f"{where} takes different finite numbers in dB like [-5, 0, 5], not {list(snrs)}")
    return tuple(map(float, snrs))
