"""Language models in a search: ESPnet's, batched over hypotheses, and n-grams, summed with their weights."""

import torch
from torch import Tensor, nn


class RecurrentContext:
    """Prefixes under ESPnet's `seq_rnn`; as `Fusion`."""

    def __init__(self, lm: nn.Module, sos: int, rows: int):
        self.lm = lm
        tokens = torch.full((rows,), sos, device=lm.decoder.weight.device)
        self.scores, self.state = self._step(tokens, None)

    def _step(self, tokens: Tensor, state):
        out, state = self.lm(tokens[:, None], state)
        return out[:, 0].log_softmax(-1), state if isinstance(state, tuple) else (state,)

    def select(self, index) -> None:
        self.scores, self.state = self.scores[index], tuple(value[:, index] for value in self.state)

    def append(self, tokens: Tensor, rows: Tensor | None = None) -> None:
        state = self.state if rows is None else tuple(value[:, rows] for value in self.state)
        scores, state = self._step(tokens, state if len(state) > 1 else state[0])
        if rows is None:
            self.scores, self.state = scores, state
            return
        self.scores[rows] = scores
        for value, new in zip(self.state, state):
            value[:, rows] = new


class TransformerContext:
    """Prefixes under ESPnet's `transformer`; as `Fusion`.

    While all are of one length, the outputs of every layer are kept, as ESPnet does; prefixes of different lengths (`rows`
    given) are computed anew, padded at their end.
    """

    def __init__(self, lm: nn.Module, sos: int, rows: int):
        self.lm = lm
        self.tokens = torch.full((rows, 1), sos, device=lm.decoder.weight.device)
        self.lengths = torch.ones_like(self.tokens[:, 0])
        self.cache: list[Tensor] | None = None
        self.scores = self._next()

    def _next(self) -> Tensor:
        out, _, self.cache = self.lm.encoder.forward_one_step(
            self.lm.embed(self.tokens), self.lm._target_mask(self.tokens), cache=self.cache
        )
        return self.lm.decoder(out[:, -1]).log_softmax(-1)

    def select(self, index) -> None:
        self.scores, self.tokens, self.lengths = self.scores[index], self.tokens[index], self.lengths[index]
        if self.cache is not None:
            self.cache = [value[index] for value in self.cache]

    def append(self, tokens: Tensor, rows: Tensor | None = None) -> None:
        if rows is None:
            self.tokens, self.lengths = torch.cat([self.tokens, tokens[:, None]], 1), self.lengths + 1
            self.scores = self._next()
            return
        if not len(rows):
            return
        self.cache = None
        if int(self.lengths[rows].max()) == self.tokens.shape[1]:
            self.tokens = nn.functional.pad(self.tokens, (0, 1))
        self.tokens[rows, self.lengths[rows]] = tokens
        self.lengths[rows] += 1
        prefixes = self.tokens[rows]
        out, _ = self.lm.encoder(self.lm.embed(prefixes), self.lm._target_mask(prefixes))
        last = out[torch.arange(len(rows), device=out.device), self.lengths[rows] - 1]
        self.scores[rows] = self.lm.decoder(last).log_softmax(-1)


class Fusion:
    """Prefixes under several models: `scores` (R, V), the weighted sum of their log-probabilities of the next label, or of the end.

    Args:
        contexts: (weight, context of R rows).
    """

    def __init__(self, contexts: list):
        self.contexts = contexts
        self._add()

    def _add(self) -> None:
        self.scores = sum(weight * context.scores for weight, context in self.contexts)

    def select(self, index) -> None:
        """Go on with these rows: an index (R',), each row any number of times, or a slice."""
        for _, context in self.contexts:
            context.select(index)
        self.scores = self.scores[index]

    def append(self, tokens: Tensor, rows: Tensor | None = None) -> None:
        """Append a label to each row, or to the `rows` (M,) only."""
        for _, context in self.contexts:
            context.append(tokens, rows)
        self._add()


def context_of(lm: nn.Module, sos: int, rows: int) -> RecurrentContext | TransformerContext:
    """`rows` empty prefixes under an ESPnet language model."""
    return (TransformerContext if hasattr(lm, "embed") else RecurrentContext)(lm, sos, rows)
