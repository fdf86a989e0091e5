"""Label-synchronous beam search of attention decoders, joined with CTC and language models, by the rules of ESPnet's BeamSearch."""

import torch
from torch import Tensor

from kdse.search.config import SearchConfig
from kdse.search.ctc import NEVER, Found
from kdse.search.ctc_prefix import CTCPrefix

PRE_BEAM = 1.5
"""So many times beam_size labels of a hypothesis are scored by CTC, as in ESPnet."""
HOPELESS, LENGTHS = -10.0, 3
"""The search of an utterance ends when the best that ended at each of so many lengths in a row are so much worse than the
best of all (Watanabe et al. 2017, eq. 50, as in ESPnet)."""
KEPT = 0.8
"""Utterances that are done leave the batch when no more than this share of it is left; it costs a copy of all states."""


def beam_search(
    config: SearchConfig,
    frames: Tensor,
    vocabulary: int,
    blank: int,
    sos: int,
    eos: int,
    decoder=None,
    ctc: CTCPrefix | None = None,
    context=None,
    strict: bool = False,
) -> list[Found]:
    """The best hypothesis of each utterance, by (1 − ctc_weight) · decoder + ctc_weight · CTC + penalty · labels + language models.

    Args:
        config: beam_size, ctc_weight, penalty and maxlenratio.
        frames: (B,) frames of the encoder.
        vocabulary: V.
        decoder: steps of `decoders`, or None where ctc_weight is 1.
        ctc: the latents' CTC scores, or None where ctc_weight is 0.
        context: `lm.Fusion` of B · beam_size rows, or None.
        strict: whether the end is scored by CTC only where it is among the labels chosen before; ESPnet does so for decoders
            that it does not batch.
    """
    beam, count, device = config.beam_size, len(frames), frames.device
    longest = limits(frames, config)
    before = int(PRE_BEAM * beam)
    choose = decoder is not None and ctc is not None and before < vocabulary
    best, texts, lengths = (torch.full((count,), value, device=device) for value in (NEVER, 0, 0))
    best, texts = best.double(), torch.full((count, int(longest.max()) + 1), eos, device=device)
    rows = torch.arange(count, device=device)  # utterances that are still searched
    last = torch.full((count, beam), sos, device=device)
    total = torch.full((count, beam), NEVER, dtype=torch.float64, device=device)
    total[:, 0] = 0.0
    labels = last[..., None][..., :0]  # (B, W, step)
    ended = torch.full((count, int(longest.max())), NEVER, dtype=torch.float64, device=device)
    for step in range(int(longest.max())):
        local = torch.full((len(rows), beam, vocabulary), config.penalty, dtype=torch.float64, device=device)
        if decoder is not None:
            local += (1 - config.ctc_weight) * decoder.scores(last)
        if context is not None:
            local += context.scores.view(local.shape)
        scores = total[..., None] + local
        if ctc is not None:
            weighted = config.ctc_weight * ctc.scores()
            if choose:
                chosen = torch.zeros_like(local, dtype=torch.bool).scatter_(2, local.topk(before, 2).indices, True)
                if not strict:
                    chosen[..., eos] = True
                weighted.masked_fill_(~chosen, NEVER)
            scores = scores + weighted
        top, index = scores.flatten(1).topk(beam, 1)
        parents, last = index.div(vocabulary, rounding_mode="floor"), index.remainder(vocabulary)
        total = (total[..., None] + local).flatten(1).gather(1, index).masked_fill_(top == NEVER, NEVER)
        labels = torch.cat([labels.gather(1, parents[..., None].expand(-1, -1, step)), last[..., None]], 2)
        # what ends here
        final = step == longest[rows, None] - 1
        ends = (last == eos) | final
        here, slot = top.masked_fill(~ends, NEVER).max(1)
        ended[rows, step] = here
        better = (here > best[rows]).nonzero().squeeze(1)
        texts[rows[better], : step + 1] = labels[better, slot[better]]
        lengths[rows[better]], best[rows[better]] = step + 1, here[better]
        total.masked_fill_(ends, NEVER)
        alive = (total > NEVER).any(1)
        if config.maxlenratio == 0 and step >= LENGTHS + 1:
            # ESPnet compares the step with lengths that count sos and eos
            past = ended[rows, step - LENGTHS - 1 : step - 1]
            alive &= ~((past > NEVER) & (past - best[rows, None] < HOPELESS)).all(1)
        total.masked_fill_(~alive[:, None], NEVER)
        going = alive.nonzero().squeeze(1)
        if not len(going):
            break
        if len(going) <= KEPT * len(rows):
            rows, parents, last, total, labels = (value[going] for value in (rows, parents, last, total, labels))
            for scorer in (decoder, ctc):
                if scorer is not None:
                    scorer.keep(going)
            if context is not None:
                context.select((going[:, None] * beam + torch.arange(beam, device=device)).flatten())
        if decoder is not None:
            decoder.select(parents)
        if ctc is not None:
            ctc.advance(parents, last)
        if context is not None:
            context.select((parents + beam * torch.arange(len(rows), device=device)[:, None]).flatten())
            context.append(last.flatten())
    pairs = zip(texts.tolist(), lengths.tolist(), best.tolist())
    return [Found([token for token in text[:length] if token not in (blank, eos)], score) for text, length, score in pairs]


def limits(frames: Tensor, config: SearchConfig) -> Tensor:
    """Labels that a hypothesis may have, the end included, as ESPnet's maxlenratio says it."""
    ratio = config.maxlenratio
    if ratio == 0:
        return frames
    return torch.full_like(frames, -int(ratio)) if ratio < 0 else (ratio * frames).long().clamp(min=1)
