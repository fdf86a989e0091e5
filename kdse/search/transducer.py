"""Transducer search over many utterances at once, with ESPnet's rules: greedy, and the best-first search that is its default."""

import numpy as np
import torch
from torch import Tensor

from kdse.search.ctc import active_utterances
from kdse.search.prefix_tree import Prediction, PrefixTree
from kdse.search.result import NEVER, SearchResult

PATIENCE = 50
"""A frame is over after so many times `beam` prefixes, come what may: a model that is sure of label after label would keep it, and
ESPnet, for ever."""


def greedy(model: Prediction, latents: Tensor, frames: Tensor) -> list[SearchResult]:
    """The best token of every frame, at most one a frame, as ESPnet's greedy search; blanks do not count in its score.

    Args:
        latents: (B, U, D) of the encoder.
        frames: (B,) valid frames, 1 or more.
    """
    order = frames.argsort(descending=True, stable=True)
    encoded, frames = model.joint.lin_enc(latents[order]), frames[order]
    predicted, state = model.start(len(frames))
    tokens = torch.zeros(len(frames), int(frames[0]), dtype=torch.long, device=frames.device)
    totals = encoded.new_zeros(len(frames), dtype=torch.float64)
    for t, active in enumerate(active_utterances(frames)):
        score, best = model.scores(encoded[:active, t], predicted[:active]).max(1)
        rows = best.nonzero().squeeze(1)
        if len(rows):
            labels = best[rows]
            tokens[rows, t] = labels
            totals[rows] += score[rows]
            predicted[rows], state[rows] = model.step(labels, state[rows])
    pairs = zip(tokens.tolist(), totals.tolist())
    results = [SearchResult([token for token in path if token], total) for path, total in pairs]
    return [results[i] for i in order.argsort().tolist()]


def beam_search(model: Prediction, latents: Tensor, frames: Tensor, beam: int) -> list[SearchResult]:
    """Best-first search (Graves, arXiv 1211.3711, without its recombination of prefixes), as ESPnet's "default".

    At every frame, the best prefix is taken again and again from those that have not ended the frame: its blank ends it, its
    best labels go back. The frame is over when at least `beam` prefixes that ended it are better than every one that has not;
    these go on. Utterances do this side by side, each as often as it needs. At last the best per label wins, counting one more.

    Args:
        latents: (B, U, D) of the encoder.
        frames: (B,) valid frames, 1 or more.
        beam: prefixes that end a frame, at least.
    Returns: the prefix and its score, not divided by its length.
    """
    order = frames.argsort(descending=True, stable=True)
    encoded, frames = model.joint.lin_enc(latents[order]), frames[order]
    tree = PrefixTree(model)
    prefixes = np.zeros((len(frames), 1), np.int64)
    scores, results = np.zeros((len(frames), 1)), {}

    def finish(since: int) -> None:
        for row, column in enumerate((scores / tree.lengths[prefixes])[since:].argmax(1), since):
            results[row] = SearchResult(tree.labels(prefixes[row, column]), float(scores[row, column]))

    for t, active in enumerate(active_utterances(frames)):
        if active < len(scores):
            finish(active)
        prefixes, scores = _FrameSearch(tree, encoded[:active, t], prefixes[:active], scores[:active], beam).run()
    finish(0)
    return [results[i] for i in order.argsort().tolist()]


class _FrameSearch:
    """One frame of `beam_search`.

    Args:
        encoded: (B, J) the frame's share of the joint space.
        prefixes, scores: (B, W) of the beams.

    Attributes, (B, size) with one column for each prefix that has not ended the frame, in the order they came:
        scores: NEVER once it has been taken.
        labels: what is to be appended to it, or 0.
        prefixes: the number of the prefix, without that label.
        columns: where it came with the frame: its column there.
    And (B, ·), with one column for each prefix taken:
        ended_scores, ended: those that ended the frame.
    """

    def __init__(self, tree: PrefixTree, encoded: Tensor, prefixes: np.ndarray, scores: np.ndarray, beam: int):
        self.tree, self.encoded, self.beam = tree, encoded, beam
        count, width = scores.shape
        self.most = min(beam, tree.model.decoder.odim - 1)  # labels that are appended to a prefix
        self.first = tree.scores(encoded[:, None], prefixes, self.most)  # of the prefixes that came with the frame
        self.size, self.end, self.taken = width + self.most * (width + beam), width, 0
        self.scores = np.full((count, self.size), NEVER)
        self.labels, self.prefixes, self.columns = (np.zeros((count, self.size), np.int64) for _ in range(3))
        self.scores[:, :width], self.prefixes[:, :width], self.columns[:, :width] = scores, prefixes, np.arange(width)
        self.ended_scores = np.full((count, 2 * self.size), NEVER)
        self.ended = np.zeros((count, 2 * self.size), np.int64)

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        """The prefixes (B, W') that go on and their scores, best first, NEVER where an utterance has fewer."""
        rows, best = np.arange(len(self.scores)), self.scores.argmax(1)
        while len(rows):
            score, prefix, column = self._take(rows, best)
            blank, follow, followers = self._score(rows, prefix, column)
            self._end(rows, prefix, score + blank)
            self._expand(rows, prefix, score[:, None] + follow, followers)
            rows, best = self._prune(rows)
        ranks = np.argsort(-self.ended_scores[:, : self.taken], 1, kind="stable")
        ranks = ranks[:, : int((self.ended_scores > NEVER).sum(1).max())]
        every = np.arange(len(ranks))[:, None]
        return self.ended[every, ranks], self.ended_scores[every, ranks]

    def _take(self, rows: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the best prefix of each utterance: score, number and column, -1 where it did not come with the frame."""
        score, label = self.scores[rows, best], self.labels[rows, best]
        prefix, column = self.prefixes[rows, best], self.columns[rows, best]
        self.scores[rows, best] = NEVER
        longer = label.nonzero()[0]
        if len(longer):
            prefix[longer] = self.tree.append(prefix[longer], label[longer])
            column[longer] = -1
        return score, prefix, column

    def _score(self, rows: np.ndarray, prefix: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of the prefixes taken: log-probabilities of blank (R,) and of their best labels (R, most), and these labels."""
        blank, follow, followers = (values[rows, column] for values in self.first)
        new = (column < 0).nonzero()[0]
        if len(new):
            which = torch.from_numpy(rows[new])
            blank[new], follow[new], followers[new] = self.tree.scores(self.encoded[which], prefix[new], self.most)
        return blank, follow, followers

    def _end(self, rows: np.ndarray, prefix: np.ndarray, score: np.ndarray) -> None:
        """Blank ends the frame."""
        if self.end + self.most > self.size or self.taken == self.ended.shape[1]:
            self._widen()
        self.ended_scores[rows, self.taken], self.ended[rows, self.taken] = score, prefix
        self.taken += 1

    def _expand(self, rows: np.ndarray, prefix: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> None:
        """The best labels go back."""
        here = slice(self.end, self.end + self.most)
        self.scores[rows, here], self.labels[rows, here] = scores, labels
        self.prefixes[rows, here] = prefix[:, None]
        self.end += self.most

    def _prune(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The utterances whose frame is not over, and the columns of their best prefixes."""
        best = self.scores[rows, : self.end].argmax(1)
        so_far = self.ended_scores[rows, : self.taken]
        better = so_far > self.scores[rows, best][:, None]
        done = better.sum(1) >= self.beam
        if self.taken >= PATIENCE * self.beam:
            better = so_far >= np.partition(so_far, -self.beam, 1)[:, -self.beam, None]
            done = np.ones(len(rows), bool)
        over = rows[done]
        self.ended_scores[over, : self.taken] = np.where(better[done], self.ended_scores[over, : self.taken], NEVER)
        return rows[~done], best[~done]

    def _widen(self) -> None:
        """Make room for as many columns again."""
        wider = ((0, 0), (0, self.size))
        self.size *= 2
        self.scores, self.ended_scores = (np.pad(x, wider, constant_values=NEVER) for x in (self.scores, self.ended_scores))
        self.labels, self.prefixes, self.columns, self.ended = (
            np.pad(x, wider) for x in (self.labels, self.prefixes, self.columns, self.ended)
        )
