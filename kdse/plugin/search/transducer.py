"""Transducer search over many utterances at once, with ESPnet's rules: greedy, and the best-first search that is its default."""

import numpy as np
import torch
from torch import Tensor, nn

from kdse.errors import UserError
from kdse.plugin.search.ctc import Found

NEVER = float("-inf")


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


class _Pool:
    """Prefixes whose prediction is known, in columns of a table with a row for each utterance; grows to the right."""

    def __init__(self, said: Tensor, state: Tensor, node: np.ndarray, length: np.ndarray):
        self.said, self.state, self.node, self.length, self.width = said, state, node, length, said.shape[1]

    def room(self) -> int:
        """The number of a column to write to."""
        if self.width == self.said.shape[1]:
            more = max(16, self.width)
            self.said, self.state = (
                nn.functional.pad(self.said, (0, 0, 0, more)),
                nn.functional.pad(self.state, (0, 0, 0, 0, 0, more)),
            )
            self.node, self.length = (np.pad(x, ((0, 0), (0, more))) for x in (self.node, self.length))
        self.width += 1
        return self.width - 1

    def select(self, columns: np.ndarray) -> "_Pool":
        """The pool with these columns (B', W) of its first B' rows."""
        rows = np.arange(len(columns))[:, None]
        return _Pool(self.said[rows, columns], self.state[rows, columns], self.node[rows, columns], self.length[rows, columns])


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
    said, state = model.start(len(frames))
    nodes = _Nodes()
    zeros = np.zeros((len(frames), 1), dtype=np.int64)
    pool = _Pool(said[:, None], state[:, None], nodes.add(np.full(len(frames), -1), zeros[:, 0])[:, None], zeros + 1)
    scores, results = np.zeros((len(frames), 1)), {}

    def finish(since: int) -> None:
        with np.errstate(invalid="ignore"):
            best = (scores / pool.length)[since:].argmax(1)
        for row, column in enumerate(best, since):
            results[row] = Found(nodes.labels(pool.node[row, column]), float(scores[row, column]))

    for t, count in enumerate((frames > torch.arange(int(frames[0]), device=frames.device)[:, None]).sum(1).tolist()):
        if count < len(scores):
            finish(count)
            scores, pool = scores[:count], pool.select(np.tile(np.arange(pool.width), (count, 1)))
        scores, pool = _frame(model, heard[:count, t], pool, scores, beam, nodes)
    finish(0)
    return [results[i] for i in order.argsort().tolist()]


class _Nodes:
    """Prefixes as a tree: a number for each, with its parent's and its last label."""

    def __init__(self):
        self.parents, self.tokens, self.count = [], [], 0
        self.tree: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        self.parents.append(parents)
        self.tokens.append(tokens)
        self.count += len(parents)
        self.tree = None
        return np.arange(self.count - len(parents), self.count)

    def labels(self, node: int) -> list[int]:
        if self.tree is None:
            self.tree = np.concatenate(self.parents), np.concatenate(self.tokens)
        parents, tokens = self.tree
        found = []
        while parents[node] >= 0:
            found.append(int(tokens[node]))
            node = parents[node]
        return found[::-1]


def _frame(model: Prediction, heard: Tensor, pool: _Pool, scores: np.ndarray, beam: int, nodes: _Nodes):
    """One frame of `beam_search`: the scores (B, W') of the prefixes that go on, −inf where an utterance has fewer, and their pool.

    Args:
        heard: (B, J) the frame's share of the joint space.
        scores: (B, W) of the prefixes in the pool.
    """
    count, width = scores.shape
    every = model.scores(heard[:, None], pool.said[:, :width])
    most = min(beam, every.shape[2] - 1)
    top, labels = every[..., 1:].topk(most, 2)
    blanks, top, labels = (x.cpu().numpy() for x in (every[..., 0], top, labels + 1))
    # open prefixes: score, label to append (0: none, the pool has it), column in the pool of what it is appended to
    size = width + most * (width + beam)
    open_scores, open_labels, open_from = np.full((count, size), NEVER), np.zeros((count, size), int), np.zeros((count, size), int)
    open_scores[:, :width], open_from[:, :width], end = scores, np.arange(width), width
    ended_scores, ended_columns = [], []
    rows, best = np.arange(count), scores.argmax(1)
    going = [None] * count
    while len(rows):
        score, label, column = open_scores[rows, best], open_labels[rows, best], open_from[rows, best]
        open_scores[rows, best] = NEVER
        blank, followed, followers = blanks[rows, np.minimum(column, width - 1)], None, None
        followed, followers = top[rows, np.minimum(column, width - 1)], labels[rows, np.minimum(column, width - 1)]
        fresh = label.nonzero()[0]
        if len(fresh):
            where, to, source, tokens = rows[fresh], pool.room(), column[fresh], label[fresh]
            said, state = model.step(torch.from_numpy(tokens).to(heard.device), pool.state[where, source])
            pool.said[where, to], pool.state[where, to] = said, state
            pool.node[where, to] = nodes.add(pool.node[where, source], tokens)
            pool.length[where, to] = pool.length[where, source] + 1
            column[fresh] = to
            of_new = model.scores(heard[where], said)
            new_top, new_labels = of_new[:, 1:].topk(most, 1)
            blank[fresh], followed[fresh], followers[fresh] = (x.cpu().numpy() for x in (of_new[:, 0], new_top, new_labels + 1))
        ended = np.full(count, NEVER)
        ended[rows] = score + blank
        place = np.zeros(count, int)
        place[rows] = column
        ended_scores.append(ended)
        ended_columns.append(place)
        if end + most > size:
            size *= 2
            open_scores, open_labels, open_from = (
                np.pad(x, ((0, 0), (0, x.shape[1])), constant_values=fill)
                for x, fill in ((open_scores, NEVER), (open_labels, 0), (open_from, 0))
            )
        here = slice(end, end + most)
        open_scores[rows, here], open_labels[rows, here], open_from[rows, here] = (
            score[:, None] + followed,
            followers,
            column[:, None],
        )
        end += most
        best = open_scores[rows, :end].argmax(1)
        better = np.stack([x[rows] for x in ended_scores], 1) > open_scores[rows, best][:, None]
        done = better.sum(1) >= beam
        for row, kept in zip(rows[done], better[done]):
            going[row] = kept
        rows, best = rows[~done], best[~done]
    return _go_on(going, np.stack(ended_scores, 1), np.stack(ended_columns, 1), pool)


def _go_on(going, scores: np.ndarray, columns: np.ndarray, pool: _Pool):
    """The prefixes that ended the frame well enough, best first."""
    for row, kept in enumerate(going):
        scores[row, : len(kept)][~kept] = NEVER
        scores[row, len(kept) :] = NEVER
    rank = np.argsort(-scores, 1, kind="stable")[:, : int((scores > NEVER).sum(1).max())]
    rows = np.arange(len(scores))[:, None]
    return scores[rows, rank], pool.select(columns[rows, rank])
