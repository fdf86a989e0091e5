"""ESPnet backends, which stage 3 trains: batched greedy CTC, and the acoustic tokens of every frame."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kdse.errors import UserError
from kdse.recognisers import Hypothesis, Options, Recogniser, batches
from kdse.tokens import load_tokens

Search = Callable[..., list[list[int]]]
"""(latents (B, U, D) of the encoder's output, frames (B,), the ESPnet ASR model) -> token ids of each utterance."""

AT_FIRST = ("decode", "batch_seconds")


@dataclass(frozen=True)
class EspnetOptions(Options):
    """conf/decode only overrides these values.

    Attributes:
        decode: "ctc_greedy", the best token of every frame.
    """

    decode: str = "ctc_greedy"

    def check(self, where: str) -> None:
        if self.decode != "ctc_greedy":
            raise UserError(f"{where}: decode is 'ctc_greedy' in this version, not '{self.decode}'")

    def state(self) -> dict:
        """An option that came later counts where it is used, so that what was decoded before it came stays finished."""
        defaults = asdict(type(self)())
        return {name: value for name, value in asdict(self).items() if name in AT_FIRST or value != defaults[name]}


class Espnet(Recogniser):
    """A backend of stage 3.

    Args:
        backend: its folder.
        tokens: folder of stage 5, or None.

    Raises: UserError where the model cannot be loaded, the tokens are of another one, or it lacks what the search needs.
    """

    Options = EspnetOptions
    needs_backend = True
    # ESPnet's subsampling gives a padded utterance up to two frames more than it has alone, so padding would change its words.
    equal_lengths = True

    def __init__(self, options: EspnetOptions, backend: Path, tokens: Path | None = None):
        import torch

        from kdse.plugin.load import load_teacher

        super().__init__(options)
        self.decode = options.decode
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.teacher = load_teacher(backend, tokens).to(self.device)
        self.book = load_tokens(tokens) if tokens else None
        self.model = self.teacher.asr
        self.pieces = self.model.token_list
        self.search = self._search(backend)

    def _search(self, backend: Path) -> Search:
        """What finds the best token ids for the options: the one place where searches are chosen."""
        if self.model.ctc is None:
            raise UserError(f"the backend {backend} has no CTC branch, which greedy CTC decoding needs")
        return ctc_greedy

    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        order = sorted(range(len(waves)), key=lambda i: len(waves[i]))
        found: dict[int, Hypothesis] = {}
        for batch in batches([len(waves[i]) for i in order], self.options.batch_seconds, equal=True):
            chosen = [order[i] for i in batch]
            found |= zip(chosen, self._transcribe(np.stack([waves[i] for i in chosen])), strict=True)
        return [found[i] for i in range(len(waves))]

    def _transcribe(self, waves: np.ndarray) -> list[Hypothesis]:
        """(B, N) waves of one length."""
        import torch

        wave = torch.from_numpy(waves).to(self.device)
        with torch.inference_mode():
            lengths = torch.full((len(wave),), wave.shape[1], device=self.device)
            encoded, frames = self.model.encode(wave, lengths)
            encoded = encoded[0] if isinstance(encoded, tuple) else encoded
            best = self.search(encoded, frames, self.model)
            latents = self.teacher.tapped(encoded).cpu().numpy()
        return [
            Hypothesis(self.text(ids), tokens=self.book.assign(x[:count]) if self.book else None)
            for ids, x, count in zip(best, latents, frames.tolist(), strict=True)
        ]

    def text(self, ids: list[int]) -> str:
        """Words of token ids: pieces joined, tags such as <unk> dropped."""
        pieces = (self.pieces[i] for i in ids)
        return "".join(piece for piece in pieces if not piece.startswith("<")).replace("▁", " ").strip()


def ctc_greedy(latents, frames, model) -> list[list[int]]:
    """The best token of every frame, merged: a `Search`."""
    best = model.ctc.ctc_lo(latents.float()).log_softmax(-1).argmax(-1).tolist()
    return [merge(path[:count], model.blank_id) for path, count in zip(best, frames.tolist(), strict=True)]


def merge(path: list[int], blank: int) -> list[int]:
    """CTC's map from a path to token ids: repeats are one, then blanks go (Graves et al. 2006, the map B).

    >>> merge([0, 5, 5, 0, 5, 6], blank=0)
    [5, 5, 6]
    """
    return [t for t, before in zip(path, [None, *path], strict=False) if t != before and t != blank]
