"""Greedy CTC and CTC prefix beam search over many utterances at once."""

from typing import NamedTuple

import torch
from torch import Tensor

NEVER = float("-inf")


class Found(NamedTuple):
    """The best hypothesis of an utterance: its tokens, without sos, eos and blank, and its score in nats."""

    tokens: list[int]
    score: float


def greedy(log_probs: Tensor, frames: Tensor, blank: int) -> list[Found]:
    """The labels of the best path: repeats are one, blanks go (Graves et al. 2006).

    Args:
        log_probs: (B, U, V) log-posteriors.
        frames: (B,) valid frames.
    """
    scores, best = log_probs.max(-1)
    valid = torch.arange(best.shape[1], device=best.device) < frames[:, None]
    totals = scores.masked_fill(~valid, 0.0).sum(1).tolist()
    return [Found(merge(path[:n], blank), total) for path, n, total in zip(best.tolist(), frames.tolist(), totals)]


def merge(path: list[int], blank: int) -> list[int]:
    """CTC's map from a path to labels: repeats are one, then blanks go (Graves et al. 2006, the map B).

    >>> merge([0, 5, 5, 0, 5, 6], blank=0)
    [5, 5, 6]
    """
    return [t for t, before in zip(path, [None, *path], strict=False) if t != before and t != blank]


class Beam(NamedTuple):
    """W prefixes of each of B utterances, all (B, W); a prefix that does not exist has the probability 0."""

    blank_end: Tensor  # log-probability of its alignments that end in blank
    label_end: Tensor  # and of those that end in its last label
    bonus: Tensor  # what penalty and language model add
    last: Tensor  # its last label; blank where it is empty
    key: Tensor  # a hash of its labels, and of all but the last one
    parent_key: Tensor

    def total(self) -> Tensor:
        return torch.logaddexp(self.blank_end, self.label_end)


def start(batch: int, beam: int, blank: int, like: Tensor) -> Beam:
    """The empty prefix, which ends in blank."""
    never = like.new_full((batch, beam), NEVER)
    blank_end = never.clone()
    blank_end[:, 0] = 0.0
    none = torch.full((batch, beam), blank, device=like.device)
    return Beam(blank_end, never, torch.zeros_like(never), none, torch.zeros_like(none), torch.full_like(none, -1))


def beam_search(
    log_probs: Tensor, frames: Tensor, beam: int, blank: int, eos: int, context=None, penalty: float = 0.0
) -> list[Found]:
    """CTC prefix beam search, which sums the alignments of a prefix (Graves 2012, section 7.5; Hannun et al., arXiv 1408.2873).

    The score of a prefix is log P_ctc + penalty · labels + what the language models say, at last of its end too. Only the beam
    prunes; with a language model, a frame also appends no other than its 2·beam + 1 most likely labels.

    Args:
        log_probs: (B, U, V) log-posteriors.
        frames: (B,) valid frames, 1 or more.
        beam: prefixes that are kept at every frame.
        blank, eos: their indices; neither is a label.
        context: `lm.Fusion` of B · beam rows, or None.
        penalty: bonus for each label, in nats.
    """
    order = frames.argsort(descending=True, stable=True)
    log_probs, frames = log_probs[order], frames[order]
    active = (frames > torch.arange(int(frames[0]), device=frames.device)[:, None]).sum(1).tolist()
    labels = log_probs.clone()
    labels[..., [blank, eos]] = NEVER
    # beam + 1 of a prefix's labels survive at most, beside those that lead to other prefixes in the beam
    likely, likely_ids = labels.topk(min(2 * beam + 1, labels.shape[-1]), -1)
    state, steps = start(len(frames), beam, blank, log_probs), []
    slots, scores = torch.zeros_like(frames), log_probs.new_zeros(len(frames))

    def finish(since: int) -> None:
        rank = state.total() + state.bonus
        if context is not None:
            rank = rank + context.scores[:, eos].view(rank.shape)
        scores[since : len(rank)], slots[since : len(rank)] = rank[since:].max(1)

    for t, count in enumerate(active):
        if count < len(state.last):  # those with fewer frames have ended
            finish(count)
            state = Beam(*(value[:count] for value in state))
            if context is not None:
                context.select(slice(count * beam))
        extra = None if context is None else context.scores.view(count, beam, -1)
        frame = log_probs[:count, t], likely[:count, t], likely_ids[:count, t]
        state, parent, token = _advance(state, *frame, blank, extra, penalty)
        steps.append((parent, token))
        if context is not None:
            context.select((parent + beam * torch.arange(count, device=parent.device)[:, None]).flatten())
            token = token.flatten()
            rows = (token != blank).nonzero().squeeze(1)
            context.append(token[rows], rows)
    finish(0)
    tokens = _trace(steps, slots, blank)
    found = [Found(*pair) for pair in zip(tokens, scores.tolist())]
    return [found[i] for i in order.argsort().tolist()]


def _advance(state: Beam, logp: Tensor, likely: Tensor, ids: Tensor, blank: int, extra: Tensor | None, penalty: float):
    """One frame: the new beam, where its prefixes come from (B, W), and the label that was appended (blank: none).

    Args:
        logp: (B, V); likely, ids: (B, K) those of the most likely labels.
        extra: (B, W, V) the language models' scores, or None.
    """
    beam, k = state.last.shape[1], ids.shape[1]
    total = state.total()
    blank_end = total + logp[:, blank, None]
    label_end = state.label_end + logp.gather(1, state.last)
    # A prefix in the beam also gets what its own parent, where that is in the beam too, would append.
    child_of = (state.parent_key[:, :, None] == state.key[:, None, :]).to(logp.dtype)
    has, parent = child_of.max(2)
    same = state.last.gather(1, parent) == state.last
    appended = torch.where(same, state.blank_end.gather(1, parent), total.gather(1, parent)) + logp.gather(1, state.last)
    label_end = torch.logaddexp(label_end, appended.masked_fill_(has == 0, NEVER))
    is_last = ids[:, None] == state.last[..., None]
    longer = torch.where(is_last, state.blank_end[..., None], total[..., None]) + likely[:, None]
    longer.masked_fill_(child_of.transpose(1, 2) @ is_last.to(logp.dtype) > 0, NEVER)
    bonus = (state.bonus + penalty)[..., None].expand(-1, -1, k)
    if extra is not None:
        bonus = bonus + extra.gather(2, ids[:, None].expand(-1, beam, -1))
    bonus = torch.cat([state.bonus, bonus.flatten(1)], 1)
    rank = torch.cat([torch.logaddexp(blank_end, label_end), longer.flatten(1)], 1) + bonus
    top, index = rank.topk(beam, 1)
    place = index - beam
    grown = place >= 0
    parent = torch.where(grown, place.div(k, rounding_mode="floor"), index)
    token = torch.where(grown, ids.gather(1, place.remainder(k)), blank)
    key, parent_key = state.key.gather(1, parent), state.parent_key.gather(1, parent)
    new = Beam(
        blank_end.gather(1, parent).masked_fill_(grown, NEVER),
        torch.cat([label_end, longer.flatten(1)], 1).gather(1, index),
        bonus.gather(1, index),
        torch.where(grown, token, state.last.gather(1, parent)),
        torch.where(grown, _hash(key, token), key),
        torch.where(grown, key, parent_key).masked_fill_(top == NEVER, -1),
    )
    return new, parent, token


def _hash(key: Tensor, token: Tensor) -> Tensor:
    """A key in [0, 2⁶²) of the prefix with that key and one more label (steps of splitmix64; the product wraps)."""
    mixed = (key + token + 1) * -7046029254386353131
    mixed = (mixed ^ ((mixed >> 31) & 0x1FFFFFFFF)) * -4658895280553007687
    return (mixed ^ ((mixed >> 29) & 0x7FFFFFFFF)) & ((1 << 62) - 1)


def _trace(steps: list[tuple[Tensor, Tensor]], slots: Tensor, blank: int) -> list[list[int]]:
    """The labels that lead to a slot of each utterance, from the (parents, labels) of every frame; longest utterances first."""
    slots, found = slots.clone(), []
    for parent, token in reversed(steps):
        here = slots[: len(parent), None]
        label = torch.full_like(slots, blank)
        label[: len(parent)] = token.gather(1, here).squeeze(1)
        slots[: len(parent)] = parent.gather(1, here).squeeze(1)
        found.append(label)
    return [[token for token in path if token != blank] for path in torch.stack(found[::-1], 1).tolist()]
