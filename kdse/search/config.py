"""How a recogniser searches: what conf/decode may set, under the names that ESPnet's asr_inference has."""

from dataclasses import dataclass, fields
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_yaml

MODELS = ("lm", "lm_weight", "ngram", "ngram_weight")
USES = {
    "ctc_greedy": (),
    "ctc_beam": ("beam_size", "penalty", *MODELS),
    "attention": ("beam_size", "ctc_weight", "penalty", "maxlenratio", *MODELS),
    "transducer": ("beam_size",),
}
"""What each search looks at, beside `decode`."""
MOST_PENALTY, MOST_RATIO = 100, 10
"""Beyond these a value is a slip."""
CHECKPOINTS = ("valid.loss.ave.pth", "valid.loss.best.pth", "model.pth")


@dataclass(frozen=True)
class SearchConfig:
    """Defaults of conf/decode.

    Attributes:
        decode: "ctc_greedy", the best token of every frame; "ctc_beam", prefix beam search; "attention", label by label with the
            attention decoder, its scores joined with those of CTC; "transducer" (greedy where beam_size is 1).
        beam_size: hypotheses that are kept.
        ctc_weight: share of CTC in the scores of "attention", in [0, 1].
        penalty: bonus for each token, in nats.
        maxlenratio: longest hypothesis of "attention", as a share of the encoder's frames; 0 ends by end detection, -n after n
            tokens.
        lm: folder of a trained ESPnet language model (config.yaml and valid.loss.ave.pth, valid.loss.best.pth or model.pth), or "".
        lm_weight: of its log-probabilities.
        ngram: ARPA file of an n-gram model over the recogniser's tokens, or "".
        ngram_weight: of its log-probabilities.
    """

    decode: str = "ctc_greedy"
    beam_size: int = 10
    ctc_weight: float = 0.3
    penalty: float = 0.0
    maxlenratio: float = 0.0
    lm: str = ""
    lm_weight: float = 0.3
    ngram: str = ""
    ngram_weight: float = 0.3

    def check(self, where: str) -> None:
        """Raises: UserError where a value is out of range, or would be ignored; `where` names the file."""
        if self.decode not in USES:
            raise UserError(f"{where}: decode is one of {', '.join(USES)}, not '{self.decode}'")
        if self.beam_size < 1:
            raise UserError(f"{where}: beam_size must be 1 or more, not {self.beam_size}")
        if not 0 <= self.ctc_weight <= 1:
            raise UserError(f"{where}: ctc_weight lies between 0 and 1, {self.ctc_weight:g} does not")
        if not abs(self.penalty) <= MOST_PENALTY:
            raise UserError(f"{where}: penalty lies between -{MOST_PENALTY} and {MOST_PENALTY} nats, {self.penalty:g} does not")
        tokens = self.maxlenratio < 0 and self.maxlenratio % 1 == 0
        if not (tokens or 0 <= self.maxlenratio <= MOST_RATIO):
            raise UserError(
                f"{where}: maxlenratio is a share of the frames up to {MOST_RATIO}, or -n for n tokens, not {self.maxlenratio:g}"
            )
        for model in ("lm", "ngram"):
            name, weight = f"{model}_weight", getattr(self, f"{model}_weight")
            if not weight >= 0:
                raise UserError(f"{where}: {name} must be 0 or more, not {weight:g}")
            if weight != getattr(SearchConfig, name) and not getattr(self, model):
                raise UserError(f"{where}: {name} is of no use without {model}; give {model}, or remove it")
        if (self.lm or self.ngram) and self.decode in ("ctc_greedy", "transducer"):
            raise UserError(f"{where}: '{self.decode}' uses no language model; take ctc_beam or attention, or remove it")
        for field in fields(SearchConfig):
            if field.name not in ("decode", *USES[self.decode]) and getattr(self, field.name) != field.default:
                raise UserError(f"{where}: '{self.decode}' does not use {field.name}; remove it")
        if self.lm:
            lm_files(self.lm)
        if self.ngram and not Path(self.ngram).is_file():
            raise UserError(f"{where}: there is no n-gram model {self.ngram}")


def lm_files(folder: Path | str) -> tuple[Path, Path]:
    """The config and the weights of a trained ESPnet language model, averaged weights first.

    Raises: UserError where one is missing, or the config is of another task.
    """
    folder = Path(folder)
    checkpoint = next((folder / name for name in CHECKPOINTS if (folder / name).exists()), None)
    if checkpoint is None:
        raise UserError(f"{folder} holds no trained language model: none of {', '.join(CHECKPOINTS)} is there")
    config = folder / "config.yaml"
    if "lm" not in read_yaml(config):
        raise UserError(f"{folder} is no language model's folder: {config} has no 'lm'")
    return config, checkpoint
