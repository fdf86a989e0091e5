"""One recogniser at work on sets: words, acoustic tokens, and the share of frames whose token changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from kdse.core.atomic import atomic_dir, locked
from kdse.core.errors import UserError
from kdse.core.progress import progress
from kdse.core.step import Step, done_hash
from kdse.data.audio import FULL_SCALE, read_audio
from kdse.data.datadir import read_table
from kdse.recognisers.base import Hypothesis, Options, Recogniser
from kdse.recognisers.batching import batches
from kdse.recognisers.registry import ESPNET, find
from kdse.tokens.codebook import read_tokens, write_tokens


class SetDecoder:
    """A recogniser that decodes sets; it is loaded when the first is asked for.

    Args:
        name: of the recogniser in score rows and folders.
        recogniser: its name in the registry.
        state: what its hypotheses depend on, beside the audio.
        backend, tokens: folders of stages 3 and 5, for a recogniser that needs them.
    """

    def __init__(
        self,
        name: str,
        recogniser: str,
        options: Options,
        *,
        state: dict[str, Any] | None = None,
        backend: Path | None = None,
        tokens: Path | None = None,
    ):
        self.name, self.recogniser, self.options, self.state = name, recogniser, options, state or {}
        self.backend, self.tokens = backend, tokens
        self._clean: dict[Path, dict[str, np.ndarray]] = {}  # clean tokens of the sets so far: read once, not for every run
        self._loaded: Recogniser | None = None

    def load(self) -> Recogniser:
        """The recogniser; loaded once."""
        if self._loaded is None:
            kind = find(self.recogniser)
            self._loaded = kind(self.options, self.backend, self.tokens) if kind.needs_backend else kind(self.options)
        return self._loaded

    def write(self, audio: Path, out: Path, what: str, data: Path, omega: float = 0.0) -> None:
        """Decode `audio`/wav.scp; write `out`/{text,decode.yaml}, which appear when they are complete.

        With a tokenizer also `out`/tokens, the acoustic tokens of every frame, and `out`/token_error_rate, the share of frames
        whose token differs from that of the clean signal in `data`/spk1.scp, where there is one. With `omega`, that share of the
        noisy signal in `data`/wav.scp is added to the rest of the enhanced one.
        """
        recogniser = self.load()
        hypotheses = self.transcribe(audio / "wav.scp", what, data / "wav.scp" if omega else None, omega)
        clean = self._clean_tokens_of(data) if self.tokens else {}
        about = {"decode": recogniser.decode, "backend": self.name, "omega": omega}
        if self.recogniser != ESPNET:
            about |= {"recogniser": self.recogniser, "options": self.options.state()}
        with atomic_dir(out) as part:
            lines = (f"{utt} {' '.join(hypothesis.words.split())}\n" for utt, hypothesis in hypotheses.items())
            (part / "text").write_text("".join(lines), encoding="utf-8")
            (part / "decode.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
            if self.tokens:
                _write_tokens(part, {utt: hypothesis.tokens for utt, hypothesis in hypotheses.items()}, clean)

    def _clean_tokens_of(self, data: Path) -> dict[str, np.ndarray]:
        """The acoustic tokens of a set's clean signals; {} where it has none."""
        if data not in self._clean:
            self._clean[data] = self.clean_tokens(data) if (data / "spk1.scp").exists() else {}
        return self._clean[data]

    def clean_tokens(self, data: Path) -> dict[str, np.ndarray]:
        """The acoustic tokens of a set's clean signals, computed once: they stay in the folder of the tokenizer."""
        out, what = self.tokens / f"clean_{data.name}", f"tokens of clean {data.name}"
        step = Step(out, {"tokens": done_hash(self.tokens), "set": done_hash(data)}, what)
        with locked(self.tokens):  # jobs of --inference_nj come here at once
            if step.needed():
                hypotheses = self.transcribe(data / "spk1.scp", what)
                with atomic_dir(out) as part:
                    write_tokens(part / "tokens", {utt: hypothesis.tokens for utt, hypothesis in hypotheses.items()})
                step.finish()
            return read_tokens(out / "tokens")

    def transcribe(self, scp: Path, what: str, noisy: Path | None = None, omega: float = 0.0) -> dict[str, Hypothesis]:
        """The hypotheses of every file of a wav.scp, by utterance in the order of their names.

        Audio is read twice, first for its length and then batch by batch, so that a set need not fit into memory.

        Args:
            scp: of the signals; those that are decoded are (1 - omega) of them + omega of the `noisy` ones.
            what: shown with the progress.

        Raises: UserError where the list is empty, or a noisy signal is missing or of another length.
        """
        paths, noisy_paths = read_table(scp), read_table(noisy) if noisy else {}
        if not paths:
            raise UserError(f"{scp} names no utterance")

        def wave(utt: str) -> np.ndarray:
            samples = read_audio(paths[utt], utt)
            if noisy:
                other = read_audio(noisy_paths[utt], utt) if utt in noisy_paths else ()
                if len(other) != len(samples):
                    raise UserError(f"{noisy}: utterance {utt} is missing, or not as long as in {scp}; run stage 7 again")
                samples = (1 - omega) * samples + omega * other
            return samples.astype(np.float32) / np.float32(FULL_SCALE)

        def transcribed() -> Iterator[tuple[str, Hypothesis]]:
            recogniser = self.load()
            lengths = {utt: len(read_audio(path, utt)) for utt, path in paths.items()}
            utts = sorted(lengths, key=lambda utt: (lengths[utt], utt))
            for batch in batches([lengths[utt] for utt in utts], self.options.batch_seconds, recogniser.equal_lengths):
                together = [utts[i] for i in batch]
                yield from zip(together, recogniser.transcribe([wave(utt) for utt in together]), strict=True)

        return dict(sorted(progress(transcribed(), what, len(paths))))


def _write_tokens(folder: Path, tokens: dict[str, np.ndarray], clean: dict[str, np.ndarray]) -> None:
    """Write the acoustic tokens, and the share of frames whose token is not the clean signal's."""
    write_tokens(folder / "tokens", tokens)
    rates = {utt: float(np.mean(tokens[utt] != clean[utt])) for utt in tokens if utt in clean}
    if rates:
        (folder / "token_error_rate").write_text("".join(f"{utt} {rate:.4f}\n" for utt, rate in rates.items()))
