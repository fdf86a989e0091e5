"""Transducer search over many utterances at once, with ESPnet's rules: greedy, and the best-first search that is its default."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.core.errors import UserError
from kdse.search.ctc import Found

NEVER = float("-inf")
PATIENCE = 50
"""A frame is over after so many times `beam` prefixes, come what may: a model that is sure of label after label would keep it, and
ESPnet, for ever."""


class Prediction:
    """ESPnet's TransducerDecoder and JointNetwork, one label at a time.

    Args:
        decoder, joint: the model's.
        where: names the model in errors.

    Raises: UserError where the decoder is of another kind, or its blank is not 0.
    """

    def __init__(self, decoder: nn.Module, joint: nn.Module, where: str):
        if type(decoder).__name__ != "TransducerDecoder" or decoder.blank_id != 0:
            raise UserError(
                f"{where}: transducer search knows ESPnet's transducer decoder with blank 0, not {type(decoder).__name__}"
            )
        self.decoder, self.joint = decoder, joint
        self.cells = [(layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0) for layer in decoder.decoder]
        self.states = decoder.dlayers * (2 if decoder.dtype == "lstm" else 1)

    def start(self, rows: int) -> tuple[Tensor, Tensor]:
        """What `step` gives for the empty prefix."""
        weight = self.joint.lin_enc.weight
        labels = torch.zeros(rows, dtype=torch.long, device=weight.device)
        return self.step(labels, weight.new_zeros(rows, self.states, self.decoder.dunits))

    def step(self, labels: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's share of the joint space (R, J), and the state (R, S, H), after labels (R,) in a state (R, S, H)."""
        x, layers, new = self.decoder.embed(labels), self.decoder.dlayers, [None] * self.states
        for i, cell in enumerate(self.cells):
            if self.decoder.dtype == "lstm":
                new[i], new[layers + i] = torch.lstm_cell(x, (state[:, i], state[:, layers + i]), *cell)
            else:
                new[i] = torch.gru_cell(x, state[:, i], *cell)
            x = new[i]
        return self.joint.lin_dec(x), torch.stack(new, 1)

    def scores(self, heard: Tensor, said: Tensor) -> Tensor:
        """Log-probabilities (..., V) of the encoder's and the decoder's shares of the joint space (..., J)."""
        return self.joint.lin_out(self.joint.joint_activation(heard + said)).log_softmax(-1)


def greedy(model: Prediction, latents: Tensor, frames: Tensor) -> list[Found]:
    """The best token of every frame, at most one a frame, as ESPnet's greedy search; blanks do not count in its score.

    Args:
        latents: (B, U, D) of the encoder.
        frames: (B,) valid frames, 1 or more.
    """
    order = frames.argsort(descending=True, stable=True)
    heard, frames = model.joint.lin_enc(latents[order]), frames[order]
    said, state = model.start(len(frames))
    found = torch.zeros(len(frames), int(frames[0]), dtype=torch.long, device=frames.device)
    totals = heard.new_zeros(len(frames), dtype=torch.float64)
    for t, count in enumerate((frames > torch.arange(int(frames[0]), device=frames.device)[:, None]).sum(1).tolist()):
        score, best = model.scores(heard[:count, t], said[:count]).max(1)
        rows = best.nonzero().squeeze(1)
        if len(rows):
            labels = best[rows]
            found[rows, t] = labels
            totals[rows] += score[rows]
            said[rows], state[rows] = model.step(labels, state[rows])
    pairs = zip(found.tolist(), totals.tolist())
    results = [Found([token for token in tokens if token], total) for tokens, total in pairs]
    return [results[i] for i in order.argsort().tolist()]


def beam_search(model: Prediction, latents: Tensor, frames: Tensor, beam: int) -> list[Found]:
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
    heard, frames = model.joint.lin_enc(latents[order]), frames[order]
    tree = _Tree(model)
    prefixes = np.zeros((len(frames), 1), np.int64)
    scores, results = np.zeros((len(frames), 1)), {}

    def finish(since: int) -> None:
        for row, column in enumerate((scores / tree.lengths[prefixes])[since:].argmax(1), since):
            results[row] = Found(tree.labels(prefixes[row, column]), float(scores[row, column]))

    for t, count in enumerate((frames > torch.arange(int(frames[0]), device=frames.device)[:, None]).sum(1).tolist()):
        if count < len(scores):
            finish(count)
        prefixes, scores = _frame(tree, heard[:count, t], prefixes[:count], scores[:count], beam)
    finish(0)
    return [results[i] for i in order.argsort().tolist()]


class _Tree:
    """All prefixes that came up, of all utterances, by number; 0 is the empty one. The decoder computes each once."""

    def __init__(self, model: Prediction):
        self.model, self.children, self.count = model, {}, 1
        self.said, self.state = model.start(1)
        self.parents, self.tokens, self.lengths = np.array([-1]), np.array([0]), np.array([1])

    def append(self, parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The numbers of the prefixes that are one token longer than these."""
        found, new = np.empty_like(parents), []
        for i, key in enumerate(zip(parents.tolist(), tokens.tolist())):
            number = self.children.get(key)
            if number is None:
                number = self.children[key] = self.count + len(new)
                new.append(i)
            found[i] = number
        if new:
            self._compute(parents[new], tokens[new])
        return found

    def _compute(self, parents: np.ndarray, tokens: np.ndarray) -> None:
        start, self.count = self.count, self.count + len(parents)
        if self.count > len(self.lengths):
            more = self.count + 256
            self.said, self.state = (F.pad(x, (0, 0) * (x.ndim - 1) + (0, more)) for x in (self.said, self.state))
            self.parents, self.tokens, self.lengths = (np.pad(x, (0, more)) for x in (self.parents, self.tokens, self.lengths))
        here, device = slice(start, self.count), self.said.device
        state = self.state[torch.from_numpy(parents).to(device)]
        self.said[here], self.state[here] = self.model.step(torch.from_numpy(tokens).to(device), state)
        self.parents[here], self.tokens[here], self.lengths[here] = parents, tokens, self.lengths[parents] + 1

    def scores(self, heard: Tensor, numbers: np.ndarray, most: int) -> tuple[np.ndarray, ...]:
        """Of prefixes (...) at a frame (..., J): log-probabilities of blank (...) and of the best labels (..., most), and these."""
        found = self.model.scores(heard, self.said[torch.from_numpy(numbers).to(self.said.device)])
        best, labels = found[..., 1:].topk(most, -1)
        return found[..., 0].cpu().numpy(), best.cpu().numpy(), labels.cpu().numpy() + 1

    def labels(self, number: int) -> list[int]:
        """The labels of a prefix."""
        found = []
        while number:
            found.append(int(self.tokens[number]))
            number = self.parents[number]
        return found[::-1]


def _frame(tree: _Tree, heard: Tensor, prefixes: np.ndarray, scores: np.ndarray, beam: int) -> tuple[np.ndarray, np.ndarray]:
    """One frame of `beam_search`: the prefixes (B, W') that go on and their scores, best first, -inf where an utterance has fewer.

    Args:
        heard: (B, J) the frame's share of the joint space.
        prefixes, scores: (B, W).
    """
    count, width = scores.shape
    most = min(beam, tree.model.decoder.odim - 1)
    blanks, follow, labels = tree.scores(heard[:, None], prefixes, most)
    # Open prefixes: score; label to append, or 0; to which prefix, or which came with the frame; its column where it came so.
    size, end = width + most * (width + beam), width
    open_scores = np.full((count, size), NEVER)
    open_labels, open_prefixes, open_columns = (np.zeros((count, size), np.int64) for _ in range(3))
    open_scores[:, :width], open_prefixes[:, :width], open_columns[:, :width] = scores, prefixes, np.arange(width)
    rows, best, steps = np.arange(count), scores.argmax(1), 0
    ended_scores, ended = np.full((count, 2 * size), NEVER), np.zeros((count, 2 * size), np.int64)
    while len(rows):
        score, label = open_scores[rows, best], open_labels[rows, best]
        prefix, column = open_prefixes[rows, best], open_columns[rows, best]
        open_scores[rows, best] = NEVER
        blank, followed, followers = blanks[rows, column], follow[rows, column], labels[rows, column]
        fresh = label.nonzero()[0]
        if len(fresh):
            prefix[fresh] = tree.append(prefix[fresh], label[fresh])
            which = rows[fresh]
            blank[fresh], followed[fresh], followers[fresh] = tree.scores(heard[torch.from_numpy(which)], prefix[fresh], most)
        if end + most > size or steps == ended.shape[1]:
            size += (more := size)
            wider = ((0, 0), (0, more))
            open_scores, ended_scores = (np.pad(x, wider, constant_values=NEVER) for x in (open_scores, ended_scores))
            open_labels, open_prefixes, open_columns, ended = (
                np.pad(x, wider) for x in (open_labels, open_prefixes, open_columns, ended)
            )
        ended_scores[rows, steps], ended[rows, steps] = score + blank, prefix
        steps, here = steps + 1, slice(end, end + most)
        open_scores[rows, here], open_labels[rows, here] = score[:, None] + followed, followers
        open_prefixes[rows, here] = prefix[:, None]
        end += most
        best = open_scores[rows, :end].argmax(1)
        better = ended_scores[rows, :steps] > open_scores[rows, best][:, None]
        done = better.sum(1) >= beam
        if steps >= PATIENCE * beam:
            so_far = ended_scores[rows, :steps]
            better, done = so_far >= np.partition(so_far, -beam, 1)[:, -beam, None], np.ones(len(rows), bool)
        over = rows[done]
        ended_scores[over, :steps] = np.where(better[done], ended_scores[over, :steps], NEVER)
        rows, best = rows[~done], best[~done]
    rank = np.argsort(-ended_scores[:, :steps], 1, kind="stable")[:, : int((ended_scores > NEVER).sum(1).max())]
    every = np.arange(count)[:, None]
    return ended[every, rank], ended_scores[every, rank]
