"""Scores of label prefixes under CTC, for many hypotheses of many utterances at once, in a few operations for each label."""

import torch
from torch import Tensor

ZERO = -1e30
"""Logarithm of nothing; finite, so that differences of two are numbers."""


class CTCPrefix:
    """ψ(h) = log of the sum over all alignments of all label sequences that begin with h   (Watanabe et al. 2017, algorithm 2)

    With γⁿ_t(h) and γᵇ_t(h), the forward probabilities of h after t frames that end in a label and in blank, and φ_t(h, c) =
    γⁿ_t + γᵇ_t, without γⁿ_t where c repeats h's last label, ψ(h·c) = Σ_t φ_{t−1}(h, c) p_t(c): a product of matrices for all c.
    γ of the hypotheses that are kept follows a linear recurrence; divided by the product of the probabilities of its label up
    to t, it is a sum over frames. All in float64, and these sums in the logarithm.

    Args:
        log_probs: (B, U, V) log-posteriors.
        frames: (B,) valid frames, 1 or more.
        beam: hypotheses of each utterance.
        blank, eos: their indices; the end scores as the whole prefix does.
    """

    def __init__(self, log_probs: Tensor, frames: Tensor, beam: int, blank: int, eos: int):
        self.blank, self.eos = blank, eos
        padding = torch.arange(log_probs.shape[1], device=log_probs.device)[None, :, None] >= frames[:, None, None]
        self.log_probs = log_probs.double().masked_fill(padding, 0.0)
        self.probs = self.log_probs.exp().masked_fill_(padding, 0.0)
        self.end = (frames - 1)[:, None, None]
        self.so_far = self.log_probs.cumsum(1)
        self.label_end = torch.full((len(frames), beam, log_probs.shape[1]), ZERO, dtype=torch.float64, device=log_probs.device)
        self.blank_end = self.so_far[:, None, :, blank].repeat(1, beam, 1)
        self.last: Tensor | None = None

    def scores(self) -> Tensor:
        """ψ (B, W, V) of every hypothesis with every label after it."""
        both = torch.logaddexp(self.label_end, self.blank_end)
        scores = self._appended(both)
        if self.last is not None:
            repeated = self._appended(self.blank_end, self.last)
            scores.scatter_(2, self.last[..., None], repeated[..., None])
        end = self.end.expand(-1, both.shape[1], 1)
        scores[..., self.eos] = both.gather(2, end).squeeze(2)
        scores[..., self.blank] = ZERO
        return scores

    def _before(self, ended: Tensor) -> Tensor:
        """φ_{t−1} for every t; before the first frame there is the empty prefix and nothing else."""
        first = torch.full_like(ended[..., :1], 0.0 if self.last is None else ZERO)
        return torch.cat([first, ended[..., :-1]], 2)

    def _appended(self, ended: Tensor, labels: Tensor | None = None) -> Tensor:
        """log Σ_t φ_{t−1} p_t(c) for all labels c, (B, W, V), or for one of each hypothesis, (B, W)."""
        before = self._before(ended)
        most = before.amax(2, keepdim=True)
        share = (before - most).exp_()
        if labels is None:
            total = share @ self.probs
        else:
            total = (share * self._of(self.probs, labels)).sum(2)
            most = most.squeeze(2)
        return total.log_().add_(most).clamp_(min=ZERO)

    def _of(self, values: Tensor, labels: Tensor) -> Tensor:
        """(B, W, U) of (B, U, V), for a label (B, W) of each hypothesis."""
        return values.gather(2, labels[:, None, :].expand(-1, values.shape[1], -1)).transpose(1, 2)

    def advance(self, parents: Tensor, labels: Tensor) -> None:
        """Append to the hypotheses `parents` (B, W) the labels (B, W), which are not blank."""
        index = parents[..., None].expand(-1, -1, self.so_far.shape[1])
        label_end, blank_end = self.label_end.gather(1, index), self.blank_end.gather(1, index)
        either = torch.logaddexp(label_end, blank_end)
        if self.last is not None:
            repeats = labels == self.last.gather(1, parents)
            either = torch.where(repeats[..., None], blank_end, either)
        so_far, blanks = self._of(self.so_far, labels), self.so_far[:, None, :, self.blank]
        emitted = self._before(either) - so_far + self._of(self.log_probs, labels)
        self.label_end = emitted.logcumsumexp(2).add_(so_far).clamp_(min=ZERO)
        # in blank at t: in either at t − 1, then blank
        shifted = torch.cat([torch.full_like(self.label_end[..., :1], ZERO), self.label_end[..., :-1]], 2)
        before = torch.cat([torch.zeros_like(blanks[..., :1]), blanks[..., :-1]], 2)
        self.blank_end = (shifted - before).logcumsumexp(2).add_(blanks).clamp_(min=ZERO)
        self.last = labels

    def keep(self, rows: Tensor) -> None:
        """Go on with these utterances only."""
        for name in ("log_probs", "probs", "end", "so_far", "label_end", "blank_end", "last"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else value[rows])
