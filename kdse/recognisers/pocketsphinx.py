"""PocketSphinx (Huggins-Daines et al., ICASSP 2006), a recogniser of hidden Markov models, with the models of its own package."""

import math
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import read_text, sha256
from kdse.core.progress import say
from kdse.data.audio import RATE, to_int16
from kdse.recognisers.base import Hypothesis, Options, Recogniser, lacks


@dataclass(frozen=True)
class PocketSphinxOptions(Options):
    """conf/decode/pocketsphinx.yaml only overrides these values.

    Attributes:
        words: a `text` of transcripts, such as data/train/text: only their words can be recognised, in any order, each the more
            likely the more often it occurs (a unigram). '' for the package's own dictionary and its trigram language model.
    """

    words: str = ""

    def check(self, where: str) -> None:
        if self.words and not Path(self.words).is_file():
            raise UserError(f"{where}: there is no list of words {self.words}")

    def state(self) -> dict:
        """With the content of `words`."""
        return super().state() | ({"sha256": sha256(self.words)} if self.words else {})


class PocketSphinx(Recogniser):
    """PocketSphinx with its US English models.

    Raises: UserError where the package is missing, or `words` cannot be read or has no word that the dictionary knows.
    """

    Options = PocketSphinxOptions

    def __init__(self, options: PocketSphinxOptions):
        super().__init__(options)
        try:
            from pocketsphinx import Decoder
        except ImportError as e:
            raise lacks("pocketsphinx", "pocketsphinx", e) from e
        self.decode = "unigram_lm" if options.words else "trigram_lm"
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL", **({"lm": None} if options.words else {}))
        if options.words:
            with tempfile.TemporaryDirectory(prefix="kdse-") as folder:
                model = Path(folder) / "words.arpa"
                model.write_text(self._unigram(Path(options.words)), encoding="utf-8")
                self._decoder.add_lm_file("words", str(model))
            self._decoder.activate_search("words")

    def _unigram(self, path: Path) -> str:
        """The words of a `text` by their shares, in the ARPA format; words that the dictionary lacks are named and left out."""
        lines = [line.lower().split()[1:] for line in read_text(path).splitlines()]
        counts = Counter(word for words in lines for word in words)
        listed = {word: n for word, n in counts.items() if self._decoder.lookup_word(word) is not None}
        if not listed:
            raise UserError(f"{path} has no transcript with a word that the dictionary of PocketSphinx knows")
        absent = sorted(counts.keys() - listed)
        if absent:
            say(f"pocketsphinx: its dictionary lacks {len(absent)} words of {path}: {', '.join(absent[:10])}")
        listed["</s>"], total = len(lines), sum(listed.values()) + len(lines)
        shares = "".join(f"{math.log10(n / total):.4f} {word}\n" for word, n in sorted(listed.items()))
        return f"\\data\\\nngram 1={len(listed) + 1}\n\n\\1-grams:\n-99 <s>\n{shares}\n\\end\\\n"

    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        return [self._transcribe(wave) for wave in waves]

    def _transcribe(self, wave: np.ndarray) -> Hypothesis:
        self._decoder.reinit_feat()  # its running mean of the cepstra would carry one utterance into the next
        self._decoder.start_utt()
        self._decoder.process_raw(to_int16(wave).tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        if best is None:
            return Hypothesis("")
        words = re.sub(r"\(\d+\)|<[^>]*>|\[[^\]]*\]", "", best.hypstr)  # other pronunciations, silence, noise
        return Hypothesis(" ".join(words.split()), float(best.score))
