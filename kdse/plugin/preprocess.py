"""On-the-fly mixing inside ESPnet's data loader, keyed by (corpus, purpose, seed, epoch, utterance) and by nothing else."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.train.preprocessor import AbsPreprocessor

from kdse.data.audio import FULL_SCALE
from kdse.data.mix import MixConfig, draw, rng_for
from kdse.data.pack import Pack


@dataclass(frozen=True)
class MixOptions:
    """`mix_conf` of a training run.

    Attributes:
        corpus: enters the key of the randomness.
        noise_train, noise_valid: folders of packs.
        rir_train, rir_valid: those of room responses, where the mix has a `rir_prob`.
        mix: options of `kdse.data.mix.MixConfig`.
        seed: of the mixtures; validation mixtures ignore it, so that all runs are compared on the same items.
        speeds: speed factors to choose from in training (backends only; a front end needs s and ŝ aligned with cached targets).
        clean_epochs: epochs over which the share of clean items falls from 1 to the mix's `clean_prob`: a recogniser that learns
            on clean speech first finds the alignment many times sooner.
        recordings: the pack of training speech, where some of it are recordings that are noisy already, else None.
        estimates: folder with an SE teacher's estimates of the mixtures of so many epochs of seed 0
            (`kdse.training.se_estimates`); these mixtures are heard again and again. None: others in every epoch.
        estimate_epochs: how many.
    """

    corpus: str
    noise_train: str
    noise_valid: str
    mix: dict[str, Any]
    rir_train: str = ""
    rir_valid: str = ""
    seed: int = 0
    speeds: tuple[float, ...] = (1.0,)
    clean_epochs: int = 0
    recordings: str | None = None
    estimates: str | None = None
    estimate_epochs: int = 1


class MixPreprocessor(AbsPreprocessor):
    """Turn clean int16 speech into what a model trains on.

    For a front end, `speech_ref1` becomes speech_mix and speech_ref1, float32 (N,) in [−1, 1). For a backend, `speech` becomes
    the noisy signal. `rest` (ESPnet's preprocessor of a backend) makes token ids of the text.

    With `estimates`, a front end's items have `se_teacher`, float32 (N,), too.

    A recording that is noisy already gets another level and nothing else. Where there are such, a front end's items have
    `referenced` (1,): 0 for a recording, which has no clean signal, so that its speech_ref1 is no more than a place holder.
    """

    def __init__(self, train: bool, options: MixOptions, rest=None):
        super().__init__(train)
        self.options, self.rest, self.epoch = options, rest, 0
        self.config = MixConfig.of(options.mix, "mix_conf")
        self.noise = Pack(options.noise_train if train else options.noise_valid)
        rirs = options.rir_train if train else options.rir_valid
        self.rirs = Pack(rirs) if rirs else None
        packs = range(1, options.estimate_epochs + 1) if train else (0,)
        folder, split = Path(options.estimates or ""), "train" if train else "dev"
        self.estimates = {epoch: Pack(folder / f"{split}_{epoch}") for epoch in packs} if options.estimates else {}
        self.recordings = Pack(options.recordings).recordings if train and options.recordings else frozenset()

    def __call__(self, uid: str, data: dict[str, Any]) -> dict[str, np.ndarray]:
        name = "speech_ref1" if "speech_ref1" in data else "speech"
        purpose, seed, epoch = ("train", self.options.seed, self.epoch) if self.train else ("valid", 0, 0)
        if self.train and self.estimates:
            seed, epoch = 0, (epoch - 1) % len(self.estimates) + 1
        speech = data[name]
        if self.train and len(self.options.speeds) > 1:
            speed = rng_for(self.options.corpus, "speed", seed, epoch, uid).choice(self.options.speeds)
            speech = change_speed(speech, float(speed))
        config, rirs = self.config_of(epoch), self.rirs
        if uid in self.recordings:
            config, rirs = replace(config, clean_prob=1.0, rir_prob=0.0), None
        key = {"utt": uid, "epoch": epoch, "seed": seed, "purpose": purpose, "corpus": self.options.corpus}
        item = draw(speech, self.noise, config, **key, rirs=rirs)
        noisy = item.noisy.astype(np.float32) / FULL_SCALE
        if name == "speech_ref1":
            data = {**data, "speech_mix": noisy, "speech_ref1": item.speech.astype(np.float32) / FULL_SCALE}
            if self.estimates:
                data["se_teacher"] = self.estimates[epoch][uid].astype(np.float32) / FULL_SCALE
            if self.recordings:
                data["referenced"] = np.array([uid not in self.recordings], np.float32)
        else:
            data = {**data, "speech": noisy}
        return self.rest(uid, data) if self.rest else data

    def config_of(self, epoch: int) -> MixConfig:
        """How items of an epoch (from 1 in training, 0 in validation) are mixed."""
        left = 1 - (epoch - 1) / self.options.clean_epochs if self.train and self.options.clean_epochs else 0.0
        return replace(self.config, clean_prob=max(self.config.clean_prob, left))


def change_speed(speech: np.ndarray, speed: float) -> np.ndarray:
    """int16 (N,) -> int16 (⌈N/speed⌉,): faster and higher for speed > 1 (Ko et al., Interspeech 2015)."""
    if speed == 1.0:
        return speech
    from scipy.signal import resample_poly

    changed = resample_poly(speech.astype(np.float32), 100, round(speed * 100))
    return np.clip(np.rint(changed), -32768, 32767).astype(np.int16)


class EpochIterFactory(AbsIterFactory):
    """Tells the preprocessor the epoch before ESPnet's loader makes its workers, which copy it; and the model's clock.

    Attributes:
        clock: of a model that is trained, or None.
        optimisers: how often each minibatch is served; from 2 on it says as `optimiser` which one takes the update.
    """

    def __init__(self, factory: AbsIterFactory, optimisers: int = 1):
        self.factory, self.optimisers, self.clock = factory, optimisers, None

    def build_iter(self, epoch: int, shuffle: bool | None = None):
        """ESPnet's iterator of this epoch."""
        self.factory.dataset.preprocess.epoch = epoch
        if self.clock is not None:
            self.clock.begin(epoch)
        batches = self.factory.build_iter(epoch, shuffle)
        if self.optimisers == 1:
            return batches
        return ((utts, {**batch, "optimiser": number}) for utts, batch in batches for number in range(self.optimisers))
