"""The entry point: from an ESPnet model, latents and a config to the best hypothesis of each utterance."""

import torch
from torch import Tensor, nn

from kdse.core.errors import UserError
from kdse.search import attention, ctc, transducer
from kdse.search.config import SearchConfig
from kdse.search.ctc import Found
from kdse.search.ctc_prefix import CTCPrefix
from kdse.search.decoders import steps_of
from kdse.search.lm import Fusion, context_of
from kdse.search.ngram import Ngram, NgramContext


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
        assert bool(config.lm) == (lm is not None), "the config names a language model, and the caller loads it"
        config.check(where)
        self.model, self.config, self.kind = model, config, config.decode
        self.blank, self.sos, self.eos, self.vocabulary = model.blank_id, model.sos, model.eos, len(model.token_list)
        self.steps, self.strict = None, False
        transduces = getattr(model, "use_transducer_decoder", False)
        attends = self.kind == "attention" and config.ctc_weight < 1
        if self.kind == "transducer":
            if not transduces:
                raise UserError(f"{where} is no transducer; decode it with ctc_greedy, ctc_beam or attention")
            self.prediction = transducer.Prediction(model.decoder, model.joint_network, where)
        elif attends:
            if model.decoder is None or transduces:
                raise UserError(f"{where} has no attention decoder; decode it with {'transducer' if transduces else 'ctc_beam'}")
            self.steps, self.strict = steps_of(model.decoder, where)
        self.hears_ctc = self.kind.startswith("ctc") or (self.kind == "attention" and config.ctc_weight > 0)
        if self.hears_ctc and model.ctc is None:
            raise UserError(f"{where} has no CTC branch, which {self.kind} decoding needs here")
        self.lm = lm
        self.ngram = Ngram(config.ngram, list(model.token_list)) if config.ngram else None

    def __call__(self, latents: Tensor, frames: Tensor) -> list[Found]:
        """The best hypothesis of each utterance, in their order; an utterance without frames has none of its own and gets no token.

        Args:
            latents: (B, U, D) float32 of the encoder, padded in any way.
            frames: (B,) valid frames.
        """
        with torch.inference_mode():
            heard = frames > 0
            if not bool(heard.all()):
                rest = iter(self(latents[heard], frames[heard]) if bool(heard.any()) else ())
                return [next(rest) if is_heard else Found([], 0.0) for is_heard in heard.tolist()]
            return self._search(latents[:, : int(frames.max())], frames)

    def _search(self, latents: Tensor, frames: Tensor) -> list[Found]:
        config = self.config
        if self.kind == "transducer":
            if config.beam_size == 1:
                return transducer.greedy(self.prediction, latents, frames)
            return transducer.beam_search(self.prediction, latents, frames, config.beam_size)
        log_probs = self.model.ctc.log_softmax(latents) if self.hears_ctc else None
        if self.kind == "ctc_greedy":
            return ctc.greedy(log_probs, frames, self.blank)
        context = self._context(len(frames) * config.beam_size, latents.device)
        if self.kind == "ctc_beam":
            return ctc.beam_search(log_probs, frames, config.beam_size, self.blank, self.eos, context, config.penalty)
        steps = self.steps and self.steps(
            self.model.decoder, latents, frames, config.beam_size, int(attention.limits(frames, config).max())
        )
        prefix = CTCPrefix(log_probs, frames, config.beam_size, self.blank, self.eos) if self.hears_ctc else None
        ids = self.blank, self.sos, self.eos
        return attention.beam_search(config, frames, self.vocabulary, *ids, steps, prefix, context, self.strict)

    def _context(self, rows: int, device: torch.device) -> Fusion | None:
        contexts = []
        if self.lm is not None and self.config.lm_weight:
            contexts.append((self.config.lm_weight, context_of(self.lm, self.sos, rows)))
        if self.ngram is not None and self.config.ngram_weight:
            contexts.append((self.config.ngram_weight, NgramContext(self.ngram, rows, device)))
        return Fusion(contexts) if contexts else None


def words(tokens: list[str], ids: list[int]) -> str:
    """The text of token ids: pieces joined, tags such as <unk> dropped.

    >>> words(["<blank>", "▁GO", "ING", "<sos/eos>"], [1, 2, 1])
    'GOING GO'
    """
    return "".join(tokens[i] for i in ids if not tokens[i].startswith("<")).replace("▁", " ").strip()
