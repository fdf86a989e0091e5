"""Greedy CTC and CTC prefix beam search over many utterances at once."""

from typing import NamedTuple

import torch
from torch import Tensor

from kdse.search.lm import Fusion
from kdse.search.result import NEVER, SearchResult


def greedy(log_probs: Tensor, frames: Tensor, blank: int) -> list[SearchResult]:
    """The labels of the best path: repeats are one, blanks go (Graves et al. 2006).

    Args:
        log_probs: (B, U, V) log-posteriors.
        frames: (B,) valid frames.
    """
    scores, best = log_probs.max(-1)
    valid = torch.arange(best.shape[1], device=best.device) < frames[:, None]
    totals = scores.masked_fill(~valid, 0.0).sum(1).tolist()
    return [SearchResult(merge(path[:n], blank), total) for path, n, total in zip(best.tolist(), frames.tolist(), totals)]


def merge(path: list[int], blank: int) -> list[int]:
    """CTC's map from a path to labels: repeats are one, then blanks go (Graves et al. 2006, the map B).

    >>> merge([0, 5, 5, 0, 5, 6], blank=0)
    [5, 5, 6]
    """
    return [t for t, before in zip(path, [None, *path], strict=False) if t != before and t != blank]


def beam_search(
    log_probs: Tensor,
    frames: Tensor,
    *,
    beam: int,
    blank: int,
    eos: int,
    lm: Fusion | None = None,
    penalty: float = 0.0,
) -> list[SearchResult]:
    """CTC prefix beam search, which sums the alignments of a prefix (Graves 2012, section 7.5; Hannun et al., arXiv 1408.2873).

    The score of a prefix is log P_ctc + penalty · labels + what the language models say, at last of its end too. Only the beam
    prunes; with a language model, a frame also appends no other than its 2·beam + 1 most likely labels.

    Args:
        log_probs: (B, U, V) log-posteriors.
        frames: (B,) valid frames, 1 or more.
        beam: prefixes that are kept at every frame.
        blank, eos: their indices; neither is a label.
        lm: of B · beam rows, or None.
        penalty: bonus for each label, in nats.
    """
    order = frames.argsort(descending=True, stable=True)
    log_probs, frames = log_probs[order], frames[order]
    labels = log_probs.clone()
    labels[..., [blank, eos]] = NEVER
    # beam + 1 of a prefix's labels survive at most, beside those that lead to other prefixes in the beam
    likely, likely_ids = labels.topk(min(2 * beam + 1, labels.shape[-1]), -1)
    beams, steps = start(len(frames), beam, blank, log_probs), []
    slots, scores = torch.zeros_like(frames), log_probs.new_zeros(len(frames))
    for t, active in enumerate(active_utterances(frames)):
        if active < len(beams.last):  # those with fewer frames have ended
            scores[active : len(beams.last)], slots[active : len(beams.last)] = _best(beams, active, lm, eos)
            beams = Beams(*(value[:active] for value in beams))
            if lm is not None:
                lm.select(slice(active * beam))
        frame = Frame(log_probs[:active, t], likely[:active, t], likely_ids[:active, t])
        lm_scores = None if lm is None else lm.scores.view(active, beam, -1)
        beams, parent, token = _advance(beams, frame, blank, lm_scores, penalty)
        steps.append((parent, token))
        if lm is not None:
            _follow(lm, parent, token, blank)
    scores[: len(beams.last)], slots[: len(beams.last)] = _best(beams, 0, lm, eos)
    results = [SearchResult(*pair) for pair in zip(_trace(steps, slots, blank), scores.tolist())]
    return [results[i] for i in order.argsort().tolist()]


def active_utterances(frames: Tensor) -> list[int]:
    """How many of the utterances, the longest first, have a frame t, for every t.

    >>> active_utterances(torch.tensor([3, 1]))
    [2, 1, 1]
    """
    return (frames > torch.arange(int(frames[0]), device=frames.device)[:, None]).sum(1).tolist()


class Beams(NamedTuple):
    """W prefixes of each of B utterances, all (B, W); a prefix that does not exist has the probability 0."""

    blank_end: Tensor  # log-probability of its alignments that end in blank
    label_end: Tensor  # and of those that end in its last label
    bonus: Tensor  # what penalty and language models add
    last: Tensor  # its last label; blank where it is empty
    key: Tensor  # a hash of its labels, and of all but the last one
    parent_key: Tensor

    def total(self) -> Tensor:
        return torch.logaddexp(self.blank_end, self.label_end)


class Frame(NamedTuple):
    """Log-posteriors of a frame: (B, V) of all labels; (B, K) of the K most likely ones, and which these are."""

    log_probs: Tensor
    likely: Tensor
    ids: Tensor


def start(batch: int, beam: int, blank: int, like: Tensor) -> Beams:
    """The empty prefix, which ends in blank."""
    never = like.new_full((batch, beam), NEVER)
    blank_end = never.clone()
    blank_end[:, 0] = 0.0
    none = torch.full((batch, beam), blank, device=like.device)
    return Beams(blank_end, never, torch.zeros_like(never), none, torch.zeros_like(none), torch.full_like(none, -1))


def _advance(beams: Beams, frame: Frame, blank: int, lm_scores: Tensor | None, penalty: float) -> tuple[Beams, Tensor, Tensor]:
    """One frame: the new beams, where their prefixes come from (B, W), and the label that was appended (blank: none).

    Args:
        lm_scores: (B, W, V), or None.
    """
    # A prefix in the beam also gets what its own parent, where that is in the beam too, would append.
    child_of = (beams.parent_key[:, :, None] == beams.key[:, None, :]).to(frame.log_probs.dtype)
    total = beams.total()
    blank_end, label_end = _stay(beams, total, frame.log_probs, blank, child_of)
    longer = _grow(beams, total, frame, child_of)
    bonus = _bonus(beams, frame.ids, lm_scores, penalty)
    return _prune(beams, frame.ids, blank, blank_end=blank_end, label_end=label_end, longer=longer, bonus=bonus)


def _stay(beams: Beams, total: Tensor, log_probs: Tensor, blank: int, child_of: Tensor) -> tuple[Tensor, Tensor]:
    """Score: (B, W) log-probabilities of the prefixes that stay as they are, which end in blank and in their last label."""
    of_last = log_probs.gather(1, beams.last)
    blank_end = total + log_probs[:, blank, None]
    has_parent, parent = child_of.max(2)
    repeats = beams.last.gather(1, parent) == beams.last
    appended = torch.where(repeats, beams.blank_end.gather(1, parent), total.gather(1, parent)) + of_last
    label_end = torch.logaddexp(beams.label_end + of_last, appended.masked_fill_(has_parent == 0, NEVER))
    return blank_end, label_end


def _grow(beams: Beams, total: Tensor, frame: Frame, child_of: Tensor) -> Tensor:
    """Expand: (B, W, K) log-probabilities of the prefixes with a label more; NEVER where that prefix is in the beam already."""
    is_last = frame.ids[:, None] == beams.last[..., None]
    longer = torch.where(is_last, beams.blank_end[..., None], total[..., None]) + frame.likely[:, None]
    return longer.masked_fill_(child_of.transpose(1, 2) @ is_last.to(child_of.dtype) > 0, NEVER)


def _bonus(beams: Beams, ids: Tensor, lm_scores: Tensor | None, penalty: float) -> Tensor:
    """(B, W + W · K) what penalty and language models add to the prefixes that stay, and to those with a label more."""
    beam, likely = beams.last.shape[1], ids.shape[1]
    longer = (beams.bonus + penalty)[..., None].expand(-1, -1, likely)
    if lm_scores is not None:
        longer = longer + lm_scores.gather(2, ids[:, None].expand(-1, beam, -1))
    return torch.cat([beams.bonus, longer.flatten(1)], 1)


def _prune(
    beams: Beams, ids: Tensor, blank: int, *, blank_end: Tensor, label_end: Tensor, longer: Tensor, bonus: Tensor
) -> tuple[Beams, Tensor, Tensor]:
    """Keep the best W of all prefixes, those that stay before those with a label more; return as `_advance`."""
    beam, likely = beams.last.shape[1], ids.shape[1]
    ranks = torch.cat([torch.logaddexp(blank_end, label_end), longer.flatten(1)], 1) + bonus
    top, index = ranks.topk(beam, 1)
    place = index - beam
    grown = place >= 0
    parent = torch.where(grown, place.div(likely, rounding_mode="floor"), index)
    token = torch.where(grown, ids.gather(1, place.remainder(likely)), blank)
    key, parent_key = beams.key.gather(1, parent), beams.parent_key.gather(1, parent)
    new = Beams(
        blank_end=blank_end.gather(1, parent).masked_fill_(grown, NEVER),
        label_end=torch.cat([label_end, longer.flatten(1)], 1).gather(1, index),
        bonus=bonus.gather(1, index),
        last=torch.where(grown, token, beams.last.gather(1, parent)),
        key=torch.where(grown, _hash(key, token), key),
        parent_key=torch.where(grown, key, parent_key).masked_fill_(top == NEVER, -1),
    )
    return new, parent, token


def _best(beams: Beams, since: int, lm: Fusion | None, eos: int) -> tuple[Tensor, Tensor]:
    """End: score and slot of the best prefix of the utterances from number `since` on."""
    ranks = beams.total() + beams.bonus
    if lm is not None:
        ranks = ranks + lm.scores[:, eos].view(ranks.shape)
    return ranks[since:].max(1)


def _follow(lm: Fusion, parent: Tensor, token: Tensor, blank: int) -> None:
    """Let the language models follow the prefixes; where nothing was appended they have nothing to compute."""
    count, beam = parent.shape
    lm.select((parent + beam * torch.arange(count, device=parent.device)[:, None]).flatten())
    token = token.flatten()
    rows = (token != blank).nonzero().squeeze(1)
    lm.append(token[rows], rows)


def _hash(key: Tensor, token: Tensor) -> Tensor:
    """A key in [0, 2⁶²) of the prefix with that key and one more label (steps of splitmix64; the product wraps)."""
    mixed = (key + token + 1) * -7046029254386353131
    mixed = (mixed ^ ((mixed >> 31) & 0x1FFFFFFFF)) * -4658895280553007687
    return (mixed ^ ((mixed >> 29) & 0x7FFFFFFFF)) & ((1 << 62) - 1)


def _trace(steps: list[tuple[Tensor, Tensor]], slots: Tensor, blank: int) -> list[list[int]]:
    """The labels that lead to a slot of each utterance, from the (parents, labels) of every frame; longest utterances first."""
    slots, labels = slots.clone(), []
    for parent, token in reversed(steps):
        here = slots[: len(parent), None]
        label = torch.full_like(slots, blank)
        label[: len(parent)] = token.gather(1, here).squeeze(1)
        slots[: len(parent)] = parent.gather(1, here).squeeze(1)
        labels.append(label)
    return [[token for token in path if token != blank] for path in torch.stack(labels[::-1], 1).tolist()]
