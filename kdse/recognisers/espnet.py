"""ESPnet backends, which stage 3 trains: batched search, and the acoustic tokens of every frame."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kdse.core.files import sha256
from kdse.recognisers.base import Hypothesis, Options, Recogniser
from kdse.recognisers.batching import batches
from kdse.search.config import SearchConfig, lm_files
from kdse.tokens.codebook import load_tokens

ALWAYS_COUNT = ("decode", "batch_seconds")
"""Options of the first version: they count in the state even at their defaults."""


@dataclass(frozen=True)
class EspnetOptions(SearchConfig, Options):
    """conf/decode only overrides these values: those of the search, and `batch_seconds`."""

    def state(self) -> dict:
        """The options that are used, and the content of language models.

        An option that came later counts where it is not at its default, so that what was decoded before it came stays finished.
        """
        defaults = asdict(type(self)())
        state = {name: value for name, value in asdict(self).items() if name in ALWAYS_COUNT or value != defaults[name]}
        files = [*lm_files(self.lm)] if self.lm else []
        if self.ngram:
            files.append(self.ngram)
        if files:
            state["sha256"] = [sha256(path) for path in files]
        return state


class Espnet(Recogniser):
    """A backend of stage 3.

    Args:
        backend: its folder.
        tokens: folder of stage 5, or None.

    Raises: UserError where the model cannot be loaded, the tokens are of another one, or it lacks what the search needs.
    """

    Options = EspnetOptions
    needs_backend = True

    def __init__(self, options: EspnetOptions, backend: Path, tokens: Path | None = None):
        import torch

        from kdse.plugin.fast_layers import cheap_convolutions
        from kdse.plugin.frozen_encoder import pack_encoder
        from kdse.plugin.language_model import load_lm
        from kdse.plugin.load import load_teacher
        from kdse.search.search import Search

        super().__init__(options)
        self.decode = f"{options.decode}_lm" if options.lm or options.ngram else options.decode
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.teacher = load_teacher(backend, tokens).to(self.device)
        self.book = load_tokens(tokens) if tokens else None
        self.model = self.teacher.asr
        cheap_convolutions(self.model)
        pack_encoder(self.model.encoder)
        self.pieces = self.model.token_list
        lm = load_lm(options.lm, list(self.pieces)).to(self.device) if options.lm else None
        self.search = Search(self.model, options, f"the backend {backend}", lm)

    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        """Waves of one length go through the encoder together: ESPnet's subsampling gives a padded utterance up to two frames more
        than it has alone, so padding would change its words. Then all are searched together."""
        import torch

        order = sorted(range(len(waves)), key=lambda i: len(waves[i]))
        latents, tokens = {}, {}
        for batch in batches([len(waves[i]) for i in order], self.options.batch_seconds, equal=True):
            chosen = [order[i] for i in batch]
            encoded, tapped = self._encode(np.stack([waves[i] for i in chosen]))
            latents |= zip(chosen, encoded, strict=True)
            tokens |= zip(chosen, (self.book.assign(x) if self.book else None for x in tapped), strict=True)
        if not waves:
            return []
        frames = torch.tensor([len(latents[i]) for i in range(len(waves))], device=self.device)
        padded = torch.nn.utils.rnn.pad_sequence([latents[i] for i in range(len(waves))], batch_first=True)
        results = self.search(padded, frames)
        return [Hypothesis(self.text(result.tokens), tokens=tokens[i]) for i, result in enumerate(results)]

    def _encode(self, waves: np.ndarray) -> tuple[list, list[np.ndarray]]:
        """The encoder's latents of (B, N) waves of one length, (U, D) each, and those that tokens are made of."""
        import torch

        from kdse.plugin.frozen_encoder import encode

        wave = torch.from_numpy(waves).to(self.device)
        with torch.inference_mode():
            encoded, frames = encode(self.model, wave)
            encoded = encoded[0] if isinstance(encoded, tuple) else encoded
            tapped = self.teacher.tapped(encoded).cpu().numpy()
        counts = frames.tolist()
        return [x[:n] for x, n in zip(encoded, counts, strict=True)], [x[:n] for x, n in zip(tapped, counts, strict=True)]

    def text(self, ids: list[int]) -> str:
        """Words of token ids."""
        from kdse.search.search import words

        return words(self.pieces, ids)
