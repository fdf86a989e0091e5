"""The entry point: from an ESPnet model, latents and a config to the best hypothesis of each utterance."""

import torch
from torch import Tensor, nn

from kdse.core.errors import UserError
from kdse.search import attention, ctc, transducer
from kdse.search.config import SearchConfig
from kdse.search.ctc_prefix import CTCPrefix
from kdse.search.decoders import steps_of
from kdse.search.lm import Fusion, context_of
from kdse.search.ngram import Ngram, NgramContext
from kdse.search.prefix_tree import Prediction
from kdse.search.result import SearchResult, SpecialTokens


class Search:
    """Batched search with one model and one config.

    Args:
        model: an ESPnet ASR model in eval mode; its encoder is not used.
        config: see `SearchConfig`.
        where: names the model in errors.
        lm: the network of the config's language model, or None where it names none.

    Raises: UserError where the model lacks what the config's search needs, or its n-gram model does not fit.
    """

    def __init__(self, model: nn.Module, config: SearchConfig, where: str = "the recogniser", lm: nn.Module | None = None):
        config.check(where)
        assert bool(config.lm) == (lm is not None), "the config names a language model, and the caller loads it"
        self.model, self.config, self.kind = model, config, config.decode
        self.special = SpecialTokens(model.blank_id, model.sos, model.eos)
        self.steps, self.strict = None, False
        transduces = getattr(model, "use_transducer_decoder", False)
        attends = self.kind == "attention" and config.ctc_weight < 1
        if self.kind == "transducer":
            if not transduces:
                raise UserError(f"{where} is no transducer; decode it with ctc_greedy, ctc_beam or attention")
            self.prediction = Prediction(model.decoder, model.joint_network, where)
        elif attends:
            if model.decoder is None or transduces:
                raise UserError(f"{where} has no attention decoder; decode it with {'transducer' if transduces else 'ctc_beam'}")
            self.steps, self.strict = steps_of(model.decoder, where)
        self.uses_ctc = self.kind.startswith("ctc") or (self.kind == "attention" and config.ctc_weight > 0)
        if self.uses_ctc and model.ctc is None:
            raise UserError(f"{where} has no CTC branch, which {self.kind} decoding needs here")
        self.lm = lm
        self.ngram = Ngram(config.ngram, list(model.token_list)) if config.ngram else None

    def __call__(self, latents: Tensor, frames: Tensor) -> list[SearchResult]:
        """The best hypothesis of each utterance, in their order; an utterance without frames has none of its own and gets no token.

        Args:
            latents: (B, U, D) float32 of the encoder, padded in any way.
            frames: (B,) valid frames.
        """
        with torch.inference_mode():
            results = [SearchResult([], 0.0)] * len(frames)
            rows = frames.nonzero().squeeze(1)
            if len(rows) < len(frames):
                latents, frames = latents[rows], frames[rows]
            if len(rows):
                for row, result in zip(rows.tolist(), self._search(latents[:, : int(frames.max())], frames)):
                    results[row] = result
            return results

    def _search(self, latents: Tensor, frames: Tensor) -> list[SearchResult]:
        config = self.config
        if self.kind == "transducer":
            if config.beam_size == 1:
                return transducer.greedy(self.prediction, latents, frames)
            return transducer.beam_search(self.prediction, latents, frames, config.beam_size)
        log_probs = self.model.ctc.log_softmax(latents) if self.uses_ctc else None
        if self.kind == "ctc_greedy":
            return ctc.greedy(log_probs, frames, self.special.blank)
        beam, blank, eos = config.beam_size, self.special.blank, self.special.eos
        lm = self._fusion(len(frames) * beam, latents.device)
        if self.kind == "ctc_beam":
            return ctc.beam_search(log_probs, frames, beam=beam, blank=blank, eos=eos, lm=lm, penalty=config.penalty)
        decoder = prefix = None
        if self.steps is not None:
            longest = int(attention.limits(frames, config).max())
            decoder = self.steps(self.model.decoder, latents, frames, beam, longest)
        if self.uses_ctc:
            prefix = CTCPrefix(log_probs, frames, beam, blank, eos)
        scorers = attention.Scorers(decoder, prefix, lm)
        vocabulary = len(self.model.token_list)
        return attention.beam_search(config, frames, scorers, vocabulary=vocabulary, special=self.special, strict=self.strict)

    def _fusion(self, rows: int, device: torch.device) -> Fusion | None:
        """The language models, each with `rows` empty prefixes; None where the config names none."""
        contexts = []
        if self.lm is not None and self.config.lm_weight:
            contexts.append((self.config.lm_weight, context_of(self.lm, self.special.sos, rows)))
        if self.ngram is not None and self.config.ngram_weight:
            contexts.append((self.config.ngram_weight, NgramContext(self.ngram, rows, device)))
        return Fusion(contexts) if contexts else None


def words(tokens: list[str], ids: list[int]) -> str:
    """The text of token ids: pieces joined, tags such as <unk> dropped.

    >>> words(["<blank>", "▁GO", "ING", "<sos/eos>"], [1, 2, 1])
    'GOING GO'
    """
    return "".join(tokens[i] for i in ids if not tokens[i].startswith("<")).replace("▁", " ").strip()
