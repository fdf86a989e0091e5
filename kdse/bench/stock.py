"""ESPnet's own recognition with the same model and options, to compare with."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from kdse.plugin.espnet import Speech2Text
from kdse.plugin.patches import no_log_warnings
from kdse.search.config import SearchConfig, lm_files
from kdse.search.result import SearchResult


class Stock:
    """`Speech2Text` of espnet2.bin.asr_inference, an utterance at a time.

    For ctc_greedy and ctc_beam it is what ESPnet does with a CTC model: search label by label with CTC prefix scores alone
    (ctc_weight 1), for ctc_greedy with one hypothesis. An n-gram cannot be compared: ESPnet's needs a package that has no wheels.

    Args:
        folder: of stage 3, with config.yaml and model.pth.
        config: see `SearchConfig`.
    """

    def __init__(self, folder: Path, config: SearchConfig):
        ctc = config.decode.startswith("ctc")
        language_model = {}
        if config.lm:
            lm_config, lm_checkpoint = lm_files(config.lm)
            language_model = {"lm_train_config": str(lm_config), "lm_file": str(lm_checkpoint)}
        with no_log_warnings():
            self.recognise = Speech2Text(
                asr_train_config=str(folder / "config.yaml"),
                asr_model_file=str(folder / "model.pth"),
                token_type="char",  # unused: text is made of tokens for both sides in one place
                beam_size=1 if config.decode == "ctc_greedy" else config.beam_size,
                ctc_weight=1.0 if ctc else config.ctc_weight,
                penalty=config.penalty,
                maxlenratio=0.0 if ctc else config.maxlenratio,
                lm_weight=config.lm_weight,
                **language_model,
            )
        self.model: nn.Module = self.recognise.asr_model

    def __call__(self, wave: np.ndarray) -> SearchResult:
        """The best hypothesis of a waveform (N,) in [-1, 1)."""
        [(_, _, tokens, best), *_] = self.recognise(wave)
        return SearchResult([token for token in tokens if token != self.model.eos], float(best.score))


@torch.inference_mode()
def bare_greedy(model: nn.Module, wave: np.ndarray) -> list[int]:
    """The least that greedy CTC of one utterance can be: encoder, best token of every frame, repeats and blanks dropped."""
    speech = torch.from_numpy(wave)[None]
    latents, _ = model.encode(speech, torch.tensor([len(wave)]))
    best = model.ctc.argmax(latents[0] if isinstance(latents, tuple) else latents)[0].unique_consecutive()
    return best[best != model.blank_id].tolist()
