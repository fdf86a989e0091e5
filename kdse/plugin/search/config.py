"""How a recogniser searches: what conf/decode may set, under the names that ESPnet's asr_inference has."""

from dataclasses import dataclass
from pathlib import Path

from kdse.errors import UserError
from kdse.files import read_yaml

KINDS = ("ctc_greedy", "ctc_beam", "attention", "transducer")
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
        if self.decode not in KINDS:
            raise UserError(f"{where}: decode is one of {', '.join(KINDS)}, not '{self.decode}'")
        if self.beam_size < 1:
            raise UserError(f"{where}: beam_size must be 1 or more, not {self.beam_size}")
        if not 0 <= self.ctc_weight <= 1:
            raise UserError(f"{where}: ctc_weight lies between 0 and 1, {self.ctc_weight:g} does not")
        if (self.lm or self.ngram) and self.decode in ("ctc_greedy", "transducer"):
            raise UserError(f"{where}: '{self.decode}' uses no language model; take ctc_beam or attention, or remove it")
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
