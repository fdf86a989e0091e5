"""Load a trained ESPnet language model that a search scores hypotheses with."""

from pathlib import Path

from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM
from espnet2.tasks.lm import LMTask
from torch import nn

from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.plugin.load import load
from kdse.search.config import lm_files


def load_lm(folder: Path | str, tokens: list[str]) -> nn.Module:
    """The network of a trained ESPnet language model over the recogniser's tokens, in eval mode.

    Raises: UserError where the folder holds none, where it is of a kind that is not searched, or has other tokens.
    """
    config, checkpoint = lm_files(folder)
    if read_yaml(config).get("token_list") != tokens:
        raise UserError(
            f"the language model {folder} has other tokens than the recogniser; train it with the recogniser's token list"
        )
    model, _ = load(LMTask, folder, checkpoint=checkpoint.name)
    if not isinstance(model.lm, SequentialRNNLM | TransformerLM):
        raise UserError(f"{folder}: language models of the kinds seq_rnn and transformer can be searched with, this one is neither")
    return model.lm
