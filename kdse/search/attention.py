"""Label-synchronous beam search of attention decoders, joined with CTC and language models, by the rules of ESPnet's BeamSearch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdse.search.config import SearchConfig
from kdse.search.ctc_prefix import CTCPrefix
from kdse.search.decoders import RecurrentSteps, TransformerSteps
from kdse.search.lm import Fusion
from kdse.search.result import NEVER, SearchResult, SpecialTokens

PRE_BEAM = 1.5
"""So many times beam_size labels of a hypothesis are scored by CTC, as in ESPnet."""
END_DETECT_MARGIN, END_DETECT_LENGTHS = -10.0, 3
"""The search of an utterance ends when the best that ended at each of so many lengths in a row are so much worse than the
best of all (Watanabe et al. 2017, eq. 50, as in ESPnet)."""
KEPT = 0.8
"""Utterances that are done leave the batch when no more than this share of it is left; it costs a copy of all states."""


@dataclass(frozen=True)
class Scorers:
    """What scores a label; None for what the config leaves out.

    Attributes:
        decoder: where ctc_weight is below 1.
        ctc: of the same latents, where ctc_weight is above 0.
        lm: of B · beam_size rows.
    """

    decoder: TransformerSteps | RecurrentSteps | None = None
    ctc: CTCPrefix | None = None
    lm: Fusion | None = None


def beam_search(
    config: SearchConfig, frames: Tensor, scorers: Scorers, *, vocabulary: int, special: SpecialTokens, strict: bool = False
) -> list[SearchResult]:
    """The best hypothesis of each utterance, by (1 − ctc_weight) · decoder + ctc_weight · CTC + penalty · labels + language models.

    Args:
        config: beam_size, ctc_weight, penalty and maxlenratio.
        frames: (B,) frames of the encoder.
        vocabulary: V.
        strict: whether the end is scored by CTC only where it is among the labels chosen before; ESPnet does so for decoders
            that it does not batch.
    """
    search = _Search(config, frames, scorers, vocabulary, special, strict)
    for step in range(int(search.limits.max())):
        own, joint = search.score()
        ranks = search.expand(own, joint)
        search.end(step, ranks)
        if not search.prune(step):
            break
        search.advance()
    return search.results()


def limits(frames: Tensor, config: SearchConfig) -> Tensor:
    """Labels that a hypothesis may have, the end included, as ESPnet's maxlenratio says it."""
    ratio = config.maxlenratio
    if ratio == 0:
        return frames
    return torch.full_like(frames, -int(ratio)) if ratio < 0 else (ratio * frames).long().clamp(min=1)


class _Search:
    """The beams of all utterances; a step is `score`, `expand`, `end`, `prune`, `advance`.

    Attributes, of the A utterances that are still searched, W hypotheses each:
        rows: (A,) their places in the batch.
        parents, last: (A, W) the hypothesis that each goes on from, and its last label.
        total: (A, W) scores without those of CTC, which scores whole prefixes; NEVER where there is no hypothesis.
        labels: (A, W, step).
    Of all B utterances:
        best, lengths, texts: the best that has ended: (B,) scores, (B,) lengths, (B, longest + 1) labels.
        ended: (B, longest) the best that ended at each length.
    """

    def __init__(
        self, config: SearchConfig, frames: Tensor, scorers: Scorers, vocabulary: int, special: SpecialTokens, strict: bool
    ):
        self.config, self.scorers, self.vocabulary, self.special, self.strict = config, scorers, vocabulary, special, strict
        self.limits = limits(frames, config)
        self.pre_beam = int(PRE_BEAM * config.beam_size)
        beam, count, longest, device = config.beam_size, len(frames), int(self.limits.max()), frames.device
        self.rows = torch.arange(count, device=device)
        self.last = torch.full((count, beam), special.sos, device=device)
        self.parents = torch.zeros_like(self.last)
        self.total = torch.full((count, beam), NEVER, dtype=torch.float64, device=device)
        self.total[:, 0] = 0.0
        self.labels = torch.zeros((count, beam, 0), dtype=torch.long, device=device)
        self.best = torch.full((count,), NEVER, dtype=torch.float64, device=device)
        self.lengths = torch.zeros(count, dtype=torch.long, device=device)
        self.texts = torch.full((count, longest + 1), special.eos, device=device)
        self.ended = torch.full((count, longest), NEVER, dtype=torch.float64, device=device)

    def score(self) -> tuple[Tensor, Tensor]:
        """(A, W, V) scores of every next label without CTC, and those of the hypotheses that are longer by it, with CTC."""
        shape = (len(self.rows), self.config.beam_size, self.vocabulary)
        own = torch.full(shape, self.config.penalty, dtype=torch.float64, device=self.total.device)
        if self.scorers.decoder is not None:
            own += (1 - self.config.ctc_weight) * self.scorers.decoder.scores(self.last)
        if self.scorers.lm is not None:
            own += self.scorers.lm.scores.view(shape)
        joint = self.total[..., None] + own
        if self.scorers.ctc is not None:
            joint = joint + self._ctc_scores(own)
        return own, joint

    def _ctc_scores(self, own: Tensor) -> Tensor:
        """(A, W, V) weighted scores of CTC; NEVER for labels that the other scorers do not choose."""
        weighted = self.config.ctc_weight * self.scorers.ctc.scores()
        if self.scorers.decoder is not None and self.pre_beam < self.vocabulary:
            chosen = torch.zeros_like(own, dtype=torch.bool).scatter_(2, own.topk(self.pre_beam, 2).indices, True)
            if not self.strict:
                chosen[..., self.special.eos] = True
            weighted.masked_fill_(~chosen, NEVER)
        return weighted

    def expand(self, own: Tensor, joint: Tensor) -> Tensor:
        """Go on with the best W of each utterance; (A, W) their scores."""
        ranks, index = joint.flatten(1).topk(self.config.beam_size, 1)
        self.parents = index.div(self.vocabulary, rounding_mode="floor")
        self.last = index.remainder(self.vocabulary)
        total = (self.total[..., None] + own).flatten(1).gather(1, index)
        self.total = total.masked_fill_(ranks == NEVER, NEVER)
        before = self.labels.gather(1, self.parents[..., None].expand(-1, -1, self.labels.shape[2]))
        self.labels = torch.cat([before, self.last[..., None]], 2)
        return ranks

    def end(self, step: int, ranks: Tensor) -> None:
        """Take the hypotheses that end here out of the beams, and keep each utterance's best."""
        ends = (self.last == self.special.eos) | (step == self.limits[self.rows, None] - 1)
        here, slot = ranks.masked_fill(~ends, NEVER).max(1)
        self.ended[self.rows, step] = here
        better = (here > self.best[self.rows]).nonzero().squeeze(1)
        improved = self.rows[better]
        self.texts[improved, : step + 1] = self.labels[better, slot[better]]
        self.lengths[improved], self.best[improved] = step + 1, here[better]
        self.total.masked_fill_(ends, NEVER)

    def prune(self, step: int) -> bool:
        """Drop the utterances whose search is over; whether any is left."""
        alive = (self.total > NEVER).any(1)
        if self.config.maxlenratio == 0 and step >= END_DETECT_LENGTHS + 1:
            alive &= ~self._end_detected(step)
        self.total.masked_fill_(~alive[:, None], NEVER)
        going = alive.nonzero().squeeze(1)
        if len(going) and len(going) <= KEPT * len(self.rows):
            self._keep(going)
        return len(going) > 0

    def _end_detected(self, step: int) -> Tensor:
        """(A,) whether longer hypotheses are hopeless. ESPnet compares the step with lengths that count sos and eos."""
        past = self.ended[self.rows, step - END_DETECT_LENGTHS - 1 : step - 1]
        return ((past > NEVER) & (past - self.best[self.rows, None] < END_DETECT_MARGIN)).all(1)

    def _keep(self, going: Tensor) -> None:
        """Let the other utterances leave the batch."""
        beam = self.config.beam_size
        self.rows, self.parents, self.last = self.rows[going], self.parents[going], self.last[going]
        self.total, self.labels = self.total[going], self.labels[going]
        for scorer in (self.scorers.decoder, self.scorers.ctc):
            if scorer is not None:
                scorer.keep(going)
        if self.scorers.lm is not None:
            self.scorers.lm.select((going[:, None] * beam + torch.arange(beam, device=going.device)).flatten())

    def advance(self) -> None:
        """Let all scorers follow the hypotheses."""
        if self.scorers.decoder is not None:
            self.scorers.decoder.select(self.parents)
        if self.scorers.ctc is not None:
            self.scorers.ctc.advance(self.parents, self.last)
        if self.scorers.lm is not None:
            first = self.config.beam_size * torch.arange(len(self.rows), device=self.rows.device)
            self.scorers.lm.select((self.parents + first[:, None]).flatten())
            self.scorers.lm.append(self.last.flatten())

    def results(self) -> list[SearchResult]:
        """The best hypothesis of each utterance."""
        results = []
        for text, length, score in zip(self.texts.tolist(), self.lengths.tolist(), self.best.tolist()):
            tokens = [token for token in text[:length] if token not in (self.special.blank, self.special.eos)]
            results.append(SearchResult(tokens, score))
        return results
