"""The prediction network of a transducer, a label at a time, and the prefixes that it has computed, each once."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.core.errors import UserError


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

    def scores(self, encoded: Tensor, predicted: Tensor) -> Tensor:
        """Log-probabilities (..., V) of the encoder's and the decoder's shares of the joint space (..., J)."""
        return self.joint.lin_out(self.joint.joint_activation(encoded + predicted)).log_softmax(-1)


class PrefixTree:
    """All prefixes that came up, of all utterances, by number; 0 is the empty one. The decoder computes each once."""

    def __init__(self, model: Prediction):
        self.model, self.children, self.count = model, {}, 1
        self.predicted, self.state = model.start(1)
        self.parents, self.tokens, self.lengths = np.array([-1]), np.array([0]), np.array([1])

    def append(self, parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The numbers of the prefixes that are one token longer than these."""
        numbers, new = np.empty_like(parents), []
        for i, key in enumerate(zip(parents.tolist(), tokens.tolist())):
            number = self.children.get(key)
            if number is None:
                number = self.children[key] = self.count + len(new)
                new.append(i)
            numbers[i] = number
        if new:
            self._compute(parents[new], tokens[new])
        return numbers

    def _compute(self, parents: np.ndarray, tokens: np.ndarray) -> None:
        start, self.count = self.count, self.count + len(parents)
        if self.count > len(self.lengths):
            more = self.count + 256
            self.predicted, self.state = (F.pad(x, (0, 0) * (x.ndim - 1) + (0, more)) for x in (self.predicted, self.state))
            self.parents, self.tokens, self.lengths = (np.pad(x, (0, more)) for x in (self.parents, self.tokens, self.lengths))
        here, device = slice(start, self.count), self.predicted.device
        state = self.state[torch.from_numpy(parents).to(device)]
        self.predicted[here], self.state[here] = self.model.step(torch.from_numpy(tokens).to(device), state)
        self.parents[here], self.tokens[here], self.lengths[here] = parents, tokens, self.lengths[parents] + 1

    def scores(self, encoded: Tensor, numbers: np.ndarray, most: int) -> tuple[np.ndarray, ...]:
        """Of prefixes (...) at a frame (..., J): log-probabilities of blank (...) and of the best labels (..., most), and these."""
        log_probs = self.model.scores(encoded, self.predicted[torch.from_numpy(numbers).to(self.predicted.device)])
        best, labels = log_probs[..., 1:].topk(most, -1)
        return log_probs[..., 0].cpu().numpy(), best.cpu().numpy(), labels.cpu().numpy() + 1

    def labels(self, number: int) -> list[int]:
        """The labels of a prefix."""
        labels = []
        while number:
            labels.append(int(self.tokens[number]))
            number = self.parents[number]
        return labels[::-1]
