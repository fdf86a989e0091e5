"""n-gram models over a recogniser's tokens, read from ARPA files."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdse.core.errors import UserError
from kdse.core.files import read_text

UNKNOWN = -100.0
"""log10 of a token that the model has not, where it has no <unk> either."""


class Ngram:
    """A back-off model: log p(v | c) is that of the longest suffix of c that the file has with v, plus the back-off weights of the
    longer ones (Katz 1987).

    Contexts are numbered as they come up, and what follows one is computed once for all tokens.

    Args:
        path: ARPA file with the recogniser's tokens as words; sos is <s> there, eos is </s>.
        tokens: the recogniser's, the last one eos.

    Raises: UserError where the file is no ARPA file, naming the line, or has none of the tokens.
    """

    def __init__(self, path: Path | str, tokens: list[str]):
        grams = _read_arpa(path)
        self.order = max(len(words) for words in grams)
        words = [*tokens[:-1], "</s>"]
        self.ids = {word: i for i, word in enumerate(words)}
        if not any((word,) in grams for word in words[:-1] if word != "<unk>"):
            raise UserError(f"{path} has none of the recogniser's tokens; estimate it on text that is split into them")
        self.words, self.backoff, self.children = words, {}, {}
        for gram, (value, weight) in grams.items():
            if weight is not None and len(gram) < self.order:
                self.backoff[gram] = weight
            if gram[-1] in self.ids:
                self.children.setdefault(gram[:-1], {})[self.ids[gram[-1]]] = value
        unknown = grams.get(("<unk>",), (UNKNOWN, None))[0]
        unigrams = self.children.pop((), {})
        self.unigrams = np.array([unigrams.get(i, unknown) for i in range(len(words))])
        self.numbers: dict[tuple[str, ...], int] = {}
        self.contexts: list[tuple[str, ...]] = []
        self.scores = np.zeros((0, len(words)), np.float32)
        self.following = np.zeros((0, len(words)), np.int64)
        self.looked_up: list[bool] = []

    def number(self, context: tuple[str, ...]) -> int:
        """The number of a context that the model has; a longer one is cut to what it has."""
        context = context[-(self.order - 1) :] if self.order > 1 else ()
        while context and context not in self.backoff and context not in self.children:
            context = context[1:]
        if context not in self.numbers:
            self.numbers[context] = len(self.contexts)
            self.contexts.append(context)
            self.looked_up.append(False)
        return self.numbers[context]

    def look(self, numbers: np.ndarray) -> None:
        """Compute what follows these contexts, where that has not been done."""
        for number in np.unique(numbers):
            if self.looked_up[number]:
                continue
            context = self.contexts[number]
            following = np.array([self.number((*context, word)) for word in self.words])
            if len(self.contexts) > len(self.scores):
                more = len(self.contexts) * 2 - len(self.scores)
                self.scores = np.pad(self.scores, ((0, more), (0, 0)))
                self.following = np.pad(self.following, ((0, more), (0, 0)))
            self.scores[number], self.following[number] = self._after(context) * math.log(10), following
            self.looked_up[number] = True

    def _after(self, context: tuple[str, ...]) -> np.ndarray:
        """log10 p(v | context) for all v."""
        if not context:
            return self.unigrams.copy()
        scores = self._after(context[1:]) + self.backoff.get(context, 0.0)
        for token, value in self.children.get(context, {}).items():
            scores[token] = value
        return scores


class NgramContext:
    """Prefixes under an n-gram model; as `lm.Fusion`. The model is looked up in main memory, `scores` are on the `device`."""

    def __init__(self, model: Ngram, rows: int, device: torch.device | str = "cpu"):
        self.model, self.device = model, device
        self.numbers = np.full(rows, model.number(("<s>",)))
        self.scores = self._scores(self.numbers)

    def _scores(self, numbers: np.ndarray) -> Tensor:
        self.model.look(numbers)
        return torch.from_numpy(self.model.scores[numbers]).to(self.device)

    def select(self, index) -> None:
        self.scores = self.scores[index]
        self.numbers = self.numbers[index if isinstance(index, slice) else index.cpu().numpy()]

    def append(self, tokens: Tensor, rows: Tensor | None = None) -> None:
        where = slice(None) if rows is None else rows.cpu().numpy()
        numbers = self.model.following[self.numbers[where], tokens.cpu().numpy()]
        self.numbers[where] = numbers
        self.scores[slice(None) if rows is None else rows] = self._scores(numbers)


def _read_arpa(path: Path | str) -> dict[tuple[str, ...], tuple[float, float | None]]:
    """{words: (log10 probability, log10 back-off weight)} of an ARPA file."""
    grams: dict[tuple[str, ...], tuple[float, float | None]] = {}
    order = 0
    for number, line in enumerate(read_text(path).splitlines(), 1):
        line = line.strip()
        if line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1 : -len("-grams:")]) if line[1 : -len("-grams:")].isdigit() else 0
        elif line == "\\end\\":
            break
        elif line and order:
            value, *words = line.split()
            try:
                weight = float(words.pop()) if len(words) == order + 1 else None
                if len(words) != order:
                    raise ValueError
                grams[tuple(words)] = (float(value), weight)
            except ValueError:
                raise UserError(f"{path}, line {number} is no {order}-gram: log10 probability, {order} words, back-off") from None
    if not grams:
        raise UserError(f"{path} is no ARPA file: it holds no n-grams")
    return grams
